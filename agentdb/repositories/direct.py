"""A statement handed to the driver as it is: for the one place where SQLAlchemy's way costs most.

Compiling, converting type by type and row objects cost half as much as the search itself. The
text of the statement comes from SQLAlchemy, too, made once; the transaction is the session's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import AsyncConnection, AsyncCursor
from sqlalchemy.orm import Session
from sqlalchemy.util import await_


def fetch(
    session: Session, statement: str, parameters: Mapping[str, object]
) -> Sequence[tuple[Any, ...]]:
    """Return the rows of a statement in the transaction of a session, sync or within `run_sync`.

    They travel in binary. Errors are those that the session itself would raise.
    """
    connection = session.connection()
    driver: Any = connection.connection.driver_connection
    cursor = driver.cursor(binary=True)
    try:
        if isinstance(driver, AsyncConnection):
            return await_(_fetch(cursor, statement, parameters))
        cursor.execute(statement, parameters)
        rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
    except BaseException as error:  # noqa: BLE001 - it is raised again, as SQLAlchemy would
        # Without it a broken connection would go back to the pool, and no listener hear of it.
        connection._handle_dbapi_exception(error, statement, parameters, cursor, None)  # noqa: SLF001
    return rows


async def _fetch(
    cursor: AsyncCursor[tuple[Any, ...]], statement: str, parameters: Mapping[str, object]
) -> Sequence[tuple[Any, ...]]:
    await cursor.execute(statement.encode(), parameters)
    return await cursor.fetchall()
