"""What stands in the way of pg_stat_statements, said in the order in which it is mended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentdb.errors import AgentDBError, ExtensionTooOld, StatementsUnavailable
from agentdb.target.statements import Extension, readable_schema

READY = Extension(
    preloaded=True,
    version="1.10",
    schema="Monitoring",
    readable=True,
    columns=["query", "total_exec_time"],
    has_info=True,
)
ABSENT = replace(READY, version=None, schema=None, readable=False, columns=[], has_info=False)


def test_an_extension_in_order_tells_its_schema() -> None:
    assert readable_schema(READY, "shop", "reader") == "Monitoring"


@pytest.mark.parametrize(
    ("extension", "error", "says"),
    [
        (
            ABSENT,
            StatementsUnavailable,
            (
                'pg_stat_statements is not installed in database "shop": '
                "run CREATE EXTENSION pg_stat_statements there"
            ),
        ),
        (
            replace(ABSENT, preloaded=False),
            StatementsUnavailable,
            (
                'pg_stat_statements is not installed in database "shop": '
                "add it to shared_preload_libraries and restart the server, "
                "then run CREATE EXTENSION pg_stat_statements there"
            ),
        ),
        (
            replace(READY, preloaded=False),
            StatementsUnavailable,
            (
                "pg_stat_statements is not preloaded: "
                "add it to shared_preload_libraries and restart the server"
            ),
        ),
        (
            replace(READY, version="1.7", columns=["query", "total_time"], readable=False),
            ExtensionTooOld,
            (
                "pg_stat_statements 1.7 is older than 1.8: "
                "run ALTER EXTENSION pg_stat_statements UPDATE"
            ),
        ),
        (
            replace(READY, readable=False),
            StatementsUnavailable,
            (
                'role "reader" may not read pg_stat_statements: run '
                'GRANT USAGE ON SCHEMA "Monitoring" TO "reader"; '
                'GRANT SELECT ON "Monitoring".pg_stat_statements TO "reader"; '
                'GRANT pg_read_all_stats TO "reader"'
            ),
        ),
    ],
)
def test_each_obstacle_has_its_own_line(
    extension: Extension, error: type[AgentDBError], says: str
) -> None:
    with pytest.raises(error) as caught:
        readable_schema(extension, "shop", "reader")
    assert str(caught.value) == says
