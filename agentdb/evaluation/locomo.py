"""LoCoMo's conversations and questions, read from a file that the user brings.

The data of Maharana et al. (2024), "Evaluating Very Long-Term Conversational Memory of LLM
Agents", may not be used commercially, so none of it comes with agentdb.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from agentdb.errors import BadData
from agentdb.evaluation.files import narrowed, parse_json, read_text
from agentdb.evaluation.gold import GoldQuestion, resolve

# The order of the columns of the paper's table 3 is [4, 1, 2, 3, 5] in the authors' own
# `task_eval/evaluation_stats.py`.
CATEGORIES: Mapping[int, str] = MappingProxyType(
    {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}
)

_SESSION = re.compile(r"session_(\d+)")
_TURN = re.compile(r"D:?(\d+):(\d+)")  # D1:3, but also D30:05 and D:11:26
_DATE = "%I:%M %p on %d %B, %Y"

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What somebody said; `id` is unique in its conversation, `caption` tells a shared image."""

    id: str
    speaker: str
    text: str
    caption: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Turns of one sitting; `date` as it is written, `started_at` what that means.

    The data name no time zone: it is taken for UTC. None when the date is not understood.
    """

    number: int
    date: str
    started_at: datetime | None
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """All sessions of two speakers, and questions whose expected ids are those of turns."""

    id: str
    speakers: tuple[str, ...]
    sessions: tuple[Session, ...]
    questions: tuple[GoldQuestion, ...]


def read_locomo(path: Path) -> tuple[Conversation, ...]:
    """Return the conversations of LoCoMo's file, in the order of the file.

    A file holds a list of conversations or a single one; a folder holds such files. Raises
    BadData when one is something else, or when a conversation comes twice.
    """
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    conversations = tuple(_conversation(*entry) for file in files for entry in _entries(file))
    if not conversations:
        raise BadData(f"{path} holds no conversation. Give the path of locomo10.json.")
    _refuse_twins(path, (conversation.id for conversation in conversations))
    return conversations


def evidence_ids(strings: Iterable[str]) -> tuple[str, ...]:
    """Return the ids of turns that evidence names, each once; a string with none is kept whole.

    >>> evidence_ids(["D8:6; D9:17", "D30:05", "D"])
    ('D8:6', 'D9:17', 'D30:5', 'D')
    """
    return tuple(dict.fromkeys(id_ for string in strings for id_ in _ids(string.strip())))


def _ids(string: str) -> Sequence[str]:
    found = [f"D{int(session)}:{int(turn)}" for session, turn in _TURN.findall(string)]
    return found or [string] if string else []


def _entries(file: Path) -> Iterator[tuple[Fields, str, str]]:
    """Yield each conversation with an id, should it have none, and its place."""
    content = parse_json(read_text(file), file)
    if not isinstance(content, list):
        yield narrowed(content, dict, str(file)), file.stem, str(file)
        return
    for number, entry in enumerate(content, start=1):
        place = f"{file}, conversation {number}"
        yield narrowed(entry, dict, place), f"{file.stem}-{number}", place


def _refuse_twins(path: Path, ids: Iterable[str]) -> None:
    if twins := [id_ for id_, count in Counter(ids).items() if count > 1]:
        raise BadData(f"{path}: conversation {twins[0]} comes twice. Keep one of them.")


def _conversation(entry: Fields, default_id: str, place: str) -> Conversation:
    # In the files of one conversation each, the sessions may stand beside the questions.
    body = narrowed(entry.get("conversation", entry), dict, f"{place}: `conversation`")
    id_ = narrowed(entry.get("sample_id", default_id), str, f"{place}: `sample_id`")
    sessions = tuple(_sessions(body, place))
    if not sessions:
        raise BadData(f"{place} has no session. Give the path of locomo10.json.")
    turns = [turn for session in sessions for turn in session.turns]
    known = frozenset(turn.id for turn in turns)
    questions = narrowed(entry.get("qa", []), list, f"{place}: `qa`")
    return Conversation(
        id=id_,
        speakers=tuple(dict.fromkeys(turn.speaker for turn in turns)),
        sessions=sessions,
        questions=tuple(
            resolve(_question(question, id_, f"{place}, question {number}"), known)
            for number, question in enumerate(questions, start=1)
        ),
    )


def _sessions(body: Fields, place: str) -> Iterator[Session]:
    """Yield the sessions in their order; one with a date and no turns is none."""
    numbers = [int(match[1]) for key in body if (match := _SESSION.fullmatch(key))]
    for number in sorted(numbers):
        where = f"{place}, session {number}"
        turns = narrowed(body[f"session_{number}"], list, where)
        date = narrowed(body.get(f"session_{number}_date_time", ""), str, f"{where}: date")
        if turns:
            yield Session(
                number=number,
                date=date,
                started_at=_moment(date),
                turns=tuple(_turn(turn, where) for turn in turns),
            )


def _moment(date: str) -> datetime | None:
    try:
        return datetime.strptime(date, _DATE).replace(tzinfo=UTC)
    except ValueError:
        return None


def _turn(value: object, place: str) -> Turn:
    fields = narrowed(value, dict, f"{place}: turn")
    id_ = narrowed(fields.get("dia_id"), str, f"{place}: `dia_id`")
    caption = fields.get("blip_caption")
    return Turn(
        id=id_,
        speaker=narrowed(fields.get("speaker"), str, f"{place}, {id_}: `speaker`"),
        # The authors' own scripts read `clean_text` in the files of one conversation each.
        text=narrowed(fields.get("text", fields.get("clean_text")), str, f"{place}, {id_}: `text`"),
        caption=narrowed(caption, str, f"{place}, {id_}: `blip_caption`") if caption else None,
    )


def _question(value: object, group: str, place: str) -> GoldQuestion:
    fields = narrowed(value, dict, place)
    evidence = narrowed(fields.get("evidence", []), list, f"{place}: `evidence`")
    category = narrowed(fields.get("category"), int, f"{place}: `category`")
    if category not in CATEGORIES:
        raise BadData(f"{place}: there is no category {category}, only 1 to {len(CATEGORIES)}.")
    return GoldQuestion(
        question=narrowed(fields.get("question"), str, f"{place}: `question`"),
        expected=evidence_ids(narrowed(part, str, f"{place}: `evidence`") for part in evidence),
        category=CATEGORIES[category],
        group=group,
    )
