"""`agentdb eval` from outside: exact figures of made-up data, and nothing left behind."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.running import agentdb, complaint, printed
from tests.servers import run, value

ARMS = ("hybrid", "words", "vectors")


def turn(id_: str, speaker: str, text: str, **more: str) -> dict[str, str]:
    return {"dia_id": id_, "speaker": speaker, "text": text, **more}


def question(text: str, category: int, *evidence: str) -> dict[str, object]:
    return {"question": text, "category": category, "evidence": list(evidence)}


CONVERSATIONS = [
    {
        "sample_id": "pots",
        "conversation": {
            "session_1": [
                turn("D1:1", "Ann", "I hid the spare key under the blue pot."),
                turn("D1:2", "Bob", "Good idea!"),
                turn("D1:3", "Ann", "Look at this.", blip_caption="a photo of a lighthouse"),
            ],
            "session_2": [turn("D2:1", "Bob", "Good idea!")],
        },
        "qa": [
            question("Where is the spare key?", 4, "D1:1"),
            question("What was a good idea?", 1, "D1:2", "D2:1"),
            question("Who has a photo of a lighthouse?", 5, "D1:3"),
            question("When?", 2, "D9:9"),
            question("Whatever for?", 2),
        ],
    },
    {
        "sample_id": "dogs",
        "conversation": {"session_1": [turn("D1:1", "Cid", "My dog is called Rex.")]},
        # Its words are those of a turn with the same id, in the other conversation.
        "qa": [question("Is there a spare key?", 4, "D1:1")],
    },
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two conversations laid out as LoCoMo's."""
    path = tmp_path / "locomo.json"
    path.write_text(json.dumps(CONVERSATIONS), encoding="utf-8")
    return path


def written(path: Path, *questions: Mapping[str, object]) -> Path:
    path.write_text("\n".join(map(json.dumps, questions)), encoding="utf-8")
    return path


def figure(found: Mapping[str, Any], name: str, category: str | None = None) -> list[float]:
    """The value of a figure for each arm."""
    reports = [found["arms"][arm] for arm in ARMS]
    parts = [each["categories"][category] if category else each["overall"] for each in reports]
    return [round(part["figures"][name]["value"], 3) for part in parts]


def remembered(url: str, *texts: str, more: Sequence[str] = ()) -> list[int]:
    return [printed("remember", text, *more, database_url=url)["id"] for text in texts]


def asked(url: str, gold: Path, *more: str) -> dict[str, Any]:
    found: dict[str, Any] = printed("eval", "--gold", str(gold), *more, database_url=url)
    return found


# Conversations ------------------------------------------------------------------------------------


def test_every_arm_is_asked_each_question_within_its_conversation(
    database_url: str, data: Path
) -> None:
    found = printed("eval", "--data", str(data), "-k", "1", "-k", "4", database_url=database_url)
    assert figure(found, "recall@1") == [0.7, 0.5, 0.7]
    assert figure(found, "recall@4") == [0.8, 0.6, 0.8]
    assert figure(found, "recall_any@1") == [0.8, 0.6, 0.8]
    assert figure(found, "recall_all@1") == [0.6, 0.4, 0.6]
    assert figure(found, "mrr@4") == [0.8, 0.6, 0.8]
    assert figure(found, "recall@4", "single-hop") == [1, 0.5, 1]
    assert figure(found, "recall@4", "adversarial") == [1, 1, 1]
    assert figure(found, "recall@4", "temporal") == [0, 0, 0]
    assert [found["arms"][arm]["unanswered"] for arm in ARMS] == [0, 2, 0]


def test_a_report_tells_what_was_asked_and_what_each_arm_adds(
    database_url: str, data: Path
) -> None:
    found = printed("eval", "--data", str(data), "-k", "4", database_url=database_url)
    report = found["arms"]["hybrid"]
    counts = ("left_out", "evidence", "unresolved", "groups")
    assert [report[name] for name in counts] == [1, 6, 1, 2]
    assert report["overall"]["questions"] == 5
    assert found["model"] == "hashing"
    added = {arm: each["overall"]["figures"]["recall@4"] for arm, each in found["adds"].items()}
    assert round(added["vectors"]["value"], 3) == 0.2
    assert added["words"]["value"] == 0
    assert added["vectors"]["low"] <= 0.2 <= added["vectors"]["high"]


