"""The encoder in numpy, on small weights of its own."""

from __future__ import annotations

import math

import numpy as np
import pytest

from agentdb.embedding.encoder import Array, Encoder, Layer, Linear, Norm, make_encoder

WIDTH = 24  # two numbers for each of the twelve heads


@pytest.fixture
def weights() -> dict[str, Array]:
    shapes = {
        "embeddings.word_embeddings.weight": (50, WIDTH),
        "embeddings.position_embeddings.weight": (16, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
        **_norm("embeddings.LayerNorm"),
        **_layer("encoder.layer.0"),
        **_layer("encoder.layer.1"),
    }
    random = np.random.default_rng(7)
    return {name: random.normal(size=shape).astype("f4") for name, shape in shapes.items()}


def _norm(name: str) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (WIDTH,), f"{name}.bias": (WIDTH,)}


def _linear(name: str, outputs: int, inputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _layer(at: str) -> dict[str, tuple[int, ...]]:
    looks = ("self.query", "self.key", "self.value", "output.dense")
    shapes = [_linear(f"{at}.attention.{look}", WIDTH, WIDTH) for look in looks]
    shapes += [_linear(f"{at}.intermediate.dense", 4 * WIDTH, WIDTH)]
    shapes += [_linear(f"{at}.output.dense", WIDTH, 4 * WIDTH)]
    shapes += [_norm(f"{at}.attention.output.LayerNorm"), _norm(f"{at}.output.LayerNorm")]
    return {name: shape for part in shapes for name, shape in part.items()}


@pytest.fixture
def encoder(weights: dict[str, Array]) -> Encoder:
    return make_encoder(weights)


def test_it_has_as_many_layers_as_the_weights(encoder: Encoder) -> None:
    assert len(encoder.layers) == 2


def test_a_text_gets_the_same_vector_alone_and_among_others(encoder: Encoder) -> None:
    texts = [[1, 7, 2], [1, 9, 8, 7, 6, 5, 2], [1, 2], [1, 7, 2]]
    together = encoder(texts)
    alone = np.concatenate([encoder([text]) for text in texts])
    assert np.allclose(together, alone, atol=1e-5)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)


def test_the_order_of_the_tokens_counts(encoder: Encoder) -> None:
    first, second = encoder([[1, 7, 9, 2], [1, 9, 7, 2]])
    assert not np.allclose(first, second, atol=1e-2)


def test_a_layer_is_what_the_paper_says(encoder: Encoder) -> None:
    layer = encoder.layers[0]
    x = np.random.default_rng(3).normal(size=(70, WIDTH)).astype("f4")
    assert np.allclose(layer(x, [0]), _slow(layer, x), atol=2e-5)


def _slow(layer: Layer, rows: Array) -> Array:
    """The same in 64 bits, one head and one number at a time."""
    x = rows.astype("f8")
    heads = np.split(_applied(layer.look, x), 36, axis=1)
    gathered = np.hstack([_head(*heads[place::12]) for place in range(12)])
    x = _normed(layer.gathered, _applied(layer.gather, gathered) + x)
    gelu = np.vectorize(lambda z: z * (1 + math.erf(z / math.sqrt(2))) / 2)
    return _normed(layer.narrowed, _applied(layer.narrow, gelu(_applied(layer.widen, x))) + x)


def _applied(linear: Linear, x: Array) -> Array:
    applied: Array = x @ linear.weight + linear.bias
    return applied


def _head(queries: Array, keys: Array, values: Array) -> Array:
    weights = np.exp(queries @ keys.T / math.sqrt(keys.shape[1]))
    gathered: Array = weights / weights.sum(axis=1, keepdims=True) @ values
    return gathered


def _normed(norm: Norm, x: Array) -> Array:
    scaled: Array = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
    return scaled * norm.weight + norm.bias
