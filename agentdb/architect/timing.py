"""How long do the plans of one call take? From what was counted and what the clock said; pure.

What was counted (`Plan.work`) is the same at every run, but off by a factor that depends on what
the plan does; the clock is off by what else the machine was doing. The factor is much the same for
plans that do alike, so it is learnt from the clock as a smooth function of the work: Gaussian
process regression (Rasmussen and Williams 2006, ch. 2), also known as kriging. Plans far apart are
then told apart by the clock, plans next to each other by what was counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

# Chosen on 3,640 plans of the demo's shop and 374 of its clinic, on a busy machine. How far the
# ratio of two plans was off (standard deviation of its logarithm; work within a quarter, further
# apart): by the work alone 0.35 and 0.57, by the clock alone 0.33 and 0.35, so 0.25 and 0.31.
_FACTOR = 0.8  # how much the factor varies, as a logarithm
_REACH = 0.5  # how far apart works are, as logarithms, whose factors have little in common
_OTHER_SHAPE = 0.9  # of what two plans have in common where their nodes differ
_NOISE = 0.35  # of one run, as a logarithm; the fastest of several is nearer to the truth
_MACHINE = 2.0  # how much faster or slower than the nominal one a machine may be, as a logarithm


@dataclass(frozen=True, slots=True)
class Timed:
    """A plan that was run: the shape of its nodes, nominal microseconds, fastest milliseconds."""

    shape: str
    work: float
    milliseconds: float
    runs: int = 1


def fastest(one: Timed, other: Timed) -> Timed:
    """Return what the runs of one kind of plan say together."""
    milliseconds = min(one.milliseconds, other.milliseconds)
    return replace(one, milliseconds=milliseconds, runs=one.runs + other.runs)


def likely_milliseconds(timed: Sequence[Timed]) -> list[float]:
    """Return for each plan of a call how long it takes, by all that was counted and timed."""
    work = np.log([each.work for each in timed])
    factor = np.log([each.milliseconds for each in timed]) - work
    kernel = _kernel(work, [each.shape for each in timed])
    noise = np.diag([_NOISE**2 / each.runs for each in timed])
    likely = work + kernel @ np.linalg.solve(kernel + noise, factor - factor.mean())
    return [float(milliseconds) for milliseconds in np.exp(likely + factor.mean())]


def _kernel(work: np.ndarray, shapes: Sequence[str]) -> np.ndarray:
    """Return what the factors of each two plans have in common: their covariance."""
    apart = work[:, None] - work[None, :]
    names = np.array(shapes)
    alike = np.where(names[:, None] == names[None, :], 1.0, _OTHER_SHAPE)
    near = np.exp(-(apart**2) / (2 * _REACH**2))
    common: np.ndarray = _MACHINE**2 + _FACTOR**2 * near * alike
    return common
