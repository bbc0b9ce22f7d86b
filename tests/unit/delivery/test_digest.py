"""The week's digest as Markdown, HTML and a message for a chat."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from agentdb.delivery.digest import (
    Worsened,
    compose_digest,
    digest_html,
    digest_markdown,
    digest_message,
    digest_topic,
    subject,
)
from agentdb.delivery.webhook import MOST_CHARACTERS
from agentdb.repositories.deliveries import Delivery
from tests.advices import ADVISED_AT, advice

END = ADVISED_AT + timedelta(days=1)
OLD = replace(
    advice(number=2),
    title="Index on a < b & <!channel>",
    created_at=ADVISED_AT - timedelta(days=60),
    verdict="confirmed",
    measured_at=ADVISED_AT,
    measured_gain_percent=93.0,
)
SENT = Delivery(
    target="db.example/shop",
    topic="create-index-orders-1a2b",
    channel="github",
    place="github.com/shop/orders",
    optimization_ids=(advice().id,),
    id=1,
    state="merged",
    digest="1a",
    number=7,
    url="https://github.com/shop/orders/pull/7",
    attempts=1,
    error=None,
    created_at=ADVISED_AT - timedelta(days=30),
    sent_at=ADVISED_AT - timedelta(days=30),
    updated_at=None,
    ended_at=ADVISED_AT,
)
SLOWER = Worsened("SELECT `x` FROM t WHERE a <> '|'", 4.1, 41.2, "an index was dropped")
DIGEST = compose_digest(
    "db.example/shop",
    END,
    advice=[advice(), OLD],
    deliveries=[SENT, replace(SENT, id=2, ended_at=None, state="sent", topic="long-ago")],
    worsened=[SLOWER],
    gained_ms_a_week=5_400_000.0,
    share_of_time=0.98,
    failures=["the audit of db.example/other failed: no answer"],
)
QUIET = compose_digest("db.example/shop", END, advice=[OLD], period=timedelta(hours=1))


def test_a_digest_tells_what_happened_in_its_period() -> None:
    assert DIGEST.recommendations == (advice(),)
    assert DIGEST.outcomes == (OLD,)
    assert [each.id for each in DIGEST.deliveries] == [1]
    assert digest_topic(DIGEST) == "digest-2026-03-02"


def test_a_title_of_several_lines_stays_in_its_row_of_the_page() -> None:
    odd = replace(advice(), title="Index on t (a) where b = 'x\n\n- y'")
    page = digest_markdown(replace(QUIET, recommendations=(odd,), failures=("no\n\nanswer",)))
    assert "| Index on t (a) where b = 'x - y' | 99 % |" in page
    assert "\n\nno answer\n\n" in page


def test_the_subject_says_how_much_there_is() -> None:
    told = "1 new recommendation, 1 statement slower, 1 failure"
    assert subject(DIGEST) == f"agentdb, shop, 2026-03-02: {told}"
    assert subject(QUIET) == "agentdb, shop, 2026-03-02: nothing new"


def test_the_page_holds_each_part_and_no_empty_one() -> None:
    page = digest_markdown(DIGEST)
    for part in (
        "Gained so far: 1.5 hours of database time a week. 98 % of the time were analysed.",
        "## What failed\n\nthe audit of db.example/other failed",
        "| SELECT \\`x\\` FROM t WHERE a \\<\\> '\\|' | 4.10 | 41.2 | an index was dropped |",
        "| Index on orders (customer\\_id) | 99 % | 24.5 MB | 90 % | 1a2b3c01 |",
        "| helped | 99 % | 93 % | 1a2b3c02 |",
        "| create-index-orders-1a2b | merged | https://github.com/shop/orders/pull/7 |",
    ):
        assert part in page
    assert digest_markdown(QUIET).count("##") == 0
    assert "not measured yet" in digest_markdown(QUIET)


def test_the_mail_shows_foreign_text_as_text() -> None:
    page = digest_html(DIGEST)
    assert "a &lt; b &amp; &lt;!channel&gt;" in page
    assert "<!channel>" not in page
    assert page.count("<table>") == page.count("</table>") == 4


def test_the_message_calls_nobody_and_links_the_requests() -> None:
    text = digest_message(DIGEST)
    assert "<!channel>" not in text
    assert "• *helped:* Index on a &lt; b &amp; &lt;!channel&gt; (93 % less time)" in text
    assert "`SELECT 'x' FROM t WHERE a &lt;&gt; '|'` 4.10 → 41.2 ms: an index was dropped" in text
    assert "<https://github.com/shop/orders/pull/7|create-index-orders-1a2b>" in text


def test_a_message_that_is_too_long_says_how_much_is_left_out() -> None:
    many = tuple(replace(advice(), title=f"Index {n}") for n in range(500))
    text = digest_message(replace(DIGEST, recommendations=many))
    assert len(text) <= MOST_CHARACTERS
    assert text.splitlines()[-1].startswith("… and ")
