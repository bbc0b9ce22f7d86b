from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentdb.errors import BadData
from agentdb.evaluation.gold import GoldQuestion, read_gold, resolve

FULL = GoldQuestion(question="Where?", expected=("a", "b"), category="place", group="trip")
BARE = GoldQuestion(question="When?", expected=("c",))

LINES = """\
{"question": "Where?", "expected": ["a", "b"], "category": "place", "group": "trip"}

{"question": "When?", "expected": ["c"], "answer": "a field of the user's own"}
"""
TABLE = """\
question,expected,category,group
Where?,a; b,place,trip
When?,c,,
"""


def written(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def fault(folder: Path, name: str, text: str | bytes) -> str:
    with pytest.raises(BadData) as error:
        read_gold(written(folder, name, text))
    message = str(error.value)
    assert "\n" not in message
    assert str(folder / name) in message
    return message.removeprefix(str(folder / name))


def line(**fields: object) -> str:
    return json.dumps({"question": "Where?", "expected": ["a"], **fields})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("gold.jsonl", LINES),
        ("gold.ndjson", LINES),
        ("GOLD.JSONL", LINES.replace("\n", "\r\n")),
        ("gold.jsonl", "\ufeff" + LINES),
        ("gold.json", json.dumps([json.loads(line) for line in LINES.split("\n") if line])),
        ("gold.csv", TABLE),
        ("gold.csv", "\ufeff" + TABLE.replace("\n", "\r\n")),
        ("gold.csv", "expected,question,group,category\na;b;,Where?,trip,place\nc,When?, ,\n"),
    ],
)
def test_every_form_says_the_same(name: str, text: str, tmp_path: Path) -> None:
    assert read_gold(written(tmp_path, name, text)) == (FULL, BARE)


def test_numbers_may_stand_without_quotes_and_an_id_counts_once(tmp_path: Path) -> None:
    text = line(expected=[7, "7", 12], category=2, group=5)
    (question,) = read_gold(written(tmp_path, "gold.jsonl", text))
    assert question.expected == ("7", "12")
    assert (question.category, question.group) == ("2", "5")


def test_a_question_may_expect_nothing(tmp_path: Path) -> None:
    (of_json,) = read_gold(written(tmp_path, "gold.jsonl", line(expected=[])))
    (of_table,) = read_gold(written(tmp_path, "gold.csv", "question,expected\nWhere?,\n"))
    assert of_json.expected == of_table.expected == ()


def test_a_line_separator_inside_a_text_is_no_new_line(tmp_path: Path) -> None:
    text = '{"question": "Where\u2028exactly?", "expected": ["a"]}'
    (question,) = read_gold(written(tmp_path, "gold.jsonl", text))
    assert question.question == "Where\u2028exactly?"


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("{", ", line 3: not JSON"),
        ("[1]", ", line 3 is not an object."),
        ('"Where?"', ", line 3 is not an object."),
        ('{"question": "Where?"}', ", line 3: `expected` is missing."),
        ('{"expected": ["a"]}', ", line 3: `question` is missing."),
        (line(question=None), ", line 3: `question` is missing."),
        (line(question=" \t"), ", line 3: `question` is empty."),
        (line(question=5), ", line 3: `question` is not a text."),
        (line(expected="a"), ", line 3: `expected` is not a list."),
        (line(expected=[None]), ", line 3: `expected`: None is neither"),
        (line(expected=[True]), ", line 3: `expected`: True is neither"),
        (line(expected=[1.5]), ", line 3: `expected`: 1.5 is neither"),
        (line(expected=[" "]), ", line 3: `expected`: ' ' is neither"),
        (line(group=["a"]), ", line 3: `group`: ['a'] is neither"),
        (line(category=""), ", line 3: `category`: '' is neither"),
        ("[" * 100_000, ", line 3: JSON too large to read"),
        (f'{{"question": {"9" * 5_000}}}', ", line 3: JSON too large to read"),
    ],
)
def test_a_bad_line_is_named(bad: str, message: str, tmp_path: Path) -> None:
    text = f"{line()}\n\n{bad}\n{line()}\n"
    assert fault(tmp_path, "gold.jsonl", text).startswith(message)


def test_broken_utf_8_is_named_with_its_line(tmp_path: Path) -> None:
    text = line().encode() + b"\n" + b'{"question": "\xff"}'
    assert fault(tmp_path, "gold.jsonl", text).startswith(", line 2: not UTF-8.")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("question,expected\nWhere?\n", ", line 2: not as many cells"),
        ("question,expected\n\nWhere?\n", ", line 3: not as many cells"),
        ('question,expected\n"Where\nexactly?",a,b\n', ", line 3: not as many cells"),
        ("question,expected\nWhere?,a\nWhen?,b,c\n", ", line 3: not as many cells"),
        ("question,answer\nWhere?,there\n", ", line 2: `expected` is missing."),
        ('question,expected\nWhere?,"a" b\n', ", line 2: not CSV"),
        ("question,expected\n ,a\n", ", line 2: `question` is missing."),
    ],
)
def test_a_bad_row_is_named(text: str, message: str, tmp_path: Path) -> None:
    assert fault(tmp_path, "gold.csv", text).startswith(message)


def test_a_bad_item_is_named(tmp_path: Path) -> None:
    text = f"[{line()},\n{line(expected=3)}]"
    assert fault(tmp_path, "gold.json", text).startswith(", question 2: `expected` is not a list")
    assert fault(tmp_path, "gold.json", text[:-1]).startswith(", line 2: not JSON")
    assert fault(tmp_path, "gold.json", "{}").startswith(" is not a list.")


@pytest.mark.parametrize(
    ("name", "text"), [("g.jsonl", " \n\n"), ("g.json", "[]"), ("g.csv", "question,expected\n")]
)
def test_a_file_without_a_question_is_a_fault(name: str, text: str, tmp_path: Path) -> None:
    assert fault(tmp_path, name, text).startswith(" holds no question.")


def test_another_kind_of_file_is_a_fault(tmp_path: Path) -> None:
    assert fault(tmp_path, "gold.txt", LINES).startswith(": a gold set is a .jsonl")


def test_a_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="cannot be read: No such file"):
        read_gold(tmp_path / "gold.jsonl")


def test_ids_that_nothing_has_are_marked_and_stay_expected() -> None:
    assert resolve(FULL, {"a", "c"}).unresolved == ("b",)
    assert resolve(FULL, {"a", "c"}).expected == ("a", "b")
    assert resolve(BARE, {"c"}) == BARE