def test_the_same_words_said_twice_are_two_turns(database_url: str, data: Path) -> None:
    found = printed("eval", "--data", str(data), "-k", "2", database_url=database_url)
    assert figure(found, "recall@2", "multi-hop") == [1, 1, 1]
    assert figure(found, "recall_all@2", "multi-hop") == [1, 1, 1]


def test_nothing_of_the_conversations_stays_but_vectors_by_hash(
    database_url: str, data: Path
) -> None:
    agentdb("eval", "--data", str(data), database_url=database_url)
    assert value(database_url, "SELECT count(*) FROM agentdb.entries") == 0
    assert value(database_url, "SELECT count(*) FROM agentdb.embedding_spaces") == 0
    # 4 texts of turns, one of them said twice, and 6 questions
    assert value(database_url, "SELECT count(*) FROM agentdb.embedding_cache") == 10


def test_memories_kept_are_neither_asked_nor_touched(database_url: str, data: Path) -> None:
    remembered(
        database_url, "The spare key is with Dora.", "Good idea!", more=("--namespace", "pots")
    )
    before = value(database_url, "SELECT array_agg(e::text ORDER BY id) FROM agentdb.entries e")
    found = printed("eval", "--data", str(data), "-k", "1", database_url=database_url)
    assert figure(found, "recall@1") == [0.7, 0.5, 0.7]
    after = value(database_url, "SELECT array_agg(e::text ORDER BY id) FROM agentdb.entries e")
    assert after == before


def test_another_model_than_that_of_the_memories_can_be_tried(
    database_url: str, data: Path
) -> None:
    run(
        database_url,
        "INSERT INTO agentdb.embedding_spaces (model, dimension) VALUES ('another', 384)",
    )
    found = printed("eval", "--data", str(data), database_url=database_url)
    assert found["model"] == "hashing"


def test_the_same_data_give_the_same_report(database_url: str, data: Path) -> None:
    line = ("eval", "--data", str(data))
    first, second = (printed(*line, database_url=database_url) for _ in range(2))
    assert first == second


def test_only_the_conversations_that_are_named_are_asked(database_url: str, data: Path) -> None:
    line = ("eval", "--data", str(data), "-k", "4")
    found = printed(*line, "--group", "dogs", database_url=database_url)
    assert found["arms"]["hybrid"]["overall"]["questions"] == 1
    assert figure(found, "recall@4") == [1, 0, 1]
    both = printed(*line, "--group", "dogs", "--group", "pots", database_url=database_url)
    assert both["arms"]["hybrid"]["overall"]["questions"] == 5
    said = complaint(agentdb(*line, "--group", "cats", database_url=database_url))
    assert "no conversation cats: there are pots, dogs" in said


# A gold set ---------------------------------------------------------------------------------------


def test_a_gold_set_is_asked_of_the_memories_kept(database_url: str, tmp_path: Path) -> None:
    tea, car = remembered(database_url, "Ada prefers tea.", "The car is at the garage.")
    gold = written(
        tmp_path / "gold.jsonl",
        {"question": "Who drinks tea?", "expected": [tea], "category": "drinks"},
        {"question": "Where is the automobile?", "expected": [car], "category": "cars"},
        {"question": "Is there tea in the car?", "expected": [tea, car], "category": "cars"},
    )
    found = asked(database_url, gold, "-k", "1", "-k", "2")
    hybrid, words, vectors = figure(found, "recall@2")
    assert (hybrid, words, vectors) == (1, 0.667, 1)
    assert figure(found, "recall@1", "drinks") == [1, 1, 1]
    assert figure(found, "recall@2", "cars") == [1, 0.5, 1]
    assert figure(found, "recall@1", "cars")[1] == 0.25


