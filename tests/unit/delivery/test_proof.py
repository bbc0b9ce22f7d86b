"""A pull request's text: all of the proof, nobody's markup, and nobody called."""

from __future__ import annotations

import re
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from agentdb.delivery.markdown import fenced, inline, quiet, silent
from agentdb.delivery.proof import MOST_CHARACTERS, Proof, TakenBack, body, outcome, title
from agentdb.delivery.topics import branch_of, mark_in, topic_of
from agentdb.repositories.advice import StatementEffect
from tests.advices import advice, titled

HOSTILE = "SELECT '```' /* @everyone closes #12, !3, GH-4, </details><script>x</script> */\n/close"
EFFECT = StatementEffect("1f", HOSTILE, 41.2, 0.31, 11_005, 23, 1_200)
ADVICE = replace(
    advice(),
    statements=(EFFECT,),
    plan_before="Seq Scan on orders",
    plan_after="Index Scan using i",
    evidence_detail={"trial": "shadow", "values_tried": 4},
)
PROOF = Proof(topic_of(ADVICE), ADVICE, ("migrations/0001_index.sql",))


def test_the_text_holds_the_whole_proof() -> None:
    text = body(PROOF)
    for part in (
        "| **Confidence** | 90 % |",
        "measured: run before and after, on temporary copies, with 4 sets of values",
        "| **Size** | 24.5 MB |",
        "| 1,200 | 41.2 | 0.310 | 11,005 | 23 |",
        "```\nSeq Scan on orders\n```",
        "```\nIndex Scan using i\n```",
        "**Locks:** reads and writes go on",
        "**Writes:** each write to the table keeps one index more",
        "**Disk:** 24.5 MB",
        f"```sql\n{ADVICE.rollback_sql};\n```",
        "The migration is in `migrations/0001_index.sql`",
        "your last comment is remembered as the reason",
    ):
        assert part in text
    assert "db.example" not in text


def test_the_mark_tells_the_request_again_and_whether_it_was_changed() -> None:
    text = body(PROOF)
    mark = mark_in(text)
    assert mark is not None
    assert mark.topic == PROOF.topic
    assert mark_in(text.replace("\n", "\r\n")) == mark
    assert mark_in(text.replace("41.2", "39.9")) is None
    assert mark_in(body(replace(PROOF, advice=replace(ADVICE, gain_percent=1.0)))) != mark
    assert body(PROOF) == text


def test_foreign_statements_stand_in_code_alone() -> None:
    text = body(PROOF)
    shown = MarkdownIt("commonmark").enable("table").parse(text)
    inlines = [child for token in shown for child in token.children or ()]
    plain = " ".join(child.content for child in inlines if child.type == "text")
    code = " ".join(t.content for t in shown if t.type == "fence")
    assert HOSTILE in code
    assert re.findall(r"@everyone|#12|GH-4|!3|script", plain) == []
    assert [
        token.content for token in shown if "script" in token.content and "html" in token.type
    ] == []
    assert not any(line.startswith("/") for line in outside_of_fences(text))


def outside_of_fences(text: str) -> list[str]:
    lines, fence = [], ""
    for line in text.splitlines():
        ticks = re.match("`{3,}", line)
        if fence:
            fence = "" if line == fence else fence
        elif ticks:
            fence = ticks[0]
        else:
            lines.append(line)
    return lines


@pytest.mark.parametrize(
    ("words", "gone"),
    [
        ("for @everyone", "@everyone"),
        ("closes #12", "#12"),
        ("fixes GH-12", "GH-12"),
        ("see !34 and $5 and ~bug", "!34"),
        ("https://evil.example", "https://"),
        ("www.evil.example", "www.e"),
        ("/merge", "\n/merge"),
    ],
)
def test_names_of_others_call_nobody(words: str, gone: str) -> None:
    proof = replace(PROOF, advice=titled(words, reasoning=words))
    assert gone not in body(proof)
    assert gone not in title(proof)
    assert silent(words).replace("\u200b", "") == words
    assert not title(proof).startswith("/")


