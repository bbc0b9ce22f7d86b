from __future__ import annotations

import math

import pytest

from agentdb.target.plan import Plan, PlanNode, read_plan


def node(kind: str, *plans: dict[str, object], **more: object) -> dict[str, object]:
    """One node as EXPLAIN prints it; `Actual_Rows=3` for "Actual Rows"."""
    found: dict[str, object] = {"Node Type": kind, "Total Cost": 1.0, "Plan Rows": 1}
    found |= {name.replace("_", " "): value for name, value in more.items()}
    return found | {"Plans": list(plans)} if plans else found


def plan(root: dict[str, object], **more: object) -> Plan:
    return read_plan([{"Plan": root} | {name.replace("_", " "): v for name, v in more.items()}])


def test_a_planned_statement_has_costs_and_no_times() -> None:
    found = plan(node("Seq Scan", Total_Cost=36.5, Plan_Rows=2550))
    assert (found.cost, found.rows) == (36.5, 2550)
    assert (found.milliseconds, found.blocks, found.temp_blocks) == (None, None, None)


def test_a_measured_statement_has_times_and_the_blocks_of_its_root() -> None:
    child = node("Seq Scan", Actual_Rows=9, Actual_Loops=1, Shared_Hit_Blocks=40)
    blocks = {
        "Shared_Hit_Blocks": 40,
        "Shared_Read_Blocks": 5,
        "Local_Hit_Blocks": 3,
        "Local_Read_Blocks": 2,
        "Temp_Read_Blocks": 7,
        "Temp_Written_Blocks": 8,
    }
    root = node("Sort", child, Actual_Rows=9, Actual_Loops=1, **blocks)
    found = plan(root, Execution_Time=1.25, Planning_Time=0.5)
    assert (found.milliseconds, found.planning_milliseconds) == (1.25, 0.5)
    assert (found.rows, found.blocks, found.temp_blocks) == (9, 50, 15)


def test_rows_are_those_of_all_loops_together() -> None:
    inner = node(
        "Index Scan",
        Index_Name="orders_pkey",
        Relation_Name="orders",
        Schema="public",
        Alias="o",
        Actual_Rows=2.5,
        Actual_Loops=100,
        Rows_Removed_by_Filter=3,
        Rows_Removed_by_Index_Recheck=1,
    )
    found = plan(inner).root
    assert (found.rows_actual, found.rows_removed, found.rows_read) == (250, 400, 650)
    assert (found.schema, found.relation, found.alias) == ("public", "orders", "o")


def test_a_node_that_never_ran_kept_nothing() -> None:
    found = plan(node("Seq Scan", Plan_Rows=1000, Actual_Rows=0, Actual_Loops=0)).root
    assert (found.rows_kept, found.rows_read) == (0, 0)


def test_indexes_are_found_at_every_depth() -> None:
    bitmap = node("Bitmap Heap Scan", node("Bitmap Index Scan", Index_Name="b"))
    root = node("Nested Loop", node("Index Only Scan", Index_Name="a"), bitmap)
    assert plan(root).indexes() == {"a", "b"}


def test_conditions_are_kept_with_their_names() -> None:
    root = node("Sort", Sort_Key=["total DESC", "id"], Filter="(total > 1)")
    assert plan(root).root.conditions == (
        ("Filter", "(total > 1)"),
        ("Sort Key", "total DESC, id"),
    )


@pytest.mark.parametrize(
    ("kind", "join", "shown"),
    [
        ("Hash Join", "Inner", "Hash Join"),
        ("Hash Join", "Left", "Hash Left Join"),
        ("Nested Loop", "Anti", "Nested Loop Anti Join"),
        ("Merge Join", "Full", "Merge Full Join"),
    ],
)
def test_joins_are_named_as_explain_names_them(kind: str, join: str, shown: str) -> None:
    assert plan(node(kind, Join_Type=join)).root.kind == shown


def test_the_chain_names_kinds_and_sizes_and_nothing_else() -> None:
    scan = node(
        "Seq Scan",
        Relation_Name="orders",
        Actual_Rows=12,
        Actual_Loops=1,
        Rows_Removed_by_Filter=99_988,
    )
    sort = node("Sort", scan, Actual_Rows=10, Actual_Loops=1)
    found = plan(node("Limit", sort, Actual_Rows=10, Actual_Loops=1))
    assert found.chain() == "Limit kept~1e1>Sort kept~1e1>Seq Scan rows~1e5 kept~1e1"


def test_the_branches_of_a_join_stand_in_brackets() -> None:
    hashed = node("Hash", node("Seq Scan", Plan_Rows=5000), Plan_Rows=5000)
    found = plan(node("Hash Join", node("Index Scan", Plan_Rows=1), hashed, Plan_Rows=0))
    assert found.chain() == (
        "Hash Join kept~0(Index Scan kept~1e0,Hash kept~1e4>Seq Scan kept~1e4)"
    )


def test_the_shape_depends_on_the_nodes_alone() -> None:
    small = plan(node("Sort", node("Seq Scan", Plan_Rows=1)))
    large = plan(node("Sort", node("Seq Scan", Plan_Rows=10**9, Relation_Name="other")))
    other = plan(node("Sort", node("Index Scan")))
    assert small.shape == large.shape
    assert small.shape != other.shape
    assert len(small.shape) == 12


def test_work_counts_rows_blocks_and_comparisons() -> None:
    scan = PlanNode("Seq Scan", cost=1, rows_planned=1, loops=1, rows_actual=1024, rows_removed=76)
    sort = PlanNode(
        "Sort",
        cost=1,
        rows_planned=1,
        loops=1,
        rows_actual=1024,
        blocks=10,
        temp_blocks=2,
        children=(scan,),
    )
    comparisons = 1024 * math.log2(1024)
    handled = 0.05 * (1024 + 76) + 0.15 * 1024 + 0.0075 * comparisons
    assert Plan(sort).work == pytest.approx(12 + handled + 0.5 * 10 + 2.5 * 2)


def test_an_index_that_saves_reading_saves_work() -> None:
    whole = node(
        "Seq Scan",
        Actual_Rows=10,
        Actual_Loops=1,
        Rows_Removed_by_Filter=99_990,
        Shared_Hit_Blocks=1000,
    )
    found = node("Index Scan", Actual_Rows=10, Actual_Loops=1, Shared_Hit_Blocks=12)
    assert plan(found).work < plan(whole).work / 100
