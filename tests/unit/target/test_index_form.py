"""Two texts, one index: ours and the server's."""

from __future__ import annotations

import pytest

from agentdb.target.index_form import same_index
from agentdb.target.syntax import Unparsable


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ('"public"."o" USING btree ("a")', "public.o USING btree (a)"),
        ("public.o USING btree (a, b DESC)", "public.o USING btree (a DESC, b)"),
        ("public.o USING btree (a DESC NULLS LAST)", "public.o USING btree (a NULLS FIRST)"),
        ("public.o USING btree (a) INCLUDE (b, c)", "public.o USING btree (a) INCLUDE (c, b)"),
        ('public.o USING btree ((lower("m")))', "public.o USING btree (lower((m)::text))"),
        ("public.o USING btree ((d::date))", "public.o USING btree (((d)::date))"),
        ("public.o USING btree ((p ->> 'k'))", "ONLY public.o USING btree (((p ->> 'k'::text)))"),
        ("public.o USING gin (n gin_trgm_ops)", "public.o USING gin (n public.gin_trgm_ops)"),
        ("public.o USING brin (d)", "public.o USING brin (d) WITH (pages_per_range='32')"),
        (
            "public.o USING btree (a) WHERE s NOT IN ('x', 'y')",
            "public.o USING btree (a) WHERE s::text <> ALL ((ARRAY['x'::varchar, 'y'])::text[])",
        ),
        (
            "public.o USING btree (a) WHERE b LIKE 'x%' AND c > -1",
            "public.o USING btree (a) WHERE ((c > '-1'::integer) AND (b ~~ 'x%'::text))",
        ),
        (
            "public.o USING btree (a) WHERE NOT done AND x IS NOT NULL",
            "public.o USING btree (a) WHERE ((NOT done) AND (x IS NOT NULL))",
        ),
    ],
)
def test_what_the_server_prints_is_what_was_advised(ours: str, theirs: str) -> None:
    assert same_index(ours, theirs)
    assert same_index(theirs, ours)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("public.o USING btree (a)", "public.p USING btree (a)"),
        ("public.o USING btree (a)", "other.o USING btree (a)"),
        ("public.o USING btree (a)", "public.o USING btree (a, b)"),
        ("public.o USING btree (a, b)", "public.o USING btree (b, a)"),
        ("public.o USING btree (a, b)", "public.o USING btree (a, b DESC)"),
        ("public.o USING btree (a)", "public.o USING hash (a)"),
        ("public.o USING btree (a)", "public.o USING btree (a text_pattern_ops)"),
        ("public.o USING btree (a)", 'public.o USING btree (a COLLATE "C")'),
        ("public.o USING btree (a)", "public.o USING btree (a) INCLUDE (b)"),
        ("public.o USING btree (a)", "public.o USING btree (a) WHERE b = 1"),
        ("public.o USING btree (a) WHERE b = 1", "public.o USING btree (a) WHERE b = 2"),
        ("public.o USING btree ((d::date))", "public.o USING btree (d)"),
        ("public.o USING btree ((i::text))", "public.o USING btree (i)"),
        ("public.o USING gin (n)", "public.o USING gin (n) WHERE n IS NOT NULL"),
    ],
)
def test_what_reads_otherwise_is_another_index(one: str, other: str) -> None:
    assert not same_index(one, other)
    assert not same_index(other, one)


def test_what_is_no_index_is_said_to_be_none() -> None:
    with pytest.raises(Unparsable):
        same_index("public.o USING btree (a", "public.o USING btree (a)")
