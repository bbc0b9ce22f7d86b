"""Ideas for one statement, from its text and the statistics alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from agentdb.architect.candidates import covers, propose_candidates
from agentdb.architect.proposers.block_range import propose_block_range
from agentdb.architect.proposers.btree import propose_btree
from agentdb.architect.proposers.covering import propose_covering
from agentdb.architect.proposers.foreign_key import propose_foreign_key
from agentdb.architect.proposers.inverted import propose_inverted
from agentdb.architect.proposers.partial import propose_partial
from agentdb.architect.proposers.prefix import propose_prefix
from agentdb.target.catalog import Catalog, ForeignKey, Index, Table
from agentdb.target.index import IndexDefinition, Key
from agentdb.target.scope import read_scopes
from agentdb.target.syntax import parse_one
from agentdb.target.usage import TableUse, read_usage
from tests.builders import catalog, column, index, table

ORDERS = table(
    "orders",
    column("id", distinct=100_000),
    column("user_id", distinct=5_000),
    column("status", "text", distinct=4, shares={"paid": 0.97, "held": 0.001}),
    column("created_at", "timestamp with time zone", distinct=90_000, correlation=0.99),
    column("note", "text", null_fraction=0.95, width_bytes=200),
    column("tags", "text[]"),
    column("payload", "jsonb"),
    column("open", "boolean", shares={"f": 0.98, "t": 0.02}),
    indexes=(index("id", primary=True),),
)
SMALL = table("small", column("id"), rows=10)


@dataclass(frozen=True)
class Asked:
    """As much of a case as proposers look at."""

    uses: tuple[TableUse, ...]
    fingerprint: str = "f"
    deletes_from: tuple[Table, ...] = field(default=())
    precedents: tuple[()] = ()


def ideas(proposer: object, where: str, known: Catalog) -> set[str]:
    uses = read_usage(read_scopes(parse_one(f"SELECT id FROM orders {where}"), known))
    found = proposer(Asked(uses), known)  # type: ignore[operator]
    return {candidate.definition.body for candidate in found}


PLAIN = catalog(ORDERS, SMALL, extensions={"pg_trgm": "public"})


@pytest.mark.parametrize(
    ("where", "body"),
    [
        ("WHERE user_id = 1", 'USING btree ("user_id")'),
        ("WHERE status = 'a' AND user_id = 1", 'USING btree ("user_id", "status")'),
        (
            "WHERE user_id = 1 AND created_at > '2024-01-01'",
            'USING btree ("user_id", "created_at")',
        ),
        (
            "WHERE user_id = 1 ORDER BY created_at DESC LIMIT 5",
            'USING btree ("user_id", "created_at" DESC)',
        ),
        (
            "WHERE user_id = 1 ORDER BY created_at DESC NULLS LAST LIMIT 5",
            'USING btree ("user_id", "created_at" DESC NULLS LAST)',
        ),
        ("ORDER BY created_at LIMIT 5", 'USING btree ("created_at")'),
        (
            "WHERE created_at > '2024-01-01' AND length(note) > 5",
            'USING btree ("created_at", (length(note)))',
        ),
        (
            "WHERE user_id > 3 AND user_id < 9 AND created_at > '2024-01-01'",
            'USING btree ("user_id", "created_at")',
        ),
        (
            "WHERE user_id = 1 AND id > 7 ORDER BY created_at LIMIT 5",
            'USING btree ("user_id", "created_at", "id")',
        ),
        ("WHERE lower(status) = 'a'", "USING btree ((lower(status)))"),
        ("WHERE payload ->> 'k' = 'v'", "USING btree ((payload ->> 'k'))"),
        ("WHERE user_id = 1 OR id = 2", 'USING btree ("user_id")'),
    ],
)
def test_a_btree_puts_equality_before_range_and_order(where: str, body: str) -> None:
    assert body in ideas(propose_btree, where, PLAIN)


@pytest.mark.parametrize(
    ("one", "other", "body"),
    [
        ("created_at DESC", "created_at", 'USING btree ("created_at")'),
        ("created_at DESC, id DESC", "created_at, id", 'USING btree ("created_at", "id")'),
        (
            "created_at DESC, note",
            "created_at, note DESC",
            'USING btree ("created_at", "note" DESC)',
        ),
    ],
)
def test_what_differs_in_the_direction_it_is_read_in_is_one_idea(
    one: str, other: str, body: str
) -> None:
    asked = [
        Asked(read_usage(read_scopes(parse_one(f"SELECT 1 FROM orders ORDER BY {order}"), PLAIN)))
        for order in (one, other)
    ]

    (idea,) = propose_candidates(asked, PLAIN, [propose_btree])  # type: ignore[arg-type]

    assert idea.definition.body == body


def test_a_direction_that_says_where_nulls_stand_is_kept() -> None:
    uses = read_usage(
        read_scopes(parse_one("SELECT 1 FROM orders ORDER BY note DESC NULLS LAST"), PLAIN)
    )

    (idea,) = propose_candidates([Asked(uses)], PLAIN, [propose_btree])  # type: ignore[list-item]

    assert idea.definition.body == 'USING btree ("note" DESC NULLS LAST)'


def test_no_index_is_wider_than_four_keys() -> None:
    where = "WHERE user_id = 1 AND status = 'a' AND id = 1 AND note = 'x' ORDER BY created_at, tags"
    assert all(body.count('"') <= 8 for body in ideas(propose_btree, where, PLAIN))


def test_a_table_of_a_few_pages_gets_no_index() -> None:
    uses = read_usage(read_scopes(parse_one("SELECT 1 FROM small WHERE id = 1"), PLAIN))
    assert list(propose_btree(Asked(uses), PLAIN)) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("where", "predicate"),
    [
        ("WHERE status = 'held' AND user_id = 1", "WHERE \"status\" <> 'paid'"),
        ("WHERE note IS NOT NULL AND user_id = 1", "WHERE note IS NOT NULL"),
        ("WHERE open AND user_id = 1", "WHERE open"),
    ],
)
def test_a_condition_that_keeps_few_rows_becomes_a_predicate(where: str, predicate: str) -> None:
    assert f'USING btree ("user_id") {predicate}' in ideas(propose_partial, where, PLAIN)


@pytest.mark.parametrize(
    ("where", "body"),
    [
        ("WHERE user_id = 1 OR note = 'x'", 'USING btree ("note") WHERE "note" IS NOT NULL'),
        ("WHERE id = 1 OR (open AND user_id = 1)", 'USING btree ("user_id") WHERE open'),
    ],
)
def test_each_branch_of_an_or_may_ask_for_few_rows(where: str, body: str) -> None:
    assert body in ideas(propose_partial, where, PLAIN)


@pytest.mark.parametrize(
    "where",
    ["WHERE status = 'paid' AND user_id = 1", "WHERE NOT open", "WHERE note IS NULL"],
)
def test_a_condition_that_keeps_most_rows_does_not(where: str) -> None:
    assert ideas(propose_partial, where, PLAIN) == set()


def test_a_condition_alone_is_listed_by_primary_key() -> None:
    found = ideas(propose_partial, "WHERE open", PLAIN)
    assert 'USING btree ("id") WHERE open' in found


def test_narrow_columns_that_are_read_are_included() -> None:
    found = ideas(propose_covering, "WHERE user_id = 1", PLAIN)
    assert found == {'USING btree ("user_id") INCLUDE ("id")'}


@pytest.mark.parametrize(
    ("where", "body"),
    [
        ("WHERE tags @> '{x}'", 'USING gin ("tags")'),
        ("WHERE tags && '{x}'", 'USING gin ("tags")'),
        ("WHERE payload @> '{}'", 'USING gin ("payload" jsonb_path_ops)'),
        ("WHERE payload ? 'k'", 'USING gin ("payload")'),
        ("WHERE note LIKE '%word%'", 'USING gin ("note" gin_trgm_ops)'),
        ("WHERE note ~* 'word'", 'USING gin ("note" gin_trgm_ops)'),
        ("WHERE to_tsvector('english', note) @@ 'a'", "USING gin ((to_tsvector('english', note)))"),
    ],
)
def test_what_lies_inside_a_value_gets_gin(where: str, body: str) -> None:
    assert body in ideas(propose_inverted, where, PLAIN)


def test_trigrams_need_their_extension_and_three_letters() -> None:
    assert ideas(propose_inverted, "WHERE note LIKE '%word%'", catalog(ORDERS)) == set()
    assert ideas(propose_inverted, "WHERE note LIKE '%wo%'", PLAIN) == set()


def test_trigrams_are_named_with_their_schema_where_the_search_path_lacks_it() -> None:
    elsewhere = catalog(ORDERS, extensions={"pg_trgm": "our extensions"})
    found = ideas(propose_inverted, "WHERE note LIKE '%word%'", elsewhere)
    assert found == {'USING gin ("note" "our extensions".gin_trgm_ops)'}


def test_rows_that_lie_in_order_get_a_block_range_index() -> None:
    found = ideas(propose_block_range, "WHERE created_at > '2024-01-01'", PLAIN)
    assert 'USING brin ("created_at") WITH (pages_per_range = 16)' in found
    assert ideas(propose_block_range, "WHERE user_id > 1", PLAIN) == set()


def test_a_prefix_gets_pattern_operators_outside_the_c_locale() -> None:
    found = ideas(propose_prefix, "WHERE note LIKE 'abc%'", PLAIN)
    assert found == {'USING btree ("note" text_pattern_ops)'}
    assert ideas(propose_prefix, "WHERE note LIKE '%abc'", PLAIN) == set()


def test_a_deleted_parent_asks_for_an_index_on_what_points_at_it() -> None:
    users = table("users", column("id"))
    key = ForeignKey("orders_user_id_fkey", ("user_id",), users.oid, ("id",))
    child = table("orders", column("user_id"), foreign_keys=(key,))
    asked = Asked((), deletes_from=(users,))
    found = list(propose_foreign_key(asked, catalog(users, child)))  # type: ignore[arg-type]
    assert [candidate.definition.body for candidate in found] == ['USING btree ("user_id")']


@pytest.mark.parametrize(
    ("existing", "keys", "covered"),
    [
        (index("a", "b"), (Key('"a"'),), True),
        (index("a", "b"), (Key('"b"'),), False),
        (index("a"), (Key('"a"', descending=True),), True),
        (index("a", "b"), (Key('"a"'), Key('"b"', descending=True)), False),
        (index("a", predicate="b = 1"), (Key('"a"'),), False),
        (index("a", valid=False), (Key('"a"'),), False),
        (index("a", method="hash"), (Key('"a"'),), False),
        (index("lower(a)"), (Key("(lower(a))"),), True),
    ],
)
def test_an_index_covers_what_it_can_do_already(
    existing: Index, keys: tuple[Key, ...], covered: bool
) -> None:
    assert covers(existing, IndexDefinition("public", "t", "btree", keys)) is covered