def test_only_the_namespace_asked_for_is_searched(database_url: str, tmp_path: Path) -> None:
    (tea,) = remembered(database_url, "Ada prefers tea.", more=("--namespace", "50%_'off'"))
    remembered(database_url, "tea")
    gold = written(tmp_path / "gold.jsonl", {"question": "tea?", "expected": [tea]})
    found = asked(database_url, gold, "--namespace", "50%_'off'", "-k", "1")
    assert figure(found, "recall@1") == [1, 1, 1]
    said = complaint(agentdb("eval", "--gold", str(gold), database_url=database_url))
    assert "no memory of the namespace ''" in said


def test_ids_that_no_memory_has_count_as_not_found(database_url: str, tmp_path: Path) -> None:
    (tea,) = remembered(database_url, "Ada prefers tea.")
    strangers = [tea + 1000, "tea", str(10**30), f"0{tea}"]
    gold = written(tmp_path / "gold.jsonl", {"question": "tea?", "expected": [tea, *strangers]})
    found = asked(database_url, gold, "-k", "5")
    assert found["arms"]["hybrid"]["unresolved"] == 4
    assert figure(found, "recall@5") == [0.2, 0.2, 0.2]
    done = agentdb("eval", "--gold", str(gold), database_url=database_url)
    assert "counted as not found: 4 expected ids" in done.stderr


def test_an_evaluation_changes_no_memory(database_url: str, tmp_path: Path) -> None:
    (tea,) = remembered(database_url, "Ada prefers tea.")
    gold = written(tmp_path / "gold.jsonl", {"question": "tea?", "expected": [tea]})
    before = value(database_url, "SELECT e::text FROM agentdb.entries e")
    asked(database_url, gold)
    assert value(database_url, "SELECT e::text FROM agentdb.entries e") == before


def test_vectors_of_another_model_are_not_compared(database_url: str, tmp_path: Path) -> None:
    (tea,) = remembered(database_url, "Ada prefers tea.")
    run(database_url, "UPDATE agentdb.embedding_spaces SET model = 'another'")
    gold = written(tmp_path / "gold.jsonl", {"question": "tea?", "expected": [tea]})
    said = complaint(agentdb("eval", "--gold", str(gold), database_url=database_url))
    assert "AGENTDB_EMBEDDING_MODEL=another" in said


def test_words_alone_need_no_model(database_url: str, tmp_path: Path) -> None:
    (tea,) = remembered(database_url, "Ada prefers tea.")
    gold = written(tmp_path / "gold.jsonl", {"question": "tea?", "expected": [tea]})
    line = ("eval", "--gold", str(gold), "--arm", "words")
    found = printed(*line, database_url=database_url, embedding_model="openai:none")
    assert (found["model"], list(found["arms"]), found["adds"]) == (None, ["words"], {})


# What is printed ----------------------------------------------------------------------------------


def test_a_table_has_a_column_for_each_arm_and_for_what_it_adds(
    database_url: str, data: Path
) -> None:
    done = agentdb("eval", "--data", str(data), "-k", "4", database_url=database_url)
    assert done.returncode == 0
    rows = [[cell.strip() for cell in line.split("│")] for line in done.stdout.splitlines()]
    recall = next(row for row in rows if row[1:2] == ["recall@4"])
    assert [cell.split()[0] for cell in recall[2:7]] == ["80.0", "60.0", "80.0", "20.0", "0.0"]
    assert "single-hop (2)" in done.stdout
    assert "5 questions with 6 expected ids; 95 % intervals over 2 groups" in done.stderr
    assert "nothing is expected of it: 1 question" in done.stderr
    assert "counted as not found: 1 expected id" in done.stderr


def test_no_text_of_the_data_is_printed(database_url: str, data: Path) -> None:
    for form in ("table", "json"):
        done = agentdb("eval", "--data", str(data), "--format", form, database_url=database_url)
        assert "key" not in done.stdout.replace('"key"', "")
        assert "lighthouse" not in done.stdout + done.stderr


# Against what was before --------------------------------------------------------------------------


