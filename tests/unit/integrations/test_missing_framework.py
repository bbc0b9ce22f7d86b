"""Without its framework a name of `agentdb.integrations` says what to install."""

from __future__ import annotations

import subprocess
import sys

import pytest

import agentdb.integrations
from agentdb.errors import AgentDBError, FrameworkMissing

WITHOUT = """
import sys
sys.modules.update(dict.fromkeys({names!r}))
from agentdb.errors import FrameworkMissing
try:
    from agentdb.integrations import {name}
except FrameworkMissing as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("name", "framework", "extra"),
    [
        ("AgentDBStore", "langgraph", "langgraph"),
        ("AgentDBStore", "langchain_core", "langchain"),
        ("AgentDBVectorStore", "langchain_core", "langchain"),
        ("AgentDBChatMessageHistory", "langchain_core", "langchain"),
        ("LangChainEmbedder", "langchain_core", "langchain"),
    ],
)
def test_one_line_says_what_to_install(name: str, framework: str, extra: str) -> None:
    said = subprocess.check_output(  # noqa: S603
        [sys.executable, "-c", WITHOUT.format(names=[framework], name=name)], encoding="utf-8"
    )
    assert said.startswith(f"{name} needs {framework}")
    assert said.endswith(f": pip install 'agentdb[{extra}]'\n")
    assert said.count("\n") == 1


def test_it_can_be_caught_as_an_import_that_failed() -> None:
    assert issubclass(FrameworkMissing, ImportError)
    assert issubclass(FrameworkMissing, AgentDBError)


@pytest.mark.parametrize("name", agentdb.integrations.__all__)
def test_every_name_leads_somewhere_and_says_where(name: str) -> None:
    assert getattr(agentdb.integrations, name).__doc__


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        agentdb.integrations.nonsense  # noqa: B018


def test_agentdb_itself_asks_for_no_framework() -> None:
    script = "import sys, agentdb.cli.app, agentdb.wiring.memory\nprint({*sys.modules})"
    loaded = subprocess.check_output([sys.executable, "-c", script], encoding="utf-8")  # noqa: S603
    assert "'langchain_core'" not in loaded
    assert "'langgraph'" not in loaded
