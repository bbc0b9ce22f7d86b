"""How likely is it that advice helps? Learnt from what became of earlier advice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import exp, log, log10

import numpy as np
import numpy.typing as npt

from agentdb.rates import Rate, rate

Array = npt.NDArray[np.float64]

WORTH_PERCENT = 20.0  # the gain whose probability a confidence is

# The prior: means of 0 but for the slope, and these standard deviations.
_PRIOR_SLOPE = 1.0
_SCALES = {
    "intercept": 0.15,
    "slope": 0.1,
    "rows": 0.1,
    "gain": 0.1,
    "kind": 0.5,
    "evidence": 0.15,
    "value": 0.5,
}
_LEAST_SLOPE = 0.1  # surer advice is never less probable
_SUREST = 0.999  # a confidence of 1 is none
_USUAL_LOG_ROWS, _LOG_ROWS = 5.0, 2.0  # centre and unit of the logarithm of a table's rows
_USUAL_GAIN, _GAIN = 60.0, 30.0  # centre and unit of a predicted gain, in percent
_STEPS = 50
_CLOSE = 1e-9


@dataclass(frozen=True, slots=True)
class Advice:
    """What is known of a piece of advice before it is followed.

    An index that names a value serves the statements that send it, and no others.
    """

    kind: str
    evidence: str
    table_rows: float
    confidence: float
    predicted_gain_percent: float
    names_value: bool = False


@dataclass(frozen=True, slots=True)
class Lesson:
    """A piece of advice that was followed, and what it brought."""

    advice: Advice
    realised_gain_percent: float

    @property
    def was_worth_it(self) -> bool:
        """Whether it gained what advice is given for."""
        return self.realised_gain_percent >= WORTH_PERCENT


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was learnt from `lessons` lessons: weights of a logistic regression, by name."""

    weights: dict[str, float]
    lessons: int

    def probability(self, advice: Advice) -> float:
        """Return the probability that the gain will be at least 20 %; never 0 or 1.

        It rises with the confidence. With no lessons it is the confidence itself.

        >>> advice = Advice("create_index", "measured", 1e6, 0.9, 80.0)
        >>> round(learn([]).probability(advice), 6)
        0.9
        """
        odds = sum(self.weights.get(name, 0.0) * x for name, x in _features(advice))
        return min(_SUREST, max(1 - _SUREST, 1 / (1 + exp(-odds))))


@dataclass(frozen=True, slots=True)
class Bin:
    """Advice with much the same probability: the mean of what was said, and what came true."""

    predicted: float
    observed: Rate


def learn(lessons: Sequence[Lesson]) -> Calibration:
    """Return what lessons teach about confidences.

    A Bayesian logistic regression, the most probable weights (Bishop 2006, "Pattern Recognition and
    Machine Learning", 4.5), of whether the gain was at least 20 % on the log odds of the confidence
    (Platt 1999, "Probabilistic Outputs for Support Vector Machines"), with an offset for each kind
    and each grade of evidence and for an index that names a value, the logarithm of the table's
    rows and the predicted gain. The prior says that confidences are right: Gaussian about a slope
    of 1 and about 0 for the rest. Its standard deviations are 0.5 for kinds and named values, 0.15
    for evidence and the intercept, 0.1 for the others,
    chosen on simulated databases: where confidences are right, learning from 3 to 200 lessons costs
    no more than 0.004 of the Brier score in the mean; where those of one kind are much too high, 20
    lessons gain 0.03 and 200 gain 0.07 (of 0.24). A slope that would fall below 0.1 is held there:
    the function is convex, so that the best weights within the bound are the best ones on it.
    """
    names = _names(lesson.advice for lesson in lessons)
    x = np.array([_row(lesson.advice, names) for lesson in lessons]).reshape(-1, len(names))
    y = np.array([float(lesson.was_worth_it) for lesson in lessons])
    mean = np.array([_PRIOR_SLOPE if name == "slope" else 0.0 for name in names])
    precision = np.array([_SCALES[name.partition(" ")[0]] ** -2 for name in names])
    weights = _most_probable(x, y, mean, precision)
    slope = names.index("slope")
    if weights[slope] < _LEAST_SLOPE:
        mean[slope], precision[slope] = _LEAST_SLOPE, 1 / _CLOSE
        weights = _most_probable(x, y, mean, precision)
        weights[slope] = _LEAST_SLOPE
    return Calibration(dict(zip(names, weights.tolist(), strict=True)), len(lessons))


