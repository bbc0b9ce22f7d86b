"""The packaged model: the short way gives what sentence-transformers gives, and soon."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentdb.embedding.choose import load_embedder
from agentdb.embedding.embedder import Embedder
from agentdb.embedding.files import packaged_folder, vouched
from agentdb.embedding.minilm import MiniLM
from agentdb.embedding.sentence_transformer import SentenceTransformerEmbedder
from agentdb.errors import ModelUnavailable

pytestmark = pytest.mark.model

SHORT_WAY = "all-MiniLM-L6-v2"
LONG_WAY = "sentence-transformers/all-MiniLM-L6-v2"

TEXTS = [
    "",
    "   \n\t",
    "a",
    "equality on text column rare value; ordered by time descending first rows only",
    "SELECT * FROM \"Orders\" WHERE status = $1 AND payload->>'k' LIKE '%x%'",
    "naïve café, cafe\u0301, İstanbul, ﬁne, Straße",
    "日本語のテキスト и немного русского, हिन्दी",
    "😀👩\u200d👩\u200d👧 \u200b\u0000\ufffd",
    "x" * 5000,
    "seq scan " * 100,
    "over the longest that the model looks at " * 60,
    "a b c " * 2000,
]


@pytest.fixture(scope="module")
def short_way() -> Embedder:
    return load_embedder(SHORT_WAY)


@pytest.fixture(scope="module")
def long_way() -> Embedder:
    return load_embedder(LONG_WAY)


def test_both_ways_give_the_same_vectors_to_four_decimals(
    short_way: Embedder, long_way: Embedder
) -> None:
    short, long = short_way.embed(TEXTS), long_way.embed(TEXTS)
    assert np.abs(short - long).max() < 5e-6
    assert np.allclose(np.linalg.norm(short, axis=1), 1, atol=1e-6)
    assert short_way.name == long_way.name == SHORT_WAY


def test_a_long_list_gives_the_same_vectors_in_the_same_order(
    short_way: Embedder, long_way: Embedder
) -> None:
    texts = [" ".join(["rows"] * (place * 37 % 61) + [str(place)]) for place in range(70)]
    assert np.abs(short_way.embed(texts) - long_way.embed(texts)).max() < 5e-6


def test_no_texts_give_no_vectors(short_way: Embedder, long_way: Embedder) -> None:
    assert short_way.embed([]).shape == long_way.embed([]).shape == (0, 384)


def test_what_means_the_same_is_alike(short_way: Embedder) -> None:
    first, second, other = short_way.embed(
        ["the query is slow", "this statement takes too long", "the cat sleeps on the sofa"]
    )
    assert first @ second > 0.4
    assert first @ other < 0.2


FIRST_VECTOR = """
import json, sys, time
connects = []
sys.addaudithook(lambda event, _: connects.append(event) if event == "socket.connect" else None)
from agentdb.embedding.choose import load_embedder
vectors = load_embedder(sys.argv[1]).embed(["seq scan on a large table"])
print(json.dumps({
    "cpu_seconds": time.process_time(), "dimension": len(vectors[0]), "connects": connects,
    "modules": [name for name in ("torch", "transformers", "onnxruntime") if name in sys.modules],
}))
"""


def first_vector(name: str) -> dict[str, Any]:
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", FIRST_VECTOR, name], capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def first_vectors() -> dict[str, dict[str, Any]]:
    """What the first vector costs a new process, each way.

    The least of three short ones: what else the machine does must not decide a test.
    """
    short = min((first_vector(SHORT_WAY) for _ in range(3)), key=lambda cost: cost["cpu_seconds"])
    return {SHORT_WAY: short, LONG_WAY: first_vector(LONG_WAY)}


def test_the_first_vector_comes_soon_and_without_torch(
    first_vectors: dict[str, dict[str, Any]],
) -> None:
    short, long = first_vectors[SHORT_WAY], first_vectors[LONG_WAY]
    assert short["modules"] == []
    assert "torch" in long["modules"]
    assert short["cpu_seconds"] < min(1.5, long["cpu_seconds"] / 3)


@pytest.mark.parametrize("name", [SHORT_WAY, LONG_WAY])
def test_no_network_is_asked(first_vectors: dict[str, dict[str, Any]], name: str) -> None:
    assert first_vectors[name]["dimension"] == 384
    assert first_vectors[name]["connects"] == []


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the model to tamper with."""
    return Path(shutil.copytree(packaged_folder(), tmp_path / "copied"))


def tamper(file: Path) -> None:
    """Change one byte in the middle."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_file_with_one_changed_bit_is_not_used(copied: Path, name: str) -> None:
    tamper(copied / name)
    with pytest.raises(ModelUnavailable, match=f"{name} is not the file agentdb vouches for"):
        MiniLM(copied).embed(["a"])


def test_a_copy_that_is_whole_is_used(copied: Path, short_way: Embedder) -> None:
    assert np.array_equal(MiniLM(copied).embed(["a"]), short_way.embed(["a"]))


def test_a_folder_is_loaded_and_named_by_its_weights(copied: Path, short_way: Embedder) -> None:
    embedder = load_embedder(str(copied))
    assert embedder.name.startswith("copied@")
    assert np.abs(embedder.embed(["a"]) - short_way.embed(["a"])).max() < 5e-6


def test_a_broken_folder_says_what_to_do(copied: Path) -> None:
    (copied / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelUnavailable, match=r"cannot be loaded \(.*\): set AGENTDB_EMBEDDING_M"):
        load_embedder(str(copied)).embed(["a"])


def test_a_model_of_another_dimension_says_so_by_its_files(copied: Path) -> None:
    pooling = copied / "1_Pooling" / "config.json"
    both = json.loads(pooling.read_text()) | {"pooling_mode_cls_token": True}  # 384 and 384
    pooling.write_text(json.dumps(both))
    embedder = load_embedder(str(copied))
    assert embedder.dimension == 768  # before anything is loaded
    assert embedder.embed(["a"]).shape == (1, 768)
    (copied / "modules.json").unlink()
    assert load_embedder(str(copied)).dimension == 384


def test_a_changed_file_is_not_used_the_long_way_either(copied: Path) -> None:
    tamper(copied / "vocab.txt")
    with pytest.raises(ModelUnavailable, match=r"vocab\.txt is not the file agentdb vouches for"):
        vouched(copied)


def test_a_model_that_is_nowhere_says_what_to_do() -> None:
    with pytest.raises(ModelUnavailable, match="no-such-model cannot be loaded"):
        SentenceTransformerEmbedder("no-such-model", "no-such-model").embed(["a"])
