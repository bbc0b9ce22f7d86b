"""`agentdb audit`: the parts of the line, put together as the settings want it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from psycopg import errors
from sqlalchemy import Engine

from agentdb import database
from agentdb.architect.audit import Audit, Policy, Subject, run_audit
from agentdb.architect.bench import Workbench
from agentdb.architect.candidates import Proposer
from agentdb.architect.features import features
from agentdb.architect.progress import Progress
from agentdb.architect.proposers.block_range import propose_block_range
from agentdb.architect.proposers.btree import propose_btree
from agentdb.architect.proposers.covering import propose_covering
from agentdb.architect.proposers.foreign_key import propose_foreign_key
from agentdb.architect.proposers.hashed import propose_hashed
from agentdb.architect.proposers.inverted import propose_inverted
from agentdb.architect.proposers.partial import propose_partial
from agentdb.architect.proposers.prefix import propose_prefix
from agentdb.architect.recall import Precedent, Refusal
from agentdb.architect.recommendation import Ground
from agentdb.architect.study import Desk, study_statements
from agentdb.architect.workload import (
    Thresholds,
    judge,
    read_examples,
    read_workload,
    relation_names,
)
from agentdb.delivery.report import Report
from agentdb.embedding.embedder import Embedder, Vector
from agentdb.errors import TargetBusy, TargetRefused
from agentdb.history.changes import version_text
from agentdb.repositories.advice import Embedding, Scored, TurnedDown
from agentdb.repositories.optimizations import OptimizationRepository
from agentdb.settings import Settings
from agentdb.target.catalog import Catalog, Table
from agentdb.target.checks import require_temporary_tables
from agentdb.target.connection import Connection, describe
from agentdb.target.hypothetical import weed
from agentdb.target.index import IndexDefinition
from agentdb.target.live import Live
from agentdb.target.read_catalog import read_catalog
from agentdb.target.sandbox import Limits, open_sandbox
from agentdb.target.shadow import Shadow, Terms, lay_shadow
from agentdb.target.statements import Entry, Window
from agentdb.target.untried import Untried
from agentdb.wiring.alone import audit_alone
from agentdb.wiring.calibrating import calibrated, read_experience
from agentdb.wiring.guest import guest
from agentdb.wiring.keeping import Occasion, keep_audit
from agentdb.wiring.memory import embedder, in_words, verdict_of
from agentdb.wiring.snapshotting import try_snapshot
from agentdb.wiring.storage import storage, target_url
from agentdb.wiring.summary import summarise

PROPOSERS: tuple[Proposer, ...] = (
    propose_btree,
    propose_covering,
    propose_partial,
    propose_inverted,
    propose_block_range,
    propose_prefix,
    propose_foreign_key,
    propose_hashed,
)

_MEGABYTE = 1024 * 1024


# Memory ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _FixesOf:
    """Past fixes, each look-up in a transaction of its own."""

    engine: Engine
    model: str
    target: str

    def refusals(self) -> Mapping[str, Refusal]:
        with database.session(self.engine) as session:
            found = OptimizationRepository(session).turned_down(self.target)
        return {past.definition: _refusal(past) for past in found}

    def similar(self, vector: Vector, text: str, k: int) -> Sequence[Precedent]:
        with database.session(self.engine) as session:
            found = OptimizationRepository(session).similar(text, Embedding(self.model, vector), k)
        return [_precedent(scored) for scored in found]


def _refusal(past: TurnedDown) -> Refusal:
    how = "rejected" if past.is_rejected else "taken back"
    return Refusal(f"{how} on {past.at:%Y-%m-%d} because: {past.why}", past.saved_share)


def _precedent(scored: Scored) -> Precedent:
    past = scored.optimization
    return Precedent(
        id=str(past.id),
        title=past.title,
        shape=str(past.shape.get("index", "")) if isinstance(past.shape, dict) else "",
        similarity=scored.similarity or 0.0,
        verdict=verdict_of(past),
    )


# The audit -------------------------------------------------------------------------------------


def policy(settings: Settings) -> Policy:
    """Return what an index has to be worth."""
    budget = settings.budget_mb
    return Policy(
        budget_bytes=None if budget is None else round(budget * _MEGABYTE),
        seconds=settings.trial_seconds,
    )


@dataclass(frozen=True, slots=True)
class _Guests:
    """Two connections to the audited database: one to try on, one that only reads."""

    name: str
    connection: Connection
    reader: Connection


@contextmanager
def _guests(settings: Settings) -> Iterator[_Guests]:
    url = target_url(settings)
    with ExitStack() as opened:
        connection = opened.enter_context(guest(url, settings))
        yield _Guests(describe(url), connection, opened.enter_context(guest(url, settings)))


@contextmanager
def subject(settings: Settings) -> Iterator[Subject]:
    """Give the audited side, with two connections that are closed at the end."""
    with _guests(settings) as guests:
        yield _subject(settings, guests)


def _subject(settings: Settings, guests: _Guests) -> Subject:
    bench = _Benches(settings, guests.connection, guests.reader)
    return Subject(
        name=guests.name,
        read_workload=lambda: read_workload(guests.connection, _thresholds(settings)),
        read_catalog=lambda names: read_catalog(guests.connection, names),
        desk=bench.desk,
        bench=bench.workbench,
        ground=bench.ground,
        weed=bench.weed,
    )


def _thresholds(settings: Settings) -> Thresholds:
    return Thresholds(
        share_of_time=settings.share_of_time,
        top=settings.top,
        min_mean_milliseconds=settings.min_mean_ms,
        min_calls=settings.min_calls,
    )


@dataclass(frozen=True, slots=True)
class _Benches:
    """Where statements are studied and tried, as the settings want it."""

    settings: Settings
    connection: Connection
    reader: Connection

    @contextmanager
    def desk(self, catalog: Catalog) -> Iterator[Desk]:
        trusted = frozenset(self.settings.trusted_functions)
        examples = read_examples(self.reader, self.settings.watch_seconds)  # with nothing open
        with open_sandbox(self.connection, self._limits(), builds=True) as box:
            yield Desk(box, catalog, trusted, examples)

    @contextmanager
    def workbench(self, catalog: Catalog, tables: Collection[Table]) -> Iterator[Workbench]:
        if self.settings.trial == "none":
            yield Untried()
            return
        with open_sandbox(self.connection, self._limits(), builds=True) as box:
            if self.settings.trial == "live":
                yield Live(box)
            else:
                limit = round(self.settings.shadow_limit_mb * _MEGABYTE)
                trusted = frozenset(self.settings.trusted_functions)
                yield lay_shadow(box, self.reader, catalog, tables, Terms(limit, trusted))

    def weed(
        self, definitions: Collection[IndexDefinition], statements: Collection[str]
    ) -> Collection[IndexDefinition]:
        with open_sandbox(self.connection, self._limits()) as box:
            return weed(box, definitions, statements)

    def ground(self, bench: Workbench) -> Ground:
        if isinstance(bench, Shadow):
            return Ground("measured", bench.share, "on a copy in pg_temp")
        return Ground("measured", lambda _: 1.0, "on the table itself, rolled back")

    def _limits(self) -> Limits:
        longest = round(self.settings.trial_seconds * 1000) * 2
        return Limits(
            statement_milliseconds=self.settings.statement_timeout_ms,
            lock_milliseconds=self.settings.lock_timeout_ms,
            transaction_milliseconds=longest,
        )


def audit(settings: Settings, progress: Progress, *, keep: bool = True) -> Report:
    """Audit the target, keep what was found unless told otherwise, and return the report.

    Raises AuditRunning while another audit of the same target runs, TargetError and
    DatabaseError as either side makes it necessary; an audit that failed is kept as failed.
    """
    name = describe(target_url(settings))
    with storage(settings) as engine, audit_alone(engine, name), _guests(settings) as guests:
        model, notes = embedder(settings, engine)
        memory = (_FixesOf(engine, model.name, name), model)
        subject, known = _subject(settings, guests), read_experience(engine)

        def line() -> Audit:
            with _refusals_explained():
                require_temporary_tables(guests.connection)
                found = run_audit(subject, memory, PROPOSERS, policy(settings), progress)
            return calibrated(found, known.calibration)

        if not keep:
            return summarise(line(), notes, reliability=known.reliability)
        if trouble := try_snapshot(engine, guests.reader, name):
            notes = (*notes, trouble)
        found, record = keep_audit(engine, _occasion(settings, guests, model), line)
        # Into the cache now, so that `agentdb similar` answers at once.
        model.embed([in_words(each.title, each.reasoning) for each in found.recommendations])
        return summarise(found, notes, record, known.reliability)


@contextmanager
def _refusals_explained() -> Iterator[None]:
    """Say what to do where the server refuses something that the line cannot do without."""
    try:
        yield
    except errors.InsufficientPrivilege as error:
        raise TargetRefused(
            f"the audited database refuses what an audit needs ({error.diag.message_primary}): "
            "`agentdb doctor` says what to grant"
        ) from error
    except errors.LockNotAvailable as error:
        raise TargetBusy(
            "a table of the audited database is being altered: run the audit again in a moment"
        ) from error
    except errors.QueryCanceled as error:
        raise TargetBusy(
            f"the audited database took too long ({error.diag.message_primary}): run the audit "
            "in a quieter hour, or raise AGENTDB_STATEMENT_TIMEOUT_MS"
        ) from error


def _occasion(settings: Settings, guests: _Guests, model: Embedder) -> Occasion:
    version = version_text(guests.connection.info.server_version)
    told = settings.model_dump(mode="json", exclude={"database_url", "target_url", "data_dir"})
    return Occasion(guests.name, version, told, model.name)


def describe_statement(settings: Settings, text: str) -> str | None:
    """Return what the line would say a statement is like; None if it cannot be studied."""
    with _guests(settings) as guests:
        audited = _subject(settings, guests)
        version = guests.connection.info.server_version
        entry = Entry(text, 1, 1.0, 1, 1, 0)
        alone = judge([entry], Thresholds(share_of_time=1.0), Window(), version)
        with audited.desk(audited.read_catalog(relation_names(alone))) as desk:
            studies = study_statements(alone, desk, lambda *_: None).studies
    return features(studies[0]) if studies else None
