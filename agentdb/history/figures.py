"""A figure that was estimated, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """An estimate and the 95 % interval that it lies in."""

    value: float
    low: float
    high: float
