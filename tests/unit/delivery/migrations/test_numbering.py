"""The number of the next migration."""

from __future__ import annotations

import pytest

from agentdb.delivery.migrations.numbering import next_number
from tests.advices import ADVISED_AT


@pytest.mark.parametrize(
    ("taken", "number"),
    [
        ([], "20260301020304"),
        (["1"], "2"),
        (["0009", "0010"], "0011"),
        (["9", "10"], "11"),
        (["999"], "1000"),
        (["20250101000000"], "20260301020304"),
        (["20260301020304"], "20260301020305"),
        (["20270131235959"], "20270201000000"),
        (["99999999999999"], "100000000000000"),
        (["202501010000"], "202603010203"),
        (["202603010203"], "202603010204"),
        (["1.9", "1.10"], "1.11"),
        (["1_9"], "1_10"),
        (["1.0.09"], "1.0.10"),
        (["2026.01.02"], "2026.03.01"),
        (["2026.03.01"], "2026.03.01.1"),
        (["2026.03.01", "2026.03.01.1"], "2026.03.01.2"),
        (["2027_01_31"], "2027_01_31_1"),
    ],
)
def test_it_goes_on_as_the_folder_counts(taken: list[str], number: str) -> None:
    assert next_number(taken, ADVISED_AT) == number
