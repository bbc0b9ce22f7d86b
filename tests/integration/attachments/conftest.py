"""A shop in a database of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agentdb.database import make_engine
from tests.business import PRODUCTS, Shop
from tests.servers import run


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    run(database_url, PRODUCTS)
    engine = make_engine(database_url)
    yield Shop(database_url, engine)
    engine.dispose()
