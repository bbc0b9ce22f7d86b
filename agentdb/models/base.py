"""What all our tables share: the schema `agentdb`, the types and the names of constraints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import (
    TIMESTAMP,
    BigInteger,
    CheckConstraint,
    Dialect,
    Double,
    MetaData,
    Text,
    TypeDecorator,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeEngine

SCHEMA = "agentdb"

Json: TypeAlias = bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"] | None

# As Postgres itself would name them, so that a DBA recognises them.
_NAMES = {
    "pk": "%(table_name)s_pkey",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "ck": "%(table_name)s_%(constraint_name)s_check",
}


class Moment(TypeDecorator[datetime]):
    """A `timestamptz` that comes back in UTC, whatever zone the session is in.

    The driver gives moments in the session's zone, and Python takes two of one zone for times on
    the wall: across a change of clocks their difference is an hour off. The session may be an
    application's own, or a pooler's, so that its zone is not ours to set.
    """

    impl = TIMESTAMP(timezone=True)
    cache_ok = True

    def process_result_value(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> datetime | None:
        """Return the same moment, in UTC."""
        return None if value is None else value.astimezone(UTC)

    def coerce_compared_value(self, op: OperatorType | None, value: object) -> TypeEngine[Any]:
        """Let a moment and a stretch of time make a moment, as of a plain timestamp."""
        coerced: TypeEngine[Any] = self.impl_instance.coerce_compared_value(op, value)
        return coerced


class Base(DeclarativeBase):
    """The registry of our tables."""

    metadata = MetaData(schema=SCHEMA, naming_convention=_NAMES)
    type_annotation_map = {  # noqa: RUF012  SQLAlchemy reads it from the class
        str: Text,
        int: BigInteger,
        float: Double,
        datetime: Moment,
        UUID: Uuid,
        Json: JSONB(none_as_null=True),
    }


def one_of(column: str, allowed: Sequence[str]) -> CheckConstraint:
    """Return the constraint that a text column holds one of a few words."""
    words = ", ".join(f"'{word}'" for word in allowed)
    return CheckConstraint(f"{column} IN ({words})", name=column)
