"""A BERT encoder in plain numpy: tokens in, one vector a text out. Pure.

Texts of one batch lie one behind the other, unpadded: only attention looks at each by itself.
Devlin et al. 2019; the pooling and the names of the weights are sentence-transformers'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from agentdb.embedding.embedder import Vectors, unit

Array: TypeAlias = NDArray[np.float32]
Weights: TypeAlias = Mapping[str, Array]

_HEADS = 12
_EPSILON = 1e-12
_ROWS = 64  # of the widest layer: what fits the processor's cache


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """x · weight + bias."""

    weight: Array  # (inputs, outputs)
    bias: Array

    def __call__(self, x: Array) -> Array:
        """Apply it to each row."""
        y = x @ self.weight
        y += self.bias
        return y


@dataclass(frozen=True, slots=True, eq=False)
class Norm:
    """Each row at mean 0 and variance 1, then scaled and shifted."""

    weight: Array
    bias: Array

    def __call__(self, x: Array) -> Array:
        """Apply it to each row."""
        y: Array = x - x.mean(axis=1, keepdims=True)
        variance = np.square(y).mean(axis=1, keepdims=True)
        y /= np.sqrt(variance + _EPSILON)
        y *= self.weight
        y += self.bias
        return y


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One layer of the encoder."""

    look: Linear  # queries, keys and values, side by side
    gather: Linear
    gathered: Norm
    widen: Linear
    narrow: Linear
    narrowed: Norm

    def __call__(self, x: Array, starts: Sequence[int]) -> Array:
        """Return the rows of all texts, one layer on; `starts` says where each text begins."""
        looked = np.split(self.look(x), starts[1:])
        x = self.gathered(self.gather(np.concatenate([_attend(text) for text in looked])) + x)
        wide = self.widen(x)
        for start in range(0, len(wide), _ROWS):
            _gelu(wide[start : start + _ROWS])
        return self.narrowed(self.narrow(wide) + x)


@dataclass(frozen=True, slots=True, eq=False)
class Encoder:
    """The whole model."""

    words: Array  # (vocabulary, dimension)
    positions: Array  # (longest text, dimension)
    embedded: Norm
    layers: tuple[Layer, ...]

    def __call__(self, texts: Sequence[Sequence[int]]) -> Vectors:
        """Return the mean of each text's tokens, at length 1; no text may be without tokens."""
        lengths = [len(text) for text in texts]
        starts = list(accumulate(lengths, initial=0))[:-1]
        positions = np.concatenate([self.positions[:length] for length in lengths])
        x = self.embedded(self.words[np.concatenate(texts)] + positions)
        for layer in self.layers:
            x = layer(x, starts)
        return unit(np.add.reduceat(x, starts, axis=0))  # length 1 makes the mean of the sum


def make_encoder(weights: Weights) -> Encoder:
    """Return the encoder whose weights are these, by their names in the model's file."""
    kind = weights["embeddings.token_type_embeddings.weight"][0]  # every text is a first sentence
    count = sum(name.endswith("attention.self.query.weight") for name in weights)
    return Encoder(
        words=weights["embeddings.word_embeddings.weight"],
        positions=weights["embeddings.position_embeddings.weight"] + kind,
        embedded=_norm(weights, "embeddings.LayerNorm"),
        layers=tuple(_layer(weights, f"encoder.layer.{place}") for place in range(count)),
    )


def _layer(weights: Weights, at: str) -> Layer:
    looks = [f"{at}.attention.self.{what}" for what in ("query", "key", "value")]
    return Layer(
        look=_linear(weights, *looks),
        gather=_linear(weights, f"{at}.attention.output.dense"),
        gathered=_norm(weights, f"{at}.attention.output.LayerNorm"),
        widen=_linear(weights, f"{at}.intermediate.dense"),
        narrow=_linear(weights, f"{at}.output.dense"),
        narrowed=_norm(weights, f"{at}.output.LayerNorm"),
    )


def _linear(weights: Weights, *names: str) -> Linear:
    side_by_side = np.concatenate([weights[f"{name}.weight"] for name in names])
    return Linear(side_by_side.T, np.concatenate([weights[f"{name}.bias"] for name in names]))


def _norm(weights: Weights, name: str) -> Norm:
    return Norm(weights[f"{name}.weight"], weights[f"{name}.bias"])


def _attend(looked: Array) -> Array:
    """Return what each token of one text gathers from all of them: (n, 3·d) → (n, d)."""
    heads = looked.reshape(len(looked), 3, _HEADS, -1)
    queries, keys, values = heads.transpose(1, 2, 0, 3)
    scores = queries @ keys.transpose(0, 2, 1)
    scores /= np.sqrt(np.float32(heads.shape[-1]))
    return (_softmax(scores) @ values).transpose(1, 0, 2).reshape(len(looked), -1)


def _softmax(scores: Array) -> Array:
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    return scores


def _gelu(x: Array) -> None:
    """Replace x by x·Φ(x), in place; for x below 0 that is x·Q(-x), above it x - x·Q(x)."""
    tail = np.abs(x)
    tail *= _upper_tail(tail)
    np.maximum(x, 0, out=x)
    x -= tail


def _upper_tail(x: Array) -> Array:
    """Return Q(x), the chance that a standard normal value exceeds x ≥ 0.

    Within 7.5e-8: Abramowitz and Stegun 26.2.17, 1/√2π put into its coefficients.
    """
    t = 1 / (1 + 0.2316419 * x)
    total = np.full_like(x, _TAIL[0])
    for coefficient in _TAIL[1:]:
        total *= t
        total += coefficient
    total *= t
    total *= np.exp(-0.5 * np.square(x))
    return total


_TAIL = tuple(
    np.float32(coefficient / np.sqrt(2 * np.pi))
    for coefficient in (1.330274429, -1.821255978, 1.781477937, -0.356563782, 0.319381530)
)
