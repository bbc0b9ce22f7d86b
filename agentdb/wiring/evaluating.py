"""`agentdb eval`: how much of what is expected the search finds, with both arms and with one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Literal, Protocol
from uuid import uuid4

from sqlalchemy import BigInteger, Engine, any_, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from agentdb.architect.progress import Progress
from agentdb.embedding.embedder import Embedder, Vector
from agentdb.errors import BadData
from agentdb.evaluation.gold import GoldQuestion, read_gold, resolve
from agentdb.evaluation.locomo import Conversation, Turn, read_locomo
from agentdb.evaluation.locomo import Session as Sitting
from agentdb.evaluation.report import Comparison, Report, Searcher, compare, evaluate, read_reports
from agentdb.models.entry import EntryRow
from agentdb.repositories.conversation import NewMessage
from agentdb.repositories.conversations import ConversationRepository
from agentdb.repositories.memories import MemoryRepository
from agentdb.repositories.memory import DEFAULT_TENANT
from agentdb.search.messages import first_person
from agentdb.settings import Settings
from agentdb.wiring.memory import embedder
from agentdb.wiring.storage import storage

Arm = Literal["hybrid", "words", "vectors"]
"""What may find: both arms together, or one of them."""

_BATCH = 256  # texts embedded between two signs of progress
_NO_WORDS = "?"  # asked with this, only the vector finds anything; what boosts still does
_NUMBER = re.compile(r"[0-9]{1,18}")  # what a bigint surely holds


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured: at which numbers of results, which arms, and against what was before.

    Of conversations, only those of these `groups`, if any are named: what was chosen on some
    has to be reported on others.
    """

    ks: Sequence[int]
    arms: Sequence[Arm]
    before: Mapping[str, Report] = field(default_factory=dict)
    groups: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well each arm did, and what the words and the vectors add to the hybrid search.

    `model` made the vectors, None where none were asked for. `adds` holds, by the arm that was
    added, the figures of `hybrid` less those without it, where both were measured; `changes`
    those of each arm less what was before, where that is known.
    """

    model: str | None
    arms: Mapping[Arm, Report]
    adds: Mapping[Arm, Comparison]
    changes: Mapping[Arm, Comparison]


class _Corpus(Protocol):
    """What is searched; what it is searched with is known already."""

    def search(self, arm: Arm, question: GoldQuestion, k: int) -> list[str]:
        """Return the ids that an arm finds, best first."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class _Memories:
    """The memories of a namespace, by their ids."""

    session: Session
    model: Embedder | None
    namespace: str
    vectors: Mapping[str, Vector]

    def search(self, arm: Arm, question: GoldQuestion, k: int) -> list[str]:
        """Return the ids that an arm finds, best first."""
        memories = MemoryRepository(
            self.session, None if arm == "words" else self.model, namespace=self.namespace
        )
        vector = None if arm == "words" else self.vectors[question.question]
        found = memories.search(_words(arm, question), k, vector=vector)
        return [str(each.memory.id) for each in found]


@dataclass(frozen=True, slots=True, eq=False)
class _Conversations:
    """Conversations, a namespace each, by the ids of their turns; any model may have made vectors.

    `asked` says how a question is put to a conversation: its vector is that of this text.
    """

    session: Session
    tenant: str
    asked: Mapping[GoldQuestion, str]
    vectors: Mapping[str, Vector]

    def search(self, arm: Arm, question: GoldQuestion, k: int) -> list[str]:
        """Return the ids that an arm finds, best first."""
        turns = ConversationRepository(
            self.session, tenant=self.tenant, namespace=question.group or ""
        )
        vector = None if arm == "words" else self.vectors[self.asked[question]]
        found = turns.search(_words(arm, question), k, window=0, vector=vector)
        return [each.message.key or "" for each in found]


def read_before(path: Path, arms: Sequence[Arm]) -> dict[str, Report]:
    """Return what `agentdb eval --format json` said of these arms; raises BadData."""
    reports = read_reports(path)
    if missing := [arm for arm in arms if arm not in reports]:
        raise BadData(f"{path} says nothing of {missing[0]}. Name what it has with --arm.")
    return reports


def evaluate_memories(
    settings: Settings, gold: Path, namespace: str, plan: Plan, tell: Progress
) -> Evaluation:
    """Ask a gold set of what is kept in a namespace; its ids are those of memories.

    Changes nothing. Raises BadData for the file, and when none of its ids is of a memory there;
    SpaceMismatch when vectors of another model are kept.
    """
    questions = read_gold(gold)
    with _opened(settings, plan) as (engine, model):
        resolved = _resolved(engine, questions, namespace, gold)
        vectors = _vectors(model, [each.question for each in questions], tell)
        with _rolled_back(engine) as session:
            corpus = _Memories(session, model, namespace, vectors)
            return _evaluation(model, _reports(corpus, resolved, plan, tell), plan)


def evaluate_conversations(
    settings: Settings, data: Path, plan: Plan, tell: Progress
) -> Evaluation:
    """Ask LoCoMo's questions, each within its own conversation; its ids are those of turns.

    The turns are there for one transaction only, under a tenant of their own, and rolled back.
    What stays is in the cache of embeddings: vectors, by the hash of the text. Whose vectors are
    kept does not matter: another model can be tried like this. Raises BadData.
    """
    conversations = _named(read_locomo(data), plan.groups, data)
    questions = [each for one in conversations for each in one.questions]
    if not any(each.expected for each in questions):
        raise BadData(f"{data} holds no question with evidence. Give the path of locomo10.json.")
    asked = {
        each: first_person(each.question, one.speakers)
        for one in conversations
        for each in one.questions
    }
    texts = [_said(turn) for one in conversations for turn in _turns(one)]
    with _opened(settings, plan) as (engine, model):
        vectors = _vectors(model, [*texts, *asked.values()], tell)
        with _rolled_back(engine) as session:
            tenant = f"eval {uuid4()}"  # nobody's: two at once do not wait for each other
            _load(session, tenant, conversations, vectors, tell)
            corpus = _Conversations(session, tenant, asked, vectors)
            return _evaluation(model, _reports(corpus, questions, plan, tell), plan)


