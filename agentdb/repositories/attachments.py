"""Business tables whose rows are found like memories: attached, followed, searched, detached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from typing import cast as cast_to

import psycopg
from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Double,
    FromClause,
    TableClause,
    cast,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import OID, REGCLASS
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.orm import Session

from agentdb.embedding.embedder import Embedder, Vector
from agentdb.errors import (
    AttachmentBroken,
    BadFilter,
    BadInput,
    NotFound,
    SetupMissing,
    TableBusy,
)
from agentdb.models.attachment import AttachedRow, AttachmentRow, QueueRow
from agentdb.models.base import Base
from agentdb.models.entry import EntryRow
from agentdb.repositories.attachment import (
    Attachment,
    AttachmentStatus,
    Detached,
    FoundRow,
    State,
)
from agentdb.repositories.checks import checked_name, plain
from agentdb.repositories.memories import MOST, MemoryRepository, prepared
from agentdb.repositories.memory import DEFAULT_TENANT
from agentdb.repositories.tables import Tables
from agentdb.repositories.tenancy import Tenanted
from agentdb.repositories.wording import Wording, parts_of, plain_name, read_wording, written
from agentdb.search.columns import compile_columns
from agentdb.search.filters import Filter
from agentdb.search.ranking import RANKS, Meant, parameters, ranking, source_of
from agentdb.search.rows import BusinessTable

LONGEST_NAME = 200
"""Bytes that the name of an attachment may have."""

_ITS_NAME = "the name of an attachment"
_UNTRACKED = {"synchronize_session": False}


@dataclass(frozen=True, slots=True)
class Followed:
    """An attachment and its table as it was at a moment: what a worker needs."""

    id: int
    name: str
    table: BusinessTable
    wording: Wording
    since: datetime = field(compare=False)


class AttachmentRepository(Tenanted):
    """Business tables attached, in the caller's session: never committed here.

    The text of each row is an entry of the kind `row` in a namespace of its own, `attached:NAME`,
    made by a worker (`wiring.working.Worker`, `agentdb work`) after the row was committed.

    >>> _ = session.execute(text("CREATE TABLE lamps (id int PRIMARY KEY, name text)"))
    >>> AttachmentRepository(session, embedder).attach("lamps", "name").name
    'lamps'
    """

    def __init__(
        self, session: Session, embedder: Embedder | None = None, *, tenant: str = DEFAULT_TENANT
    ) -> None:
        self._session = session
        self._embedder = embedder
        self._tenant = checked_name(tenant, "a tenant")
        self._tables = Tables(session)

    def attach(
        self, table: object, text: str | Sequence[str], *, name: str | None = None
    ) -> Attachment:
        """Let the rows of a table be found from now on, by a text made of some of its columns.

        `table` is a name, with its schema where the search path does not lead there, or a class
        or table of SQLAlchemy. `text` names columns ("name, description"), or is a template
        ("{name}: {description}"). Waits up to five seconds for those who write to the table.
        Raises `NotAttachable`, `BadInput`, `TableBusy`.
        """
        parts = _parts(table)
        found = self._tables.named(parts)
        wording = read_wording(text, found.columns)
        _require_stored(found, wording)
        called = _name(".".join(parts) if name is None else name)
        made = {
            "tenant": self._tenant,
            "name": called,
            "relation": cast(cast(found.oid, OID), REGCLASS),
            **_columns(found, wording),
            "template": wording.template,
        }
        taken = AttachmentRow.name == called, AttachmentRow.tenant == self._tenant
        with self._waiting_for(found.label):
            if self._session.scalar(select(AttachmentRow.id).where(*taken)) is not None:
                raise BadInput(
                    f"{called} is attached already: agentdb detach {called}, or give another name"
                )
            new = insert(AttachmentRow).values(made).returning(AttachmentRow.id)
            self._session.scalar(select(func.agentdb.watch_rows(self._session.scalar(new))))
        return self.get(called)

    def detach(self, name: str) -> Detached:
        """Forget all of an attachment: its triggers, its function, its entries, what waits.

        The table itself stays as it is, and the cache of vectors. Raises `NotFound`, `TableBusy`.
        """
        row = self._row(name)
        only = AttachmentRow.id == row.id
        self._session.execute(select(AttachmentRow.id).where(only).with_for_update())
        entries = self._delete(
            EntryRow,
            EntryRow.tenant == self._tenant,
            EntryRow.namespace == namespace_of(name),
            EntryRow.kind == "row",
        )
        # Late, as it locks the table until the end of the transaction; and the queue after it,
        # as who was writing to the table until then has queued rows.
        with self._waiting_for(name):
            self._session.scalar(select(func.agentdb.unwatch_rows(row.id)))
        self._delete(QueueRow, QueueRow.tenant == self._tenant, QueueRow.attachment_id == row.id)
        self._delete(AttachmentRow, only)
        return Detached(name, entries)

    def get(self, name: str) -> Attachment:
        """Return an attachment by its name; raise `NotFound`."""
        return self._attachment(self._row(name))

    def names(self) -> tuple[str, ...]:
        """Return the names of what is attached."""
        return tuple(row.name for row in self._rows())

    def status(self) -> tuple[AttachmentStatus, ...]:
        """Return how far each attachment is, by name."""
        return tuple(self._status(row) for row in self._rows())

    def search(
        self,
        name: str,
        query: str,
        k: int = 10,
        *,
        where: Filter | ColumnElement[bool] | None = None,
        columns: Sequence[str] | Literal["all"] = (),
        vector: Vector | None = None,
    ) -> tuple[FoundRow, ...]:
        """Return the `k` rows of a table that answer a text best, or as many as there are.

        `where` is a condition of SQLAlchemy on the table's columns, or a filter
        (see `agentdb.search.columns`); it holds of the rows as they are now, in the same
        statement. `columns` are returned with each row. Without an embedder and `vector` only
        words count. Raises `NotFound`, `BadFilter`, `BadInput`, `AttachmentBroken`.
        """
        if not 1 <= k <= MOST:
            raise BadInput(f"a search finds 1 to {MOST:,} rows, not {k:,}")
        memories = MemoryRepository(self._session, self._embedder, tenant=self._tenant)
        text, near = prepared(memories, query, vector)
        found = self._table(self._row(name))
        asked = _asked(columns, found)
        meant = _meant(found, where)
        values = {**parameters(name, self._tenant, k), "query": text, "vector": near}
        with _explained(found):
            rows = self._session.execute(ranking(meant, asked), values)
        return tuple(_found(row._asdict(), found, asked) for row in rows)

    # For a worker ------------------------------------------------------------------------------

    def follow(self, name: str) -> Followed:
        """Return an attachment whose triggers and columns are those of the table as it is now.

        Where something was renamed, or a partition came, that is put in order, and all rows are
        looked at again. Raises `NotFound`, `AttachmentBroken`, `TableBusy`.
        """
        row = self._row(name)
        found, wording = self._resolved(row)
        now = _columns(found, wording)
        before = {each: getattr(row, each) for each in now}
        if now != before or not self._is_watched(row.id):
            with self._waiting_for(found.label):
                values = {**now, "scan": "rows", "scan_key": None}
                renewed = update(AttachmentRow).where(AttachmentRow.id == row.id).values(values)
                self._session.execute(renewed, execution_options=_UNTRACKED)
                self._session.scalar(select(func.agentdb.watch_rows(row.id)))
        since = self._session.scalars(select(func.clock_timestamp())).one()
        return Followed(row.id, row.name, found, wording, since)

    def _delete(self, rows: type[Base], *meant: ColumnElement[bool]) -> int:
        gone = delete(rows).where(*meant)
        result = self._session.execute(gone, execution_options=_UNTRACKED)
        return cast_to(CursorResult[Any], result).rowcount

    # What the catalog says ---------------------------------------------------------------------

    def _rows(self) -> Sequence[Any]:
        mine = _ATTACHMENT.where(AttachmentRow.tenant == self._tenant).order_by(AttachmentRow.name)
        return self._session.execute(mine).all()

    def _row(self, name: str) -> Any:  # noqa: ANN401 - a row of ours
        called = AttachmentRow.name == plain(name, _ITS_NAME, LONGEST_NAME)
        mine = _ATTACHMENT.where(AttachmentRow.tenant == self._tenant, called)
        row = self._session.execute(mine).one_or_none()
        if row is None:
            there = ", ".join(self.names()) or "nothing: agentdb attach TABLE --text COLUMNS"
            raise NotFound(f"no table is attached as {name}; there is {there}")
        return row

    def _table(self, row: Any) -> BusinessTable:  # noqa: ANN401
        found = self._tables.of(row.oid)
        if found is None:
            raise AttachmentBroken(
                f"the table that is attached as {row.name} has been dropped: "
                f"agentdb detach {row.name}"
            )
        return found

    def _resolved(self, row: Any) -> tuple[BusinessTable, Wording]:  # noqa: ANN401
        """Return the table and how its text is made, by what the columns are called now."""
        found = self._table(row)
        numbers = dict(zip((*row.key_columns, *row.text_columns), row.numbers, strict=True))
        key = tuple(_current(found, name, numbers[name]) for name in row.key_columns)
        if key != found.key:
            raise AttachmentBroken(
                f"{found.label} has another primary key than when it was attached: "
                f"agentdb detach {row.name}, and attach it again"
            )
        text = tuple(_current(found, name, numbers[name]) for name in row.text_columns)
        for name, before in zip(text, row.text_columns, strict=True):
            if name is None:
                raise AttachmentBroken(
                    f"{found.label} has no column {before} any more: "
                    f"agentdb detach {row.name}, and attach it again"
                )
        return found, Wording(tuple(name for name in text if name), row.template)

    def _is_watched(self, identifier: int) -> bool:
        watched = func.agentdb.rows_are_watched(identifier)
        return bool(self._session.scalar(select(watched)))

    def _attachment(self, row: Any) -> Attachment:  # noqa: ANN401
        table, wording, trouble = self._seen(row)
        return Attachment(
            id=row.id,
            name=row.name,
            table=row.table if table is None else table.label,
            key=tuple(row.key_columns) if table is None else table.key,
            text=written(wording),
            created_at=row.created_at,
            scan=row.scan,
            trouble=trouble,
        )

    def _seen(self, row: Any) -> tuple[BusinessTable | None, Wording, str | None]:  # noqa: ANN401
        try:
            found, wording = self._resolved(row)
        except AttachmentBroken as error:
            before = Wording(tuple(row.text_columns), row.template)
            return self._tables.of(row.oid), before, str(error)
        return found, wording, None

    def _status(self, row: Any) -> AttachmentStatus:  # noqa: ANN401
        table, wording, trouble = self._seen(row)
        waiting = self._session.execute(_waiting(self._tenant, row.id)).one()
        error = self._session.scalar(_latest_error(self._tenant, row.id))
        return AttachmentStatus(
            name=row.name,
            table=row.table if table is None else table.label,
            text=written(wording),
            state=_state(trouble, row.scan, waiting.waiting),
            rows=0 if table is None else self._tables.rows(table),
            embedded=self._session.scalar(_embedded(self._tenant, row.id)) or 0,
            waiting=waiting.waiting,
            failed=waiting.failed,
            lag_seconds=waiting.lag_seconds,
            error=trouble or error,
        )

    @contextmanager
    def _waiting_for(self, label: str) -> Iterator[None]:
        """Say it in one line where others hold the table; the transaction goes on."""
        try:
            with self._session.begin_nested():
                yield
        except DBAPIError as error:
            if isinstance(
                error.orig, (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)
            ):
                raise TableBusy(
                    f"{label} is being written by a transaction that does not end: try again, "
                    "or see pg_stat_activity"
                ) from error
            if isinstance(error.orig, psycopg.errors.UniqueViolation):
                raise BadInput(f"{label} is being attached by somebody else: look again") from error
            raise


_ATTACHMENT = select(
    AttachmentRow.id,
    AttachmentRow.name,
    cast(AttachmentRow.relation, OID).label("oid"),
    AttachmentRow.relation.label("table"),
    AttachmentRow.key_columns,
    AttachmentRow.text_columns,
    AttachmentRow.numbers,
    AttachmentRow.template,
    AttachmentRow.created_at,
    AttachmentRow.scan,
)


def namespace_of(name: str) -> str:
    """Return where the entries of an attachment are."""
    return f"attached:{name}"


def _keys_of_queue() -> ColumnElement[int]:
    return func.coalesce(func.array_length(QueueRow.keys, 1), 0)


def _waiting(tenant: str, identifier: int) -> Any:  # noqa: ANN401 - a select
    fresh = QueueRow.attempts == 0
    age = func.extract("epoch", func.clock_timestamp() - func.min(QueueRow.queued_at).filter(fresh))
    return select(
        func.coalesce(func.sum(_keys_of_queue()).filter(fresh), 0).label("waiting"),
        func.count().filter(QueueRow.attempts > 0).label("failed"),
        cast(func.coalesce(func.greatest(age, 0), 0), Double).label("lag_seconds"),
    ).where(QueueRow.tenant == tenant, QueueRow.attachment_id == identifier)


def _latest_error(tenant: str, identifier: int) -> Any:  # noqa: ANN401 - a select
    return (
        select(QueueRow.error)
        .where(
            QueueRow.tenant == tenant,
            QueueRow.attachment_id == identifier,
            QueueRow.attempts > 0,
        )
        .order_by(QueueRow.id.desc())
        .limit(1)
    )


def _embedded(tenant: str, identifier: int) -> Any:  # noqa: ANN401 - a select
    mine = AttachedRow.tenant == tenant, AttachedRow.attachment_id == identifier
    return select(func.count()).select_from(AttachedRow).where(*mine)


def _state(trouble: str | None, scan: str, waiting: int) -> State:
    if trouble is not None:
        return "broken"
    if scan != "done":
        return "back-filling"
    return "behind" if waiting else "in step"


def _current(found: BusinessTable, name: str, number: int) -> str | None:
    """Return what a column is called: its name where there is one, else what became of it."""
    if name in found.columns:
        return name
    return next((each.name for each in found.columns.values() if each.number == number), None)


def _columns(found: BusinessTable, wording: Wording) -> Mapping[str, list[Any]]:
    names = (*found.key, *wording.columns)
    return {
        "key_columns": list(found.key),
        "text_columns": list(wording.columns),
        "numbers": [found.columns[name].number for name in names],
    }


def _require_stored(found: BusinessTable, wording: Wording) -> None:
    for name in wording.columns:
        if found.columns[name].is_virtual:
            raise BadInput(
                f"column {name} is computed when it is read, which no trigger sees: "
                "name the columns it is computed of"
            )


def _parts(table: object) -> tuple[str, ...]:
    """Return the schema, where it is given, and the name of a table."""
    if isinstance(table, str):
        names = tuple(plain_name(part)[0] for part in parts_of(table, "."))
        if len(names) > 2 or not all(names):  # noqa: PLR2004
            raise BadInput(f"{table} is no name of a table: write products or shop.products")
        return tuple(plain(name, "the name of a table") for name in names)
    source = table if isinstance(table, FromClause) else getattr(table, "__table__", None)
    if not isinstance(source, TableClause):
        raise BadInput(f"{table!r} is no table: give its name, or a class of yours")
    return (source.name,) if source.schema is None else (source.schema, source.name)


def _name(name: str) -> str:
    if not name.strip():
        raise BadInput(f"the name of an attachment has 1 to {LONGEST_NAME} bytes, not none")
    return plain(name, _ITS_NAME, LONGEST_NAME)


def _asked(columns: Sequence[str] | Literal["all"], found: BusinessTable) -> tuple[str, ...]:
    if columns == "all":
        return tuple(found.columns)
    wanted = (columns,) if isinstance(columns, str) else columns
    return read_wording(tuple(wanted), found.columns).columns


def _meant(found: BusinessTable, where: Filter | ColumnElement[bool] | None) -> Meant:
    if where is None or isinstance(where, Mapping):
        source = found.source()
        condition = compile_columns(where, found, source) if where else None
        return Meant(found, source, condition)
    return Meant(found, source_of(found, where), where)


@contextmanager
def _explained(found: BusinessTable) -> Iterator[None]:
    try:
        yield
    except DataError as error:
        reason = str(error.orig).partition("\n")[0]
        raise BadFilter(f"a value does not fit a column of {found.label}: {reason}") from error
    except SetupMissing as error:
        raise SetupMissing(f"{error}; and GRANT SELECT ON {found.label}") from error


def _found(values: Mapping[str, Any], found: BusinessTable, asked: Sequence[str]) -> FoundRow:
    return FoundRow(
        key=tuple(values[f"key{at}"] for at in range(len(found.key))),
        row={name: values[f"column{at}"] for at, name in enumerate(asked)},
        **{name: values[name] for name in RANKS},
    )
