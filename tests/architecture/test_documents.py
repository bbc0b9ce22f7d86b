"""What the documents promise is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agentdb.settings import Settings

CHECKOUT = Path(__file__).parents[2]
DOCUMENTS = [*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md"), *CHECKOUT.glob("sql/**/*.md")]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (document.parent / target).exists()] == []


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_every_make_target_that_is_named_exists(document: str) -> None:
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    named = re.findall(r"\bmake ([a-z]+)\b", (CHECKOUT / document).read_text(encoding="utf-8"))
    assert named
    assert [target for target in named if f"\n{target}:" not in makefile] == []


def test_decisions_are_numbered_and_listed() -> None:
    folder = CHECKOUT / "docs" / "decisions"
    decisions = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert [name[:3] for name in decisions] == [f"{n:03}" for n in range(1, len(decisions) + 1)]
    index = (CHECKOUT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [name for name in decisions if f"(decisions/{name})" not in index] == []


def test_every_setting_is_explained() -> None:
    text = (CHECKOUT / "docs" / "settings.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| `AGENTDB_(\w+)` \|", text, re.MULTILINE)
    assert sorted(explained) == sorted(name.upper() for name in Settings.model_fields)