def _features(advice: Advice) -> Iterator[tuple[str, float]]:
    """Yield the names and values of what a probability depends on."""
    sure = min(_SUREST, max(1 - _SUREST, advice.confidence))
    yield "intercept", 1.0
    yield "slope", log(sure / (1 - sure))
    yield "rows", (log10(max(advice.table_rows, 1.0)) - _USUAL_LOG_ROWS) / _LOG_ROWS
    yield "gain", (advice.predicted_gain_percent - _USUAL_GAIN) / _GAIN
    yield "value", float(advice.names_value)
    yield f"kind {advice.kind}", 1.0
    yield f"evidence {advice.evidence}", 1.0


_ALWAYS = ("intercept", "slope", "rows", "gain", "value")


def _names(advices: Iterable[Advice]) -> list[str]:
    seen = {name for advice in advices for name, _ in _features(advice)}
    return [*_ALWAYS, *sorted(seen - set(_ALWAYS))]


def _row(advice: Advice, names: Sequence[str]) -> list[float]:
    features = dict(_features(advice))
    return [features.get(name, 0.0) for name in names]


def _most_probable(x: Array, y: Array, mean: Array, precision: Array) -> Array:
    """Return the weights with the highest posterior density, by Newton's method.

    A step that overshoots is halved, so that each one gets nearer.
    """
    weights = mean.copy()
    for _ in range(_STEPS):
        told = _logistic(x @ weights)
        slope = x.T @ (told - y) + precision * (weights - mean)
        curvature = (x.T * (told * (1 - told))) @ x + np.diag(precision)
        step = np.linalg.solve(curvature, slope)
        while _cost(weights - step, x, y, mean, precision) > (
            _cost(weights, x, y, mean, precision) + _CLOSE
        ):
            step /= 2
        weights = weights - step
        if np.abs(step).max() < _CLOSE:
            break
    return weights


def _cost(weights: Array, x: Array, y: Array, mean: Array, precision: Array) -> float:
    """Return the negative logarithm of the posterior density, up to a constant."""
    odds = x @ weights
    missed = np.logaddexp(0, odds) - y * odds
    return float(missed.sum() + (precision * (weights - mean) ** 2).sum() / 2)


def _logistic(odds: Array) -> Array:
    return np.asarray(np.exp(-np.logaddexp(0, -odds)))


Pair = tuple[float, bool]  # a probability, and whether it came true


def brier(pairs: Sequence[Pair]) -> float:
    """Return the mean squared distance of probabilities from what came true (Brier 1950).

    0 is foresight, 0.25 what saying a half all the time gives.

    >>> brier([(0.9, True), (0.6, False)])
    0.185
    """
    return sum((p - came_true) ** 2 for p, came_true in pairs) / len(pairs)


def log_loss(pairs: Sequence[Pair]) -> float:
    """Return the mean surprise at what came true, in nats; probabilities above 0 and below 1."""
    return -sum(log(p if came_true else 1 - p) for p, came_true in pairs) / len(pairs)


def reliability(pairs: Sequence[Pair], bins: int = 10) -> tuple[Bin, ...]:
    """Return what was said and what came true by probability, in bins of the same width.

    Bins without any are left out. The share that came true has Wilson's interval.
    """
    binned: dict[int, list[Pair]] = {}
    for pair in pairs:
        binned.setdefault(min(int(pair[0] * bins), bins - 1), []).append(pair)
    return tuple(_bin(binned[place]) for place in sorted(binned))


def _bin(pairs: Sequence[Pair]) -> Bin:
    observed = rate(sum(came_true for _, came_true in pairs), len(pairs))
    assert observed is not None  # noqa: S101  no bin is empty
    return Bin(sum(p for p, _ in pairs) / len(pairs), observed)