# What is asked ------------------------------------------------------------------------------------


def _reports(
    corpus: _Corpus, questions: Sequence[GoldQuestion], plan: Plan, tell: Progress
) -> dict[Arm, Report]:
    return {
        arm: evaluate(questions, _searcher(corpus, arm, len(questions), tell), plan.ks)
        for arm in plan.arms
    }


def _searcher(corpus: _Corpus, arm: Arm, total: int, tell: Progress) -> Searcher:
    numbers = count()

    def search(question: GoldQuestion, k: int) -> Sequence[str]:
        tell(f"asking ({arm})", next(numbers), total)
        return corpus.search(arm, question, k)

    return search


def _evaluation(model: Embedder | None, reports: Mapping[Arm, Report], plan: Plan) -> Evaluation:
    added: Mapping[Arm, Arm] = {"vectors": "words", "words": "vectors"}
    return Evaluation(
        model.name if model else None,
        reports,
        adds={
            arm: compare(reports[without], reports["hybrid"])
            for arm, without in added.items()
            if "hybrid" in reports and without in reports
        },
        changes={
            arm: compare(plan.before[arm], report)
            for arm, report in reports.items()
            if arm in plan.before
        },
    )


def _resolved(
    engine: Engine, questions: Sequence[GoldQuestion], namespace: str, gold: Path
) -> list[GoldQuestion]:
    """Mark the expected ids that no memory of the namespace has; BadData if all are such."""
    wanted = {id_ for each in questions for id_ in each.expected}
    numbers = [int(id_) for id_ in wanted if _NUMBER.fullmatch(id_)]
    kept = select(EntryRow.id).where(
        EntryRow.tenant == DEFAULT_TENANT,
        EntryRow.namespace == namespace,
        EntryRow.id == any_(literal(numbers, ARRAY(BigInteger))),
    )
    with _rolled_back(engine) as session:
        known = frozenset(map(str, session.scalars(kept)))
    if wanted and not known:
        raise BadData(
            f"{gold}: no memory of the namespace '{namespace}' has any of the expected ids. "
            "`agentdb recall … --format json` shows ids."
        )
    return [resolve(each, known) for each in questions]


# What is searched ---------------------------------------------------------------------------------


def _named(
    conversations: Sequence[Conversation], groups: Sequence[str], data: Path
) -> Sequence[Conversation]:
    """Return the conversations of these names, or all where none is named; raises BadData."""
    there = [one.id for one in conversations]
    if missing := [name for name in groups if name not in there]:
        raise BadData(f"{data} has no conversation {missing[0]}: there are {', '.join(there)}.")
    return [one for one in conversations if not groups or one.id in groups]


def _load(
    session: Session,
    tenant: str,
    conversations: Sequence[Conversation],
    vectors: Mapping[str, Vector],
    tell: Progress,
) -> None:
    for number, one in enumerate(conversations):
        tell("loading the conversations", number, len(conversations))
        told = ConversationRepository(session, tenant=tenant, namespace=one.id)
        for sitting in one.sessions:
            key = told.start(str(sitting.number)).key
            told.append_many(key, _messages(sitting, vectors))


def _messages(sitting: Sitting, vectors: Mapping[str, Vector]) -> Iterator[NewMessage]:
    for turn in sitting.turns:
        if text := _said(turn):
            vector = vectors.get(text)
            yield NewMessage("user", text, speaker=turn.speaker, key=turn.id, vector=vector)


def _turns(conversation: Conversation) -> Iterator[Turn]:
    for session in conversation.sessions:
        yield from session.turns


def _said(turn: Turn) -> str:
    """Return what a turn is found by: what was said, and the caption of what was shown."""
    return f"{turn.text} ({turn.caption})" if turn.caption else turn.text.strip()


def _words(arm: Arm, question: GoldQuestion) -> str:
    return _NO_WORDS if arm == "vectors" else question.question


def _vectors(model: Embedder | None, texts: Sequence[str], tell: Progress) -> dict[str, Vector]:
    """Embed each text once, outside of any transaction."""
    if model is None:
        return {}
    wanted = list(dict.fromkeys(texts))
    vectors: dict[str, Vector] = {}
    for start in range(0, len(wanted), _BATCH):
        tell("embedding", start, len(wanted))
        batch = wanted[start : start + _BATCH]
        vectors |= zip(batch, model.embed(batch), strict=True)
    return vectors


@contextmanager
def _opened(settings: Settings, plan: Plan) -> Iterator[tuple[Engine, Embedder | None]]:
    """Give our tables, and the model unless only words are looked at."""
    with storage(settings) as engine:
        needed = any(arm != "words" for arm in plan.arms)
        yield engine, embedder(settings, engine)[0] if needed else None


@contextmanager
def _rolled_back(engine: Engine) -> Iterator[Session]:
    """Give a session of which nothing stays."""
    with Session(engine) as session:  # which rolls back unless told otherwise
        yield session
