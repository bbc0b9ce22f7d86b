"""docker-compose.yml is valid by the compose specification and says what agentdb needs.

No container is started here.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

CHECKOUT = Path(__file__).parents[2]
COMPOSE = CHECKOUT / "docker-compose.yml"


def breaks_the_specification(path: Path) -> str:
    checked = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", path],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return checked.stdout + checked.stderr if checked.returncode else ""


def test_the_file_keeps_to_the_compose_specification() -> None:
    assert breaks_the_specification(COMPOSE) == ""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("    image:", "    imgae:"),
        ("interval: 2s", "interval: [2]"),
        ("services:", "servces:"),
    ],
)
def test_the_specification_would_notice(right: str, wrong: str, tmp_path: Path) -> None:
    text = COMPOSE.read_text()
    assert right in text
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(text.replace(right, wrong))
    assert breaks_the_specification(broken)


def test_the_server_is_what_agentdb_needs() -> None:
    server = YAML(typ="safe").load(COMPOSE)["services"]["postgres"]
    assert server["image"].startswith("pgvector/pgvector:pg")
    assert "shared_preload_libraries=pg_stat_statements" in server["command"]
    assert all(port.startswith("127.0.0.1:") for port in server["ports"])


def test_the_folder_of_set_up_scripts_is_mounted_and_filled() -> None:
    volumes = YAML(typ="safe").load(COMPOSE)["services"]["postgres"]["volumes"]
    (source,) = [v.split(":")[0] for v in volumes if ":/docker-entrypoint-initdb.d" in v]
    assert list((CHECKOUT / source).glob("*.sql"))
