"""The types of a statement's parameters, from the server itself: parsed there, never executed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from psycopg import Error, errors
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.rows import class_row

from agentdb.sql import query
from agentdb.target.connection import Connection, is_loss
from agentdb.target.parameters.filling import is_field_of, renumbered
from agentdb.target.parameters.repair import Repaired
from agentdb.target.parameters.vocabulary import Role
from agentdb.target.syntax import deparse, find, pb

_TAG = "/* agentdb */ "


class NotExecutable(ValueError):
    """A statement cannot be called with believable values; the message says why."""


@dataclass(frozen=True, slots=True)
class ParameterType:
    """One type, as format_type() prints it; `label` is the first of an enum's."""

    oid: int
    name: str
    category: str
    element: str | None = None
    label: str | None = None


def describe(
    connection: Connection, statement: Repaired, roles: Mapping[int, Role]
) -> Mapping[int, ParameterType]:
    """Return the type of every parameter that is a value.

    Where the server cannot tell (`now() - $1`), what the statement suggests is tried; first
    of all where it would take numbers for texts (`substring(x FROM $1 FOR $2)`).
    Raises NotExecutable with the server's first complaint.
    """
    fields = set(_fields(statement.tree))
    numbers = [number for number in statement.numbers if number not in fields]
    complaint = ""
    for casts in _attempts(numbers, roles):
        found = prepare(connection, deparse(renumbered(statement.tree, numbers, casts)))
        if not isinstance(found, str):
            return _named(connection, numbers, found)
        complaint = complaint or found
    raise NotExecutable(complaint)


def prepare(connection: Connection, text: str) -> Sequence[int] | str:
    """Return the OIDs of a statement's parameters, or what the server has against it.

    Inside a transaction a failure is kept from it by a savepoint.
    """
    if connection.info.transaction_status == TransactionStatus.IDLE:
        return _prepared(connection, text)
    with connection.transaction(force_rollback=True):
        return _prepared(connection, text)


def _prepared(connection: Connection, text: str) -> Sequence[int] | str:
    protocol = connection.pgconn
    encoding = connection.info.encoding
    result = protocol.prepare(b"", (_TAG + text).encode(encoding))
    if result.status == ExecStatus.COMMAND_OK:
        result = protocol.describe_prepared(b"")
    if result.status == ExecStatus.COMMAND_OK:
        return [result.param_type(place) for place in range(result.nparams)]
    error = errors.error_from_result(result, encoding)
    if is_loss(error):
        raise error
    return _complaint(error)


def _complaint(error: Error) -> str:
    return error.diag.message_primary or str(error)


def _attempts(numbers: Sequence[int], roles: Mapping[int, Role]) -> Iterator[Mapping[int, str]]:
    guesses = {number: guess for number in numbers if (guess := roles[number].guess)}
    yield {number: guess for number, guess in guesses.items() if roles[number].kind == "length"}
    yield guesses
    unclear = [number for number in numbers if roles[number].kind in {"other", "argument"}]
    for type_name in ("text", "integer"):
        yield dict.fromkeys(unclear, type_name) | guesses


def _fields(tree: pb.Node) -> Iterator[int]:
    for call in find(tree, pb.FuncCall):
        if is_field_of(call) and call.args[0].HasField("param_ref"):
            yield call.args[0].param_ref.number


def _named(
    connection: Connection, numbers: Sequence[int], oids: Sequence[int]
) -> Mapping[int, ParameterType]:
    if not oids:
        return {}
    with connection.cursor(row_factory=class_row(ParameterType)) as cursor:
        cursor.execute(query("parameters/types"), {"oids": sorted(set(oids))})
        by_oid = {found.oid: found for found in cursor}
    return {number: by_oid[oid] for number, oid in zip(numbers, oids, strict=True)}