def test_very_many_files_and_a_very_long_title_fit() -> None:
    files = tuple(f"prisma/migrations/20260301020304_{'x' * 80}_{n:04}" for n in range(1_500))
    back = TakenBack(titled("Index on t (a) where a in (" + "1, " * 40_000), None)
    text = body(replace(PROOF, files=files, reverts=back))
    assert len(text) <= MOST_CHARACTERS
    assert "_0099` and 1400 more files." in text


def test_who_merges_is_told_to_merge_one_after_the_other() -> None:
    merging = body(PROOF).partition("## To merge it")[2]
    assert "if another was merged since, let agentdb deliver again first" in merging


def test_a_title_of_nothing_but_calls_is_no_longer_than_a_forge_takes() -> None:
    assert len(title(replace(PROOF, advice=titled("@a" * 150)))) <= 200


@given(st.text())
def test_any_text_in_a_fence_ends_with_the_fence(text: str) -> None:
    clean = text.replace("\r", "").replace("\0", "")
    (token,) = MarkdownIt("commonmark").parse(fenced(clean, "sql"))
    assert (token.type, token.content) == ("fence", f"{clean}\n")


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1))
def test_any_text_in_code_within_a_line_stays_what_it_is(text: str) -> None:
    cell = f"| a |\n| --- |\n| {inline(text)} |"
    shown = MarkdownIt("commonmark").enable("table").parse(cell)
    (code,) = [c for t in shown if t.type == "inline" for c in t.children or () if c.type != "text"]
    assert (code.type, code.content) == ("code_inline", text)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1))
def test_any_name_is_shown_as_it_is_and_is_no_markup(text: str) -> None:
    (_, token, _) = MarkdownIt("commonmark").parse(f"x {quiet(text)} x")
    kinds = {child.type for child in token.children or ()}
    shown = "".join(child.content for child in token.children or ())
    assert kinds <= {"text", "text_special"}
    assert shown.replace("\u200b", "") == f"x {text.replace(chr(0x200B), '')} x"


@pytest.mark.parametrize(
    ("statements", "characters"), [(1, 100_000), (60, 5_000), (3_000, 30), (900, 900)]
)
def test_a_text_that_is_too_long_is_cut_and_says_so(statements: int, characters: int) -> None:
    effect = replace(EFFECT, query=f"SELECT {'x' * characters}")
    long = replace(
        ADVICE, statements=(effect,) * statements, plan_before="p" * 90_000, reasoning="r" * 90_000
    )
    text = body(replace(PROOF, advice=long))
    assert len(text) <= MOST_CHARACTERS
    assert "characters)" in text
    assert mark_in(text)
    assert "## To undo it" in text
    assert text.count("<details>") == text.count("</details>")


def test_what_takes_another_back_says_which_and_what_was_measured() -> None:
    first = replace(
        advice(),
        measured_gain_percent=-40.0,
        measured_gain_low_percent=-60.0,
        measured_gain_high_percent=-20.0,
    )
    text = body(replace(PROOF, reverts=TakenBack(first, "https://github.com/shop/orders/pull/7")))
    assert text.startswith(
        "Takes back “Index on orders (customer\\_id)”, which https://github.com/"
    )
    assert "take 40 % more time since (a gain of -60 to -20 % in 95 of 100 cases)" in text


def test_an_outcome_compares_with_what_was_expected() -> None:
    told = replace(ADVICE, measured_gain_percent=93.0, status_reason="over @seven days")
    text = outcome("t-1", told, "confirmed")
    assert text.startswith("**It helped.** Its statements take 93 % less time since. Expected were")
    assert "@seven" not in text
    assert text.endswith("<!-- agentdb:outcome=t-1:confirmed -->\n")


def test_a_topic_is_what_the_advice_is_and_not_its_id() -> None:
    again = replace(ADVICE, id=UUID(int=7), title="Another title", gain_percent=1.0)
    assert topic_of(again) == topic_of(ADVICE)
    assert topic_of(replace(ADVICE, target="db.example/staging")) != topic_of(ADVICE)
    assert re.fullmatch(r"agentdb/create-index-orders-[0-9a-f]{12}", branch_of(topic_of(ADVICE)))
    odd = replace(ADVICE, table_name="Ünïcode “table” ../.." + "x" * 80)
    assert re.fullmatch(r"agentdb/[a-z0-9-]{1,60}", branch_of(topic_of(odd)))