def test_a_report_kept_shows_what_changed_since(database_url: str, tmp_path: Path) -> None:
    tea, car = remembered(database_url, "Ada prefers tea.", "The car is at the garage.")
    gold = written(
        tmp_path / "gold.jsonl",
        {"question": "tea?", "expected": [tea]},
        {"question": "car?", "expected": [car]},
    )
    before = tmp_path / "before.json"
    before.write_text(json.dumps(asked(database_url, gold, "-k", "1")), encoding="utf-8")
    assert agentdb("forget", str(car), database_url=database_url).returncode == 0
    found = asked(database_url, gold, "-k", "1", "--compare", str(before))
    changes = {arm: each["overall"]["figures"] for arm, each in found["changes"].items()}
    assert {arm: each["recall@1"]["value"] for arm, each in changes.items()} == dict.fromkeys(
        ARMS, -0.5
    )


@pytest.mark.parametrize(
    ("content", "more", "said"),
    [
        ("{}", (), "`arms` is not an object"),
        ('{"arms": {"words": {}}}', (), "words: `outcomes` is not a list"),
        ('{"arms": {}}', ("--arm", "words"), "says nothing of words"),
        (None, (), "cannot be read"),
    ],
)
def test_a_report_that_cannot_be_compared_is_told_before_anything_is_asked(
    tmp_path: Path, content: str | None, more: tuple[str, ...], said: str
) -> None:
    before = tmp_path / "before.json"
    if content is not None:
        before.write_text(content, encoding="utf-8")
    line = ("eval", "--gold", str(tmp_path / "none.jsonl"), "--compare", str(before), *more)
    assert said in complaint(agentdb(*line))


def test_other_questions_are_not_compared(database_url: str, data: Path, tmp_path: Path) -> None:
    before = tmp_path / "before.json"
    line = ("eval", "--data", str(data), "-k")
    before.write_text(json.dumps(printed(*line, "1", database_url=database_url)), encoding="utf-8")
    done = agentdb(*line, "2", "--compare", str(before), database_url=database_url)
    assert "the same ks" in complaint(done)


# Bad input ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "name", "content", "said"),
    [
        ("--data", "none.json", None, "cannot be read: No such file"),
        ("--data", "empty.json", "", "line 1: not JSON"),
        ("--data", "list.json", "[]", "holds no conversation"),
        ("--data", "other.json", '{"name": "shop"}', "has no session"),
        ("--data", "broken.json", '[{"conversation": ', "not JSON"),
        ("--gold", "none.jsonl", None, "cannot be read: No such file"),
        ("--gold", "empty.jsonl", "", "holds no question"),
        ("--gold", "gold.txt", "tea?", "is a .jsonl, .json or .csv file"),
        ("--gold", "gold.jsonl", '{"question": "tea?"}', "line 1: `expected` is missing"),
        ("--gold", "gold.jsonl", '{"question": "tea?", "expected": []}', "expected ids"),
        ("--gold", "gold.jsonl", '{"question": "tea?", "expected": [7]}', "expected ids"),
    ],
)
def test_a_file_that_cannot_be_asked_is_told_in_a_line(
    database_url: str, tmp_path: Path, option: str, name: str, content: str | None, said: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content, encoding="utf-8")
    assert said in complaint(agentdb("eval", option, str(path), database_url=database_url))


def test_conversations_without_evidence_are_told_before_anything_is_embedded(
    database_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "locomo.json"
    path.write_text(json.dumps([{**CONVERSATIONS[0], "qa": []}]), encoding="utf-8")
    done = agentdb("eval", "--data", str(path), database_url=database_url)
    assert "no question with evidence" in complaint(done)
    assert value(database_url, "SELECT count(*) FROM agentdb.embedding_cache") == 0


@pytest.mark.parametrize(
    "line",
    [
        (),
        ("--gold", "gold.jsonl", "--data", "locomo.json"),
        ("--data", "locomo.json", "--namespace", "shop"),
        ("--gold", "gold.jsonl", "--group", "pots"),
        ("--data", "locomo.json", "-k", "0"),
        ("--data", "locomo.json", "--arm", "guess"),
    ],
)
def test_wrong_usage_ends_with_2(line: tuple[str, ...]) -> None:
    done = agentdb("eval", *line)
    assert (done.returncode, done.stdout) == (2, "")
