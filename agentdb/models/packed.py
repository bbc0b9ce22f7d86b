"""Whole columns as one parameter: arrays packed as the server reads them, thousands of rows a call.

Binding values one by one costs more than keeping them. The form is that of `array_recv` and of
each element's own receive function (PostgreSQL, "Frontend/Backend Protocol", binary format).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
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

Vector: TypeAlias = NDArray[np.float32]

_HEADER = Struct(">iiIii")  # dimensions, has nulls, type of the elements, how many, from 1 on
_SIZE = Struct(">i")
_LONG = Struct(">q")
_NOTHING = _SIZE.pack(-1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PART = 256  # vectors: what a processor's cache holds
_JSONB_FORM = b"\x01"
_TEXT, _BYTEA, _INT8, _FLOAT8, _TIMESTAMPTZ, _JSONB = 25, 17, 20, 701, 1184, 3802
_document = JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Packed:
    """An array as the server reads it."""

    data: bytes | memoryview


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

    def dump(self, obj: Packed) -> bytes | memoryview:
        return obj.data


def accept_packed(connection: _Adapting) -> None:
    """Let a connection send packed arrays; SQLAlchemy's adapter of an async one will do."""
    connection.adapters.register_dumper(Packed, _PackedDumper)


def texts(values: Sequence[str]) -> Packed:
    """Pack a `text[]`."""
    return _packed(_TEXT, [value.encode() for value in values])


def names(values: Sequence[str | None]) -> Packed:
    """Pack a `text[]` of few different values."""
    forms = {value: _element(None if value is None else value.encode()) for value in set(values)}
    header = _header(_TEXT, len(values), nulls=None in forms)
    return Packed(b"".join([header, *[forms[value] for value in values]]))


def blobs(values: Sequence[bytes]) -> Packed:
    """Pack a `bytea[]`."""
    return _packed(_BYTEA, values)


def documents(values: Iterable[Mapping[str, Json]]) -> Packed:
    """Pack a `jsonb[]`."""
    empty = _JSONB_FORM + b"{}"
    return _packed(
        _JSONB,
        [_JSONB_FORM + _document(value).encode() if value else empty for value in values],
    )


def moments(values: Sequence[datetime | None]) -> Packed:
    """Pack a `timestamptz[]`."""
    header = _header(_TIMESTAMPTZ, len(values), nulls=True)
    return Packed(b"".join([header, *[_moment(value) for value in values]]))


def whole_numbers(values: Sequence[int]) -> Packed:
    """Pack a `bigint[]`."""
    return _fixed(_INT8, ">i8", np.asarray(values, dtype=np.int64))


def numbers(values: Sequence[float]) -> Packed:
    """Pack a `float8[]`."""
    return _fixed(_FLOAT8, ">f8", np.asarray(values, dtype=np.float64))


def halfvecs(vectors: Sequence[Vector | None], oid: int) -> Packed:
    """Pack a `halfvec[]` of one dimension; `oid` is the type's number in the database."""
    there = [vector for vector in vectors if vector is not None]
    if not there:
        return Packed(b"".join([_header(oid, len(vectors), nulls=True), _NOTHING * len(vectors)]))
    packed = _halfvecs(there, oid)
    if len(there) == len(vectors):
        return packed
    size = (len(packed.data) - _HEADER.size) // len(there)
    starts = iter(range(_HEADER.size, len(packed.data), size))
    parts = (
        _NOTHING if vector is None else packed.data[(start := next(starts)) : start + size]
        for vector in vectors
    )
    return Packed(b"".join([_header(oid, len(vectors), nulls=True), *parts]))


def _halfvecs(vectors: Sequence[Vector], oid: int) -> Packed:
    """Fill one buffer, part by part: each copy of all vectors would cost as much as the rest."""
    count, dimension = len(vectors), len(vectors[0])
    fields = [("size", ">i4"), ("dimension", ">u2"), ("unused", ">u2"), ("of", ">f2", dimension)]
    form = np.dtype(fields)
    buffer = bytearray(_HEADER.size + count * form.itemsize)
    buffer[: _HEADER.size] = _header(oid, count)
    records = np.ndarray(count, form, buffer, _HEADER.size)
    records["size"] = form.itemsize - _SIZE.size
    records["dimension"] = dimension
    for start in range(0, count, _PART):
        part = vectors[start : start + _PART]
        records["of"][start : start + _PART] = np.concatenate(part).reshape(-1, dimension)
    return Packed(memoryview(buffer))


def _fixed(oid: int, form: str, values: NDArray[np.generic]) -> Packed:
    records = np.empty(len(values), dtype=np.dtype([("size", ">i4"), ("value", form)]))
    records["size"] = records.dtype["value"].itemsize
    records["value"] = values
    return Packed(b"".join([_header(oid, len(values)), records.tobytes()]))


def _moment(value: datetime | None) -> bytes:
    if value is None:
        return _NOTHING
    return _element(_LONG.pack((value - _EPOCH) // _MICROSECOND))


def _packed(oid: int, values: Sequence[bytes]) -> Packed:
    size = _SIZE.pack
    parts = [part for value in values for part in (size(len(value)), value)]
    return Packed(b"".join([_header(oid, len(values)), *parts]))


def _element(value: bytes | None) -> bytes:
    return _NOTHING if value is None else _SIZE.pack(len(value)) + value


def _header(oid: int, count: int, *, nulls: bool = False) -> bytes:
    return _HEADER.pack(1, nulls, oid, count, 1)
