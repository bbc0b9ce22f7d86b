"""The one statement that finds rows of a business table: what is meant, ranked, and joined back.

How many rows a condition leaves decides how they are found, in the statement itself:

- up to 12,000: their keys are read first, and all of them are compared;
- more: more than were asked for are taken from all rows, by the index over vectors where there is
  one, and what does not meet the condition, or has left the table, is passed over;
- and where that leaves too few, all that meet it are compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Double,
    FromClause,
    Integer,
    Select,
    TableClause,
    TableValuedAlias,
    Text,
    bindparam,
    cast,
    column,
    func,
    null,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql import visitors

from agentdb.models.vector import HalfVectorType
from agentdb.search.rows import BusinessTable, has_key, own, texts_of_key

FEW = 12_000
"""Rows that are compared one by one."""

RANKS = ("score", "similarity", "vector_rank", "coverage", "keyword_rank", "path")


@dataclass(frozen=True, slots=True)
class Meant:
    """The rows of a table that a condition leaves; None: all of them."""

    found: BusinessTable
    source: FromClause
    condition: ColumnElement[bool] | None

    def keys(self) -> Select[Any]:
        """Return the statement for their keys."""
        keys = select(texts_of_key(self.found, self.source).label("key"))
        keys = keys.select_from(self.source)
        return keys if self.condition is None else keys.where(self.condition)


def source_of(found: BusinessTable, condition: ColumnElement[bool] | None) -> FromClause:
    """Return the table as a condition names it: the caller's own object, or one of ours."""
    for each in visitors.iterate(condition) if condition is not None else ():
        part = getattr(each, "table", None)
        if isinstance(part, FromClause) and _is(getattr(part, "element", part), found):
            return part
    return found.source()


def _is(source: object, found: BusinessTable) -> bool:
    if not isinstance(source, TableClause):
        return False
    return source.name == found.name and source.schema in (None, found.schema)


def ranking(meant: Meant, columns: Sequence[str]) -> Select[Any]:
    """Return the statement: columns `key0`… of the primary key, `column0`…, and `RANKS`.

    Parameters: attachment, tenant, query, vector, k, fetch (how many more are taken).
    """
    found = meant.found
    hits = _hits(meant).subquery("hits")
    source = found.source().alias("business")
    keys = [own(source, name).label(f"key{at}") for at, name in enumerate(found.key)]
    asked = [own(source, name).label(f"column{at}") for at, name in enumerate(columns)]
    return (
        select(*keys, *asked, *(hits.c[name] for name in RANKS))
        .select_from(hits)
        .join(source, has_key(found, source, _parts(hits, found)))
        .order_by(hits.c.score.desc(), hits.c.key)
        .limit(bindparam("k", type_=Integer()))
    )


def _hits(meant: Meant) -> Any:  # noqa: ANN401 - a select or a union of them
    if meant.condition is None:
        return union_all(*_of_all(meant, true()))
    few = meant.keys().limit(FEW + 1).cte("few")
    counted = select(func.count().label("rows")).select_from(few).cte("counted")
    rows = select(counted.c.rows).scalar_subquery()
    compared = select(_searched(_collected(few))).where(rows <= FEW)
    return union_all(compared, *_of_all(meant, rows > FEW))


def _of_all(meant: Meant, wanted: ColumnElement[bool]) -> tuple[Select[Any], Select[Any]]:
    """Return what is best of all rows, and what takes its place where that is too few."""
    near = _near(meant, wanted)
    enough = select(func.count()).select_from(near).scalar_subquery() >= bindparam("k")
    return select(near).where(enough), _all_compared(meant, wanted & ~enough)


def _near(meant: Meant, wanted: ColumnElement[bool]) -> CTE:
    """Return what is best of all rows, without those that are not meant."""
    taken = _searched(null(), bindparam("fetch", type_=Integer()))
    met = has_key(meant.found, meant.source, _parts(taken, meant.found))
    near = select(taken).select_from(taken).join(meant.source, met).where(wanted)
    if meant.condition is not None:
        near = near.where(meant.condition)
    k = bindparam("k", type_=Integer())
    return near.order_by(taken.c.score.desc(), taken.c.key).limit(k).cte("near")


def _all_compared(meant: Meant, wanted: ColumnElement[bool]) -> Select[Any]:
    """Return the best of the rows that are meant, all of them compared."""
    everything = meant.keys().subquery("everything")
    return select(_searched(_collected(everything))).where(wanted)


def _collected(keys: FromClause) -> ColumnElement[Any]:
    collected = select(func.array_agg(keys.c.key)).select_from(keys).scalar_subquery()
    nothing = cast([], ARRAY(Text))
    return func.coalesce(collected, nothing)


def _searched(among: ColumnElement[Any], k: ColumnElement[int] | None = None) -> TableValuedAlias:
    found = func.agentdb.search_rows(
        bindparam("attachment", type_=Text()),
        bindparam("query", type_=Text()),
        bindparam("vector", type_=HalfVectorType()),
        bindparam("k", type_=Integer()) if k is None else k,
        cast(among, ARRAY(Text)),
        bindparam("tenant", type_=Text()),
    ).table_valued(
        column("key", ARRAY(Text)),
        column("score", Double),
        column("similarity", Double),
        column("vector_rank", Integer),
        column("coverage", Double),
        column("keyword_rank", Integer),
        column("path", Text),
    )
    return found.alias()


def _parts(hits: FromClause, found: BusinessTable) -> list[ColumnElement[str]]:
    return [hits.c.key[at + 1] for at in range(len(found.key))]


def parameters(attachment: str, tenant: str, k: int) -> Mapping[str, object]:
    """Return the parameters of `ranking` that do not depend on the text."""
    return {
        "attachment": attachment,
        "tenant": tenant,
        "k": k,
        "fetch": min(20 * k + 100, 5_000),
    }
