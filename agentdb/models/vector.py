"""pgvector columns that travel in binary: ten times faster than the text form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector as HalfWire
from pgvector import Vector as Wire
from sqlalchemy import ColumnElement, Dialect, func
from sqlalchemy.types import UserDefinedType

Vector: TypeAlias = NDArray[np.float32]

DIMENSION = 384  # of all-MiniLM-L6-v2, the default model


class VectorType(UserDefinedType[Vector]):
    """`vector(384)`; without a dimension, `vector`, whose rows may differ in length.

    The connection must know pgvector's binary dumper: `agentdb.database.make_engine` and
    `agentdb.database.accept_vectors` see to that.
    """

    cache_ok = True
    # The dumper names no type (its oid differs by database); the cast does, also in VALUES lists.
    render_bind_cast = True

    def __init__(self, dimension: int | None = None) -> None:
        self.dimension = dimension

    def get_col_spec(self, **_: object) -> str:
        """Return the type's name in DDL and casts."""
        return "VECTOR" if self.dimension is None else f"VECTOR({self.dimension})"

    def bind_processor(self, dialect: Dialect) -> Callable[[Vector | None], Wire | None]:  # noqa: ARG002  SQLAlchemy's signature
        """Return what makes a parameter of an array: psycopg dumps `Wire` in binary."""
        return lambda vector: None if vector is None else Wire(vector)

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Read the column in its binary form: parsing the text would cost 180 µs a row."""
        return func.vector_send(column, type_=self)

    def result_processor(
        self,
        dialect: Dialect,  # noqa: ARG002  SQLAlchemy's signature
        coltype: object,  # noqa: ARG002
    ) -> Callable[[bytes | None], Vector | None]:
        """Return what makes an array of the binary form."""
        return lambda data: None if data is None else Wire.from_binary(data).to_numpy()


class HalfVectorType(UserDefinedType[Vector]):
    """`halfvec(384)`: two bytes a number, which a search cannot tell from four.

    Without a dimension, `halfvec`: so a vector is bound, as the column may be as wide as another
    model's vectors by now.
    """

    cache_ok = True
    render_bind_cast = True

    def __init__(self, dimension: int | None = None) -> None:
        self.dimension = dimension

    def get_col_spec(self, **_: object) -> str:
        """Return the type's name in DDL and casts."""
        return "HALFVEC" if self.dimension is None else f"HALFVEC({self.dimension})"

    def bind_processor(self, dialect: Dialect) -> Callable[[Vector | None], HalfWire | None]:  # noqa: ARG002  SQLAlchemy's signature
        """Return what makes a parameter of an array: psycopg dumps it in binary."""
        return lambda vector: None if vector is None else HalfWire(vector)

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Read the column in its binary form."""
        return func.halfvec_send(column, type_=self)

    def result_processor(
        self,
        dialect: Dialect,  # noqa: ARG002  SQLAlchemy's signature
        coltype: object,  # noqa: ARG002
    ) -> Callable[[bytes | None], Vector | None]:
        """Return what makes an array of the binary form."""
        return lambda data: None if data is None else _as_single(HalfWire.from_binary(data))


def _as_single(wire: HalfWire) -> Vector:
    return wire.to_numpy().astype(np.float32)
