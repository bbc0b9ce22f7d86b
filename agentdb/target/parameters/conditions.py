"""Conditions without parameters that say which rows are meant: `deleted_at IS NULL`."""

from __future__ import annotations

from dataclasses import dataclass

from agentdb.target.scope import BoundColumn, Scoped
from agentdb.target.syntax import find, pb


@dataclass(frozen=True, slots=True)
class NullTest:
    """One `IS NULL` (or `IS NOT NULL`) of a column."""

    bound: BoundColumn
    wants_null: bool

    @property
    def share(self) -> float:
        """Return the share of rows that meet it."""
        nulls = self.bound.column.null_fraction
        return nulls if self.wants_null else 1 - nulls


def null_tests(scoped: Scoped) -> tuple[NullTest, ...]:
    """Return the tests of a statement for NULL, of plain columns."""
    return tuple(
        NullTest(bound, test.nulltesttype == pb.IS_NULL)
        for test in find(scoped.tree, pb.NullTest)
        if test.arg.HasField("column_ref") and (bound := scoped.bound(test.arg.column_ref))
    )


def is_conjunction(scoped: Scoped) -> bool:
    """Return whether all conditions are joined by AND alone."""
    return all(found.boolop == pb.AND_EXPR for found in find(scoped.tree, pb.BoolExpr))
