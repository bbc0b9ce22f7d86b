"""A statement handed to the driver as it is: for the one place where SQLAlchemy's way costs most.

Compiling, type by type conversion and row objects cost as much as all else of a search. The text
of the statement comes from SQLAlchemy, too, made once; the transaction is the session's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session


def fetch(session: Session, statement: str, parameters: Mapping[str, Any]) -> Sequence[Any]:
    """Return the rows of a statement, each a tuple, in the transaction of a sync or async session.

    Errors are those that the session itself would raise.
    """
    connection = session.connection()
    cursor = connection.connection.cursor()
    try:
        cursor.execute(statement, parameters)
        return cursor.fetchall()
    except BaseException as error:  # noqa: BLE001 - it is raised again, as SQLAlchemy would
        # Without it a broken connection would go back to the pool, and no listener hear of it.
        connection._handle_dbapi_exception(error, statement, parameters, cursor, None)  # noqa: SLF001
    finally:
        cursor.close()
