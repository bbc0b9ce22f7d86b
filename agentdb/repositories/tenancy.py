"""Whose rows a session sees: a repository announces its tenant where row-level security asks.

The announcement, `set_config('agentdb.tenant', …, true)`, lasts as long as the transaction or,
if it was made after a savepoint, until that is rolled back. So it is remembered together with
the part of the transaction that it was made in, and made again once that has ended.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Boolean, Connection, func, select, true
from sqlalchemy.orm import Session, SessionTransaction

from agentdb.models.base import SCHEMA
from agentdb.models.entry import EntryRow

SETTING = f"{SCHEMA}.tenant"
"""What row-level security looks at."""

_ANNOUNCED = f"{SCHEMA} tenant announced"  # in `session.info`: by which part of what transaction
_SUBJECT = f"{SCHEMA} rows secured"  # in the connection's `info`: whether its role is subject to it
_TABLE = f"{SCHEMA}.{EntryRow.__tablename__}"


class Tenanted:
    """A repository of one tenant's rows: who takes its `_session` has announced the tenant."""

    _tenant: str
    _given: Session

    @property
    def _session(self) -> Session:
        announce(self._given, self._tenant)
        return self._given

    @_session.setter
    def _session(self, session: Session) -> None:
        self._given = session


def is_subject(connection: Connection) -> bool:
    """Return whether the role sees one tenant's rows at a time."""
    subject = select(func.row_security_active(_TABLE, type_=Boolean()))
    return connection.execute(subject).scalar_one()


def announce(session: Session, tenant: str) -> None:
    """Say whose rows are meant from here on, if the role needs it and it has not been said.

    One round trip for each part of a transaction; for a role that is not subject to row-level
    security (an owner, a superuser) one for each connection.
    """
    if session.info.get(_ANNOUNCED, (None, None)) in ((part, tenant) for part in _parts(session)):
        return
    connection = session.connection()
    if connection.info.get(_SUBJECT, True):
        said = select(
            func.set_config(SETTING, tenant, true()),
            func.row_security_active(_TABLE).label("subject"),
        )
        connection.info[_SUBJECT] = connection.execute(said).one().subject
    remember(session, tenant)


def remember(session: Session, tenant: str) -> None:
    """Note that a statement has just announced the tenant by itself."""
    session.info[_ANNOUNCED] = (next(_parts(session), None), tenant)


def _parts(session: Session) -> Iterator[SessionTransaction]:
    """Give what is open of the session's transaction, from the innermost savepoint outwards."""
    part = session.get_nested_transaction() or session.get_transaction()
    while part is not None:
        yield part
        part = part.parent
