"""Could an audit run? What stands in the way on either side, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agentdb import database
from agentdb.database import SchemaState
from agentdb.embedding.choose import load_embedder
from agentdb.errors import AgentDBError
from agentdb.repositories.tenancy import is_subject
from agentdb.repositories.vector_index import (
    IndexState,
    is_worth_an_index,
    vector_index_state,
)
from agentdb.settings import Settings
from agentdb.target.checks import Check, check_target
from agentdb.target.connection import connect, describe
from agentdb.wiring.storage import database_url, target_url

_MEND_SCHEMA: dict[SchemaState, str] = {
    "missing": "run `agentdb init`",
    "behind": "run `agentdb init`",
    "ahead": "upgrade this program: pip install -U agentdb",
}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything that was looked at; `ready` when an audit could run."""

    target: str | None
    ready: bool
    checks: tuple[Check, ...]


def examine(settings: Settings) -> Diagnosis:
    """Look at our own database, the model and the audited database; nothing is changed."""
    checks = (*_storage(settings), *_model(settings), *_target(settings))
    ready = all(check.state != "failed" for check in checks)
    return Diagnosis(_name(settings), ready, checks)


def _storage(settings: Settings) -> Iterator[Check]:
    try:
        url = database_url(settings)
        state = database.schema_state(url)
    except AgentDBError as error:
        yield _failed("agentdb's database", error)
        return
    yield Check("agentdb's database", "ok", describe(url))
    if state == "current":
        yield Check("agentdb's schema", "ok", state)
        yield from _tables(settings, url)
    elif state != "ahead" and settings.database_url is None:
        yield Check("agentdb's schema", "ok", state)
    else:
        yield Check("agentdb's schema", "failed", state, _MEND_SCHEMA[state])


def _tables(settings: Settings, url: str) -> Iterator[Check]:
    engine = database.make_engine(url)
    try:
        with engine.connect() as connection:
            yield judge_isolation(
                subject=is_subject(connection), ours=settings.database_url is None
            )
            index = vector_index_state(connection)
            yield judge_index(index, wanted=is_worth_an_index(connection))
    except AgentDBError as error:
        yield _failed("agentdb's tables", error)
    finally:
        engine.dispose()


def judge_isolation(*, subject: bool, ours: bool) -> Check:
    """Say whether a forgotten condition could show another tenant's rows; pure."""
    if subject:
        return Check("tenants", "ok", "row-level security: one tenant's rows at a time")
    if ours:
        return Check("tenants", "ok", "the embedded server's role sees all of them")
    mend = "let the application log in as agentdb_app: psql -f sql/setup/roles.sql makes it"
    return Check("tenants", "warning", "the role sees all of them", mend)


def judge_index(state: IndexState, *, wanted: bool) -> Check:
    """Say whether searches have the index that they need; pure."""
    if state == "valid":
        return Check("index over vectors", "ok", "can be used")
    if state == "invalid":
        return Check("index over vectors", "warning", "was not finished", "run `agentdb reindex`")
    if wanted:
        return Check("index over vectors", "warning", "is missing", "run `agentdb reindex`")
    return Check("index over vectors", "ok", "not needed: there are few rows")


def _model(settings: Settings) -> Iterator[Check]:
    name = settings.embedding_model
    try:
        load_embedder(name).embed(["one word"])
    except AgentDBError as error:
        usual = "embedding_model" not in settings.model_fields_set
        yield _failed("embedding model", error, usual=usual)
    else:
        yield Check("embedding model", "ok", name)


def _target(settings: Settings) -> Iterator[Check]:
    try:
        with connect(target_url(settings)) as connection:
            yield from check_target(connection)
    except AgentDBError as error:
        yield _failed("audited database", error)


def _name(settings: Settings) -> str | None:
    try:
        return describe(target_url(settings))
    except AgentDBError:
        return None


def _failed(name: str, error: AgentDBError, *, usual: bool = False) -> Check:
    """Split the line of an error into what was found and what to do next."""
    text = str(error)
    found, _, mend = text.rpartition("; ") if "; " in text else text.partition(": ")
    return Check(name, "warning" if usual else "failed", found, mend)
