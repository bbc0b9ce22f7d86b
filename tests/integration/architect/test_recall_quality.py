"""A statement's own kind is found again in schemas that share no name with its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session

from agentdb.database import make_engine
from agentdb.embedding.choose import load_embedder
from benchmarks.recall import DOMAINS, Figures, Specimen, ask_hybrid, families, judge
from benchmarks.recall import read_specimens as read

GOOD = 0.8
HALVES = ("development", "held_out")


@pytest.fixture(scope="module")
def specimens(server: str) -> tuple[Specimen, ...]:
    return read(server)


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    engine = make_engine(database_url)
    with Session(engine) as session:
        yield session
    engine.dispose()


def test_the_halves_are_the_families_and_share_none(specimens: tuple[Specimen, ...]) -> None:
    development, held_out = map(families, HALVES)
    assert not development & held_out
    everything = {(domain, name) for domain in DOMAINS for name in development | held_out}
    assert {(one.domain, one.family) for one in specimens} == everything


@pytest.mark.parametrize(
    "model", ["hashing", pytest.param("all-MiniLM-L6-v2", marks=pytest.mark.model)]
)
def test_the_likest_statement_of_another_schema_is_of_the_same_family(
    session: Session, specimens: tuple[Specimen, ...], model: str
) -> None:
    answers = ask_hybrid(session, specimens, load_embedder(model))
    figures: dict[str, Figures] = {part: judge(answers, families(part)) for part in HALVES}
    whole = judge(answers, frozenset(one.family for one in specimens))
    assert min(figures["held_out"].precision_at_1, whole.precision_at_1) >= GOOD, figures
