"""Is a statement's own kind found again in other people's schemas? `python -m benchmarks.recall`.

`tests/recall` holds families of query problems, each as four applications would write it, in
schemas that share no name. Every statement is sent, read back from pg_stat_statements, studied
and kept with its features as an audit keeps it; then each is looked up among those of the other
three schemas. What is found first ought to be of its family.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from uuid import UUID

import psycopg
from sqlalchemy.orm import Session

from agentdb.architect.features import features
from agentdb.architect.study import Desk, Study, study_statements
from agentdb.architect.workload import Thresholds, read_workload
from agentdb.database import make_engine, upgrade
from agentdb.embedded.server import start, stop
from agentdb.embedding.choose import load_embedder
from agentdb.embedding.embedder import Embedder
from agentdb.repositories.advice import Embedding, NewOptimization
from agentdb.repositories.optimizations import OptimizationRepository
from agentdb.target.connection import connect
from agentdb.target.read_catalog import read_catalog
from agentdb.target.sandbox import Limits, open_sandbox
from agentdb.target.syntax import fingerprint
from tests.servers import add_extensions, new_database, run

HERE = Path(__file__).parents[1] / "tests" / "recall"
DOMAINS = ("bank", "forum", "hospital", "logistics")
MODELS = ("hashing", "all-MiniLM-L6-v2")
DEPTH = 3  # a statement has three relatives
_EVERYTHING = Thresholds(share_of_time=1.0)


@dataclass(frozen=True, slots=True)
class Specimen:
    """One family's statement in one schema, in the words that it is found again by."""

    domain: str
    family: str
    features: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found for a statement, the likest first; nothing of its own schema."""

    asked: Specimen
    found: tuple[Specimen, ...]

    @property
    def hits(self) -> tuple[bool, ...]:
        """For each found: is it of the family?"""
        return tuple(one.family == self.asked.family for one in self.found)


@dataclass(frozen=True, slots=True)
class Figures:
    """Means over statements, 0 to 1: of the first, of the first three, of any of these."""

    precision_at_1: float
    precision_at_3: float
    hit_at_3: float


def families(part: str) -> frozenset[str]:
    """Return the names of the `development` or the `held_out` families."""
    parts = tomllib.loads((HERE / "families.toml").read_text(encoding="utf-8"))
    return frozenset(parts[part])


# From the files to what is known of each statement ------------------------------------------------


def read_specimens(server: str) -> tuple[Specimen, ...]:
    """Return every family in every schema, studied on a server (databases come and go).

    Raises ValueError if one of them could not be studied: it could not be found again either.
    """
    return tuple(specimen for domain in DOMAINS for specimen in _of_domain(server, domain))


def _of_domain(server: str, domain: str) -> Iterator[Specimen]:
    texts = {path.stem: path.read_text(encoding="utf-8") for path in (HERE / domain).glob("*.sql")}
    schema = texts.pop("schema")
    with new_database(server) as url:
        add_extensions(url, "pg_stat_statements")
        run(url, schema, "ANALYZE", "SELECT pg_stat_statements_reset()")
        _send(url, texts.values())
        studied = {study.statement.fingerprint: study for study in _studied(url)}
    for family, text in sorted(texts.items()):
        if fingerprint(text) not in studied:
            raise ValueError(f"{domain}/{family}.sql could not be studied")
        yield Specimen(domain, family, features(studied[fingerprint(text)]))


def _send(url: str, texts: Iterable[str]) -> None:
    with psycopg.connect(url) as connection:
        for text in texts:
            connection.execute(text.encode())
        connection.rollback()


def _studied(url: str) -> tuple[Study, ...]:
    with connect(url) as connection:
        workload, catalog = read_workload(connection, _EVERYTHING), read_catalog(connection)
        with open_sandbox(connection, Limits(), builds=True) as box:
            desk = Desk(box, catalog, frozenset(), {})
            return study_statements(workload, desk, lambda *_: None).studies


# Looked up ----------------------------------------------------------------------------------------


def ask_hybrid(
    session: Session, specimens: Sequence[Specimen], embedder: Embedder
) -> tuple[Answer, ...]:
    """Look each up as an audit does, by vector and words; `session` is left for a rollback."""
    vectors = embedder.embed([one.features for one in specimens])
    return _ask(session, specimens, [Embedding(embedder.name, vector) for vector in vectors])


def ask_words(session: Session, specimens: Sequence[Specimen]) -> tuple[Answer, ...]:
    """Look each up by its words alone; `session` is left for a rollback."""
    return _ask(session, specimens, [None] * len(specimens))


def ask_vectors(specimens: Sequence[Specimen], embedder: Embedder) -> tuple[Answer, ...]:
    """Look each up by its vector alone."""
    vectors = embedder.embed([one.features for one in specimens])
    likeness = vectors @ vectors.T
    return tuple(
        _answer(asked, (specimens[place] for place in (-row).argsort(kind="stable")))
        for asked, row in zip(specimens, likeness, strict=True)
    )


def _answer(asked: Specimen, ranked: Iterable[Specimen]) -> Answer:
    others = [one for one in ranked if one.domain != asked.domain]
    return Answer(asked, tuple(others[:DEPTH]))


def _ask(
    session: Session, specimens: Sequence[Specimen], embeddings: Sequence[Embedding | None]
) -> tuple[Answer, ...]:
    record = OptimizationRepository(session)
    pairs = list(zip(specimens, embeddings, strict=True))
    kept = {record.add(_fix(one, embedding)).id: one for one, embedding in pairs}
    return tuple(_look_up(record, kept, one, embedding) for one, embedding in pairs)


def _look_up(
    record: OptimizationRepository,
    kept: Mapping[UUID, Specimen],
    asked: Specimen,
    embedding: Embedding | None,
) -> Answer:
    own = [key for key, one in kept.items() if one.domain == asked.domain]
    found = record.similar(asked.features, embedding, DEPTH, exclude=own)
    return Answer(asked, tuple(kept[scored.optimization.id] for scored in found))


def _fix(specimen: Specimen, embedding: Embedding | None) -> NewOptimization:
    return NewOptimization(
        target=specimen.domain,
        kind="create_index",
        title=specimen.family,
        sql="SELECT 1",
        definition=specimen.family,
        reasoning="",
        confidence=1.0,
        evidence="measured",
        features=specimen.features,
        embedding=embedding,
    )


# Judged -------------------------------------------------------------------------------------------


def judge(answers: Iterable[Answer], wanted: frozenset[str]) -> Figures:
    """Return how good the answers are for the statements of the families wanted."""
    hits = [answer.hits for answer in answers if answer.asked.family in wanted]
    return Figures(
        precision_at_1=fmean(any(each[:1]) for each in hits),
        precision_at_3=fmean(sum(each) / DEPTH for each in hits),
        hit_at_3=fmean(any(each) for each in hits),
    )


# Printed ------------------------------------------------------------------------------------------


def main() -> int:
    """Measure every way of looking up; `--misses` lists what the development half got wrong."""
    with _server() as server, new_database(server) as url:
        upgrade(url)
        specimens = read_specimens(server)
        ways = dict(_ways(url, specimens))
    for name, answers in ways.items():
        _print(name, answers)
    if "--misses" in sys.argv:
        _print_misses(ways[f"hybrid, {MODELS[-1]}"])
    return 0


@contextmanager
def _server() -> Iterator[str]:
    with TemporaryDirectory(prefix="agentdb-recall-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root the server runs as somebody else, who has to get in
        try:
            yield start(folder)
        finally:
            stop(folder)


def _ways(url: str, specimens: Sequence[Specimen]) -> Iterator[tuple[str, tuple[Answer, ...]]]:
    engine = make_engine(url)
    for model in MODELS:
        embedder = load_embedder(model)
        with Session(engine) as session:
            yield f"hybrid, {model}", ask_hybrid(session, specimens, embedder)
        yield f"vectors, {model}", ask_vectors(specimens, embedder)
    with Session(engine) as session:
        yield "words", ask_words(session, specimens)
    engine.dispose()


def _print(name: str, answers: Sequence[Answer]) -> None:
    for part in ("development", "held_out"):
        figures = judge(answers, families(part))
        print(
            f"{name:28} {part:12} precision@1 {figures.precision_at_1:.3f}"
            f"   precision@3 {figures.precision_at_3:.3f}   hit@3 {figures.hit_at_3:.3f}"
        )


def _print_misses(answers: Iterable[Answer]) -> None:
    wanted = families("development")
    for answer in answers:
        if answer.asked.family in wanted and not any(answer.hits[:1]):
            for one in (answer.asked, *answer.found[:1]):
                print(f"{one.domain}/{one.family}: {one.features}")
            print()


if __name__ == "__main__":
    sys.exit(main())
