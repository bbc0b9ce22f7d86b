"""What doctor makes of what it found."""

from __future__ import annotations

from dataclasses import replace

from agentdb.target.checks import (
    Check,
    Privileges,
    Recorded,
    judge_privileges,
    judge_recorded,
    judge_server,
)
from agentdb.target.connection import Server
from agentdb.target.statements import Window

SERVER = Server(
    version="18.1",
    version_number=180001,
    database="shop",
    role="reader",
    is_superuser=False,
    is_standby=False,
    encoding="UTF8",
    sorts_by_code_point=False,
    search_path=["public"],
    extensions={"hypopg": "1.4.1"},
    extension_schemas={"hypopg": "public"},
)

ENOUGH = Privileges(
    reads_all_statistics=True,
    makes_temporary_tables=True,
    tables=7,
    unreadable_tables=0,
    unreadable_example=None,
    unanalyzed_tables=0,
)


def states(*checks: Check) -> dict[str, str]:
    return {check.name: check.state for check in checks}


def test_a_role_that_may_all_it_has_to_is_found_fine() -> None:
    checks = [*judge_server(SERVER), *judge_privileges(ENOUGH, SERVER)]
    assert {check.state for check in checks} == {"ok"}
    assert not any(check.mend for check in checks)


def test_a_superuser_is_warned_of() -> None:
    found = states(*judge_server(replace(SERVER, is_superuser=True)))
    assert found["role"] == "warning"


def test_a_standby_cannot_be_audited() -> None:
    found = states(*judge_server(replace(SERVER, is_standby=True)))
    assert found["standby"] == "failed"


def test_hypopg_is_no_duty() -> None:
    assert states(*judge_server(replace(SERVER, extensions={})))["hypopg"] == "ok"


def test_some_tables_unreadable_is_a_warning_and_all_of_them_a_failure() -> None:
    some = replace(ENOUGH, unreadable_tables=2, unreadable_example="public.pay")
    every = replace(some, unreadable_tables=7)
    assert states(*judge_privileges(some, SERVER))["tables"] == "warning"
    assert states(*judge_privileges(every, SERVER))["tables"] == "failed"


def test_tables_never_analyzed_are_named() -> None:
    found = {
        check.name: check.mend
        for check in judge_privileges(replace(ENOUGH, unanalyzed_tables=1), SERVER)
    }
    assert found["planner's statistics"] == "run ANALYZE"


def test_hidden_texts_are_a_failure_only_when_there_is_nothing_else() -> None:
    assert states(*judge_recorded(Recorded(9, 9, 5000), Window()))["workload"] == "failed"
    assert states(*judge_recorded(Recorded(9, 3, 5000), Window()))["workload"] == "ok"
    assert states(*judge_recorded(Recorded(0, 0, 5000), Window()))["workload"] == "warning"


def test_statements_that_had_to_be_forgotten_are_a_warning() -> None:
    found = states(*judge_recorded(Recorded(9, 0, 100), Window(evictions=3)))
    assert found["pg_stat_statements.max"] == "warning"
