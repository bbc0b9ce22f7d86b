"""What all our tables share: the schema `agentdb`, the types and the names of constraints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import TIMESTAMP, BigInteger, CheckConstraint, Double, MetaData, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase

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


class Base(DeclarativeBase):
    """The registry of our tables."""

    metadata = MetaData(schema=SCHEMA, naming_convention=_NAMES)
    type_annotation_map = {  # noqa: RUF012  SQLAlchemy reads it from the class
        str: Text,
        int: BigInteger,
        float: Double,
        datetime: TIMESTAMP(timezone=True),
        UUID: Uuid,
        Json: JSONB(none_as_null=True),
    }


def one_of(column: str, allowed: Sequence[str]) -> CheckConstraint:
    """Return the constraint that a text column holds one of a few words."""
    words = ", ".join(f"'{word}'" for word in allowed)
    return CheckConstraint(f"{column} IN ({words})", name=column)
