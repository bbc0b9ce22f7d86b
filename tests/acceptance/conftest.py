"""A small shop to audit, with agentdb's own tables beside it or elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.acceptance.running import open_shop, places


@pytest.fixture
def shop(database_url: str, target_url: str) -> Mapping[str, str]:
    """The settings of a shop that has worked without two indexes it needs."""
    open_shop(target_url)
    return places(database_url, target_url)
