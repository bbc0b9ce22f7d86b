"""Why may a statement have changed? What the catalog's history says, most plausible first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CauseKind = Literal[
    "index dropped",
    "index invalid",
    "plan changed",
    "rows grew",
    "statistics aged",
    "setting changed",
    "server version",
    "restart",
]


@dataclass(frozen=True, slots=True)
class Cause:
    """What may be behind a change: a sentence, and how plausible it is (0 to 1, not a chance)."""

    kind: CauseKind
    sentence: str
    plausibility: float
