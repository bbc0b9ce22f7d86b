"""What the page about tenants says runs as it stands there, as the application's role."""

from __future__ import annotations

from tests.acceptance.test_memory_pages import blocks
from tests.isolation import app_role, logged_in_as


def test_the_page_about_tenants_runs(database_url: str) -> None:
    with app_role(database_url) as role:
        exec(blocks("docs/isolation.md"), {"url": logged_in_as(database_url, role)})  # noqa: S102
