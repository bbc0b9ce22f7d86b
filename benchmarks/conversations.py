"""The weights of the search of conversations: chosen on some conversations, reported on others.

python -m benchmarks.conversations --data locomo10.json

The parts of every turn's score come from the database, `agentdb.search_messages`; only their
weights are tried here. The data are the user's to bring: see `agentdb eval --help`.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path
from statistics import mean
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from agentdb.embedding.embedder import Embedder
from agentdb.evaluation.locomo import Conversation, Turn, read_locomo
from agentdb.repositories.conversation import FoundMessage, NewMessage
from agentdb.repositories.conversations import ConversationRepository
from agentdb.repositories.memories import MOST
from agentdb.search.messages import first_person
from agentdb.settings import read_settings
from agentdb.wiring.memory import embedder
from agentdb.wiring.storage import storage

Array: TypeAlias = NDArray[np.float64]

K = 10
SHIPPED = (0.30, 0.15, 0.80, 0.20, 0.20)
"""The weights in `agentdb.search_messages`: next turn, the one after, session, named, question."""

GRID = tuple(
    product(
        (0.2, 0.3, 0.4), (0.1, 0.15, 0.2), (0.4, 0.6, 0.8, 1.0), (0.1, 0.2, 0.3), (0.1, 0.2, 0.3)
    )
)

Weights: TypeAlias = tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A question: the parts of each turn's score (turn, part), and which turns are evidence."""

    own: Array
    parts: Array
    evidence: NDArray[np.bool_]
    wanted: int

    def recall(self, weights: Weights) -> float:
        """Return the share of the evidence among the first ten turns."""
        scores = self.own + self.parts @ np.array(weights)
        first = np.argsort(-scores, kind="stable")[:K]
        return float(self.evidence[first].sum()) / self.wanted


def judge(talks: ConversationRepository, one: Conversation, model: Embedder) -> Iterator[Judged]:
    """Ask every question of a conversation for all of its turns."""
    for question in one.questions:
        if question.expected:
            vector = model.embed([first_person(question.question, one.speakers)])[0]
            found = talks.search(question.question, MOST, window=0, vector=vector)
            yield _judged(found, frozenset(question.expected))


def _judged(found: Sequence[FoundMessage], expected: frozenset[str]) -> Judged:
    turns = sorted(found, key=lambda each: (each.message.session, each.message.position))
    own = np.array([each.similarity + each.coverage for each in turns])
    session = np.array([each.message.session for each in turns])
    parts = [
        _shifted(own, session, 1) + _shifted(own, session, -1),
        _shifted(own, session, 2) + _shifted(own, session, -2),
        np.array([each.best_of_session for each in turns]),
        np.array([float(each.is_named) for each in turns]),
        np.array([-float(each.asks) for each in turns]),
    ]
    evidence = np.array([each.message.key in expected for each in turns])
    return Judged(own, np.stack(parts, axis=1), evidence, len(expected))


def _shifted(own: Array, session: NDArray[np.str_], by: int) -> Array:
    """Return what the turn `by` places before has, 0 where that is in another session."""
    return np.where(np.roll(session, by) == session, np.roll(own, by), 0.0) * _inside(len(own), by)


def _inside(size: int, by: int) -> Array:
    places = np.arange(size) - by
    return ((places >= 0) & (places < size)).astype(np.float64)


def load(session: Session, one: Conversation, model: Embedder) -> ConversationRepository:
    """Keep a conversation under a tenant of its own; the caller rolls it back."""
    talks = ConversationRepository(session, tenant="benchmark", namespace=one.id)
    for sitting in one.sessions:
        said = [(turn, text) for turn in sitting.turns if (text := _said(turn))]
        vectors = model.embed([text for _, text in said])
        talks.start(str(sitting.number))
        talks.append_many(
            str(sitting.number),
            [
                NewMessage("user", text, speaker=turn.speaker, key=turn.id, vector=vector)
                for (turn, text), vector in zip(said, vectors, strict=True)
            ],
        )
    return talks


def _said(turn: Turn) -> str:
    return f"{turn.text} ({turn.caption})" if turn.caption else turn.text.strip()


def report(judged: Mapping[str, Sequence[Judged]]) -> None:
    """Choose on four conversations and report on the others, in every way to do so."""
    tried: dict[Weights, dict[str, list[float]]] = {
        weights: {name: [each.recall(weights) for each in asked] for name, asked in judged.items()}
        for weights in dict.fromkeys((SHIPPED, *GRID))
    }

    def figure(weights: Weights, names: Sequence[str]) -> float:
        return 100 * mean(recall for name in names for recall in tried[weights][name])

    chosen, shipped = [], []
    for names in combinations(judged, 4):
        others = [name for name in judged if name not in names]
        best = max(GRID, key=lambda weights: figure(weights, names))
        chosen.append(figure(best, others))
        shipped.append(figure(SHIPPED, others))
    everything = [figure(weights, list(judged)) for weights in tried]
    print(f"recall@{K} of all, shipped weights: {figure(SHIPPED, list(judged)):.1f}")
    print(f"all of the grid ({len(GRID)}): {min(everything):.1f} to {max(everything):.1f}")
    print(
        f"chosen on 4, reported on others ({len(chosen)} ways): {mean(chosen):.1f} on average, "
        f"{min(chosen):.1f} at worst; shipped {mean(shipped):.1f}, {min(shipped):.1f}"
    )


def main() -> None:
    """Read the data, ask every question, and report."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="LoCoMo's file")
    conversations = read_locomo(parser.parse_args().data)
    with storage(settings := read_settings()) as engine, Session(engine) as session:
        model, _ = embedder(settings, engine)
        judged = {
            one.id: list(judge(load(session, one, model), one, model)) for one in conversations
        }
        session.rollback()
    report(judged)


if __name__ == "__main__":
    main()
