"""The data here are made up; only their layout is LoCoMo's."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agentdb.errors import BadData
from agentdb.evaluation.gold import GoldQuestion
from agentdb.evaluation.locomo import Session, Turn, evidence_ids, read_locomo

Fields = dict[str, object]


def turn(id_: str, speaker: str = "Ada", **fields: object) -> Fields:
    return {"speaker": speaker, "dia_id": id_, "text": f"I am {id_}.", **fields}


def asked(evidence: object, category: object = 4) -> Fields:
    return {"question": "Who is it?", "answer": 7, "evidence": evidence, "category": category}


def conversation(id_: str = "conv-1", **fields: object) -> Fields:
    body: Fields = {
        "speaker_a": "Ada",
        "speaker_b": "Bob",
        "session_10": [turn("D10:1", "Bob")],
        "session_10_date_time": "12:09 am on 13 September, 2023",
        "session_2": [turn("D2:1"), turn("D2:2", "Bob", text="", blip_caption="a red boat")],
        "session_2_date_time": "1:56 pm on 8 May, 2023",
        "session_3": [],
        "session_4_date_time": "9:00 am on 1 June, 2023",
    }
    return {"sample_id": id_, "conversation": body, "qa": [asked(["D2:1"])], **fields}


def written(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def fault(path: Path, content: object) -> str:
    with pytest.raises(BadData) as error:
        read_locomo(written(path, content))
    return str(error.value).removeprefix(str(path))


def questions(path: Path, *asked_: Fields) -> tuple[GoldQuestion, ...]:
    (read,) = read_locomo(written(path, [conversation(qa=list(asked_))]))
    return read.questions


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "locomo.json"


def test_sessions_come_in_the_order_of_their_numbers_and_only_with_turns(file: Path) -> None:
    (read,) = read_locomo(written(file, [conversation()]))
    assert read.id == "conv-1"
    assert read.speakers == ("Ada", "Bob")
    assert read.sessions == (
        Session(
            number=2,
            date="1:56 pm on 8 May, 2023",
            started_at=datetime(2023, 5, 8, 13, 56, tzinfo=UTC),
            turns=(
                Turn(id="D2:1", speaker="Ada", text="I am D2:1.", caption=None),
                Turn(id="D2:2", speaker="Bob", text="", caption="a red boat"),
            ),
        ),
        Session(
            number=10,
            date="12:09 am on 13 September, 2023",
            started_at=datetime(2023, 9, 13, 0, 9, tzinfo=UTC),
            turns=(Turn(id="D10:1", speaker="Bob", text="I am D10:1.", caption=None),),
        ),
    )


def test_a_question_belongs_to_its_conversation_and_category(file: Path) -> None:
    (read,) = questions(file, asked(["D2:1", "D10:1", "D2:1"], category=2))
    assert read == GoldQuestion(
        question="Who is it?", expected=("D2:1", "D10:1"), category="temporal", group="conv-1"
    )


def test_the_categories_have_the_names_of_the_paper(file: Path) -> None:
    read = questions(file, *(asked(["D2:1"], category) for category in range(1, 6)))
    names = ["multi-hop", "temporal", "open-domain", "single-hop", "adversarial"]
    assert [question.category for question in read] == names


@pytest.mark.parametrize(
    ("strings", "ids"),
    [
        (["D1:3"], ("D1:3",)),
        (["D1:3", "D1:3"], ("D1:3",)),
        (["D8:6; D9:17"], ("D8:6", "D9:17")),
        (["D9:1 D4:4 D4:6"], ("D9:1", "D4:4", "D4:6")),
        (["D:11:26"], ("D11:26",)),
        (["D30:05"], ("D30:5",)),
        (["(D1:3)", " D1:4,"], ("D1:3", "D1:4")),
        (["D1:3D1:4"], ("D1:3", "D1:4")),
        (["D1:31"], ("D1:31",)),
        (["D"], ("D",)),
        (["", " "], ()),
        ([], ()),
    ],
)
def test_odd_evidence_is_understood(strings: list[str], ids: tuple[str, ...]) -> None:
    assert evidence_ids(strings) == ids


def test_evidence_that_is_no_turn_stays_expected_and_is_marked(file: Path) -> None:
    (read,) = questions(file, asked(["D2:1", "D2:3; D2:02", "D"]))
    assert read.expected == ("D2:1", "D2:3", "D2:2", "D")
    assert read.unresolved == ("D2:3", "D")


def test_a_question_without_evidence_expects_nothing(file: Path) -> None:
    without = {"question": "Who is it?", "adversarial_answer": "Bob", "category": 5}
    assert [each.expected for each in questions(file, asked([]), without)] == [(), ()]


def test_a_single_conversation_may_stand_alone(file: Path) -> None:
    assert read_locomo(written(file, conversation())) == read_locomo(
        written(file, [conversation()])
    )


def test_sessions_may_stand_beside_the_questions(tmp_path: Path) -> None:
    flat: Fields = {
        "session_1": [{"speaker": "Ada", "dia_id": "D1:1", "clean_text": "Hello."}],
        "qa": [asked(["D1:1"])],
    }
    (read,) = read_locomo(written(tmp_path / "26_post_qa.json", flat))
    assert read.id == read.questions[0].group == "26_post_qa"
    assert read.sessions[0].turns[0].text == "Hello."
    assert read.sessions[0].started_at is None


def test_a_folder_holds_a_file_for_each(tmp_path: Path) -> None:
    written(tmp_path / "2.json", conversation("conv-2"))
    written(tmp_path / "1.json", conversation("conv-1"))
    (tmp_path / "LICENSE.txt").write_text("not data")
    assert [each.id for each in read_locomo(tmp_path)] == ["conv-1", "conv-2"]


def test_conversations_of_a_list_may_have_no_name(file: Path) -> None:
    nameless = {key: value for key, value in conversation().items() if key != "sample_id"}
    read = read_locomo(written(file, [nameless, nameless]))
    assert [each.id for each in read] == ["locomo-1", "locomo-2"]


def test_a_date_that_is_not_understood_is_kept_as_it_is(file: Path) -> None:
    body = {"session_1": [turn("D1:1")], "session_1_date_time": "last May"}
    (read,) = read_locomo(written(file, [conversation(conversation=body)]))
    assert (read.sessions[0].date, read.sessions[0].started_at) == ("last May", None)


def test_a_conversation_that_comes_twice_is_a_fault(file: Path) -> None:
    message = fault(file, [conversation("a"), conversation("b"), conversation("a")])
    assert message.startswith(": conversation a comes twice.")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], " holds no conversation."),
        ("text", " is not an object."),
        ([[]], ", conversation 1 is not an object."),
        ([{"question": "of a gold set", "expected": ["a"]}], ", conversation 1 has no session."),
        ([conversation(conversation=[])], ", conversation 1: `conversation` is not an object."),
        ([conversation(qa={})], ", conversation 1: `qa` is not a list."),
        ([conversation(qa=[[]])], ", conversation 1, question 1 is not an object."),
        ([conversation(qa=[asked("D2:1")])], ", conversation 1, question 1: `evidence` is not a l"),
        ([conversation(qa=[asked([3])])], ", conversation 1, question 1: `evidence` is not a text"),
        ([conversation(qa=[asked([], 6)])], ", conversation 1, question 1: there is no category 6"),
        ([conversation(qa=[asked([], "4")])], ", conversation 1, question 1: `category` is not a"),
        (
            [conversation(qa=[{**asked([]), "category": True}])],
            ", conversation 1, question 1: `category` is not a",
        ),
    ],
)
def test_something_else_is_a_fault_that_says_where(
    content: object, message: str, file: Path
) -> None:
    assert fault(file, content).startswith(message)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"dia_id": "D1:1", "text": ""}, ", session 1, D1:1: `speaker` is not a text."),
        ({"speaker": "Ada", "text": ""}, ", session 1: `dia_id` is not a text."),
        ({"speaker": "Ada", "dia_id": "D1:1"}, ", session 1, D1:1: `text` is not a text."),
        (turn("D1:1", blip_caption=5), ", session 1, D1:1: `blip_caption` is not a text."),
        ("Hello.", ", session 1: turn is not an object."),
    ],
)
def test_a_bad_turn_is_named(bad: object, message: str, file: Path) -> None:
    content = [conversation(conversation={"session_1": [bad]})]
    assert fault(file, content).removeprefix(", conversation 1") == message


def test_an_empty_folder_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="holds no conversation"):
        read_locomo(tmp_path)
