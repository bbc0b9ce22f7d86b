"""Whole columns as one parameter: arrays packed as the server reads them, thousands of rows a call.

Binding values one by one costs more than keeping them. The form is that of `array_recv` and of
each element's own receive function (PostgreSQL, "Frontend/Backend Protocol", binary format).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from json import JSONEncoder
from struct import Struct
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from psycopg.adapt import AdaptersMap, Dumper
from psycopg.pq import Format
from sqlalchemy import Dialect
from sqlalchemy.types import UserDefinedType

from agentdb.models.base import Json

Rows: TypeAlias = NDArray[np.float32]
"""One vector a row; a row of NaN stands for no vector."""

_HEADER = Struct(">iiIii")  # dimensions, has nulls, type of the elements, how many, from 1 on
_SIZE = Struct(">i")
_NOTHING = _SIZE.pack(-1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_JSONB_FORM = b"\x01"
_TEXT, _BYTEA, _INT8, _FLOAT8, _TIMESTAMPTZ, _JSONB = 25, 17, 20, 701, 1184, 3802
_document = JSONEncoder(separators=(",", ":")).encode


class Packed(bytes):
    """An array as the server reads it."""

    __slots__ = ()


class PackedArray(UserDefinedType[Packed]):
    """An array of some type, bound as `Packed`."""

    cache_ok = True
    render_bind_cast = True  # the dumper names no type: that of `halfvec` differs by database

    def __init__(self, element: str) -> None:
        self.element = element

    def get_col_spec(self, **_: object) -> str:
        """Return the type's name in casts."""
        return f"{self.element}[]"

    def bind_processor(self, dialect: Dialect) -> Callable[[Packed | None], Packed | None]:  # noqa: ARG002  SQLAlchemy's signature
        """Return what leaves a parameter as it is."""
        return lambda packed: packed


class _Adapting(Protocol):
    @property
    def adapters(self) -> AdaptersMap: ...


class _PackedDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Packed) -> bytes:
        return obj


def accept_packed(connection: _Adapting) -> None:
    """Let a connection send packed arrays; SQLAlchemy's adapter of an async one will do."""
    connection.adapters.register_dumper(Packed, _PackedDumper)


def texts(values: Iterable[str | None]) -> Packed:
    """Pack a `text[]`."""
    return _packed(_TEXT, [None if value is None else value.encode() for value in values])


def blobs(values: Sequence[bytes]) -> Packed:
    """Pack a `bytea[]`."""
    return _packed(_BYTEA, values)


def documents(values: Iterable[Mapping[str, Json]]) -> Packed:
    """Pack a `jsonb[]`."""
    return _packed(_JSONB, [_JSONB_FORM + _document(value).encode() for value in values])


def moments(values: Sequence[datetime | None]) -> Packed:
    """Pack a `timestamptz[]`."""
    pack = Struct(">q").pack
    since = [None if value is None else pack((value - _EPOCH) // _MICROSECOND) for value in values]
    return _packed(_TIMESTAMPTZ, since)


def whole_numbers(values: Sequence[int]) -> Packed:
    """Pack a `bigint[]`."""
    return _fixed(_INT8, ">i8", np.asarray(values, dtype=np.int64))


def numbers(values: Sequence[float]) -> Packed:
    """Pack a `float8[]`."""
    return _fixed(_FLOAT8, ">f8", np.asarray(values, dtype=np.float64))


def halfvecs(vectors: Rows, oid: int) -> Packed:
    """Pack a `halfvec[]`; `oid` is the type's number in the database."""
    missing = np.isnan(vectors[:, 0]) if len(vectors) else np.empty(0, dtype=bool)
    count, dimension = vectors.shape
    fields = [
        ("size", ">i4"),
        ("dimension", ">u2"),
        ("unused", ">u2"),
        ("numbers", ">f2", dimension),
    ]
    records = np.zeros(count, dtype=np.dtype(fields))
    records["size"] = 4 + 2 * dimension
    records["dimension"] = dimension
    records["numbers"] = vectors
    if not missing.any():
        return Packed(_header(oid, count) + records.tobytes())
    rows = (_NOTHING if gone else row.tobytes() for gone, row in zip(missing, records, strict=True))
    return Packed(_header(oid, count, nulls=True) + b"".join(rows))


def _fixed(oid: int, form: str, values: NDArray[np.generic]) -> Packed:
    records = np.empty(len(values), dtype=np.dtype([("size", ">i4"), ("value", form)]))
    records["size"] = records.dtype["value"].itemsize
    records["value"] = values
    return Packed(_header(oid, len(values)) + records.tobytes())


def _packed(oid: int, values: Sequence[bytes | None]) -> Packed:
    size = _SIZE.pack
    parts = [
        part
        for value in values
        for part in ((_NOTHING,) if value is None else (size(len(value)), value))
    ]
    return Packed(_header(oid, len(values), nulls=True) + b"".join(parts))


def _header(oid: int, count: int, *, nulls: bool = False) -> bytes:
    return _HEADER.pack(1, nulls, oid, count, 1)
