"""What a migration says of itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentdb.delivery.migrations.change import changes
from agentdb.errors import Undeliverable
from tests.advices import advice, titled


def test_its_name_is_made_of_the_id_and_the_title() -> None:
    (change,) = changes([advice()], together=False)
    assert change.name == "agentdb_1a2b3c01_index_on_orders_customer_id"


def test_a_title_without_latin_letters_has_a_name_all_the_same() -> None:
    (change,) = changes([titled("索引")], together=False)
    assert change.name == "agentdb_1a2b3c01_advice"


def test_it_says_what_why_and_with_which_figures() -> None:
    (change,) = changes([advice()], together=False)
    assert "\n".join(change.about) == (
        "agentdb recommendation 1a2b3c01-0000-0000-0000-000000000000: Index on orders\n"
        "(customer_id)\n"
        "Why: Looked up by customer_id. 1,200 calls: 41.20 ms each become 0.31 ms.\n"
        "Figures: 99 % less time for its statements, 24.5 MB, confidence 90 %, measured."
    )


def test_no_word_of_it_begins_a_line_of_its_own() -> None:
    (change,) = changes([titled("a\nDROP TABLE b;\r\u2028--", "x\n\nDROP")], together=False)
    assert not any(line.startswith("DROP") for line in change.about)
    assert not set("".join(change.about)) & set("\n\r\u2028")


def test_several_together_have_a_name_of_their_own_and_go_back_in_reverse() -> None:
    (one,) = changes([advice(number=1), advice(number=2)], together=True)
    (same,) = changes([advice(number=1), advice(number=2)], together=True)
    (other,) = changes([advice(number=1), advice(number=3)], together=True)
    assert one.name == same.name != other.name
    assert one.title.startswith("2 changes: ")


def test_without_a_way_back_of_each_there_is_none_of_all() -> None:
    (change,) = changes([advice(), replace(advice(number=2), rollback_sql=None)], together=True)
    assert change.down == ()


def test_a_rewrite_is_no_migration() -> None:
    with pytest.raises(Undeliverable, match="a change of the application"):
        changes([replace(advice(), kind="rewrite")], together=False)
