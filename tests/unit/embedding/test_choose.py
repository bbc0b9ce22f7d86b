"""From a name to an embedder."""

from __future__ import annotations

import subprocess
import sys

import pytest

from agentdb.embedding.choose import load_embedder
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.embedding.openai import OpenAIEmbedder
from agentdb.errors import BadSetting, ModelUnavailable

HEAVY = {"torch", "transformers", "sentence_transformers", "tokenizers", "safetensors"}


def test_hashing_needs_nothing() -> None:
    assert load_embedder("hashing") == HashingEmbedder()


def test_a_dimension_may_be_named() -> None:
    assert load_embedder("hashing-768").embed(["tea", ""]).shape == (2, 768)
    large = load_embedder("openai:large@1024", {"OPENAI_API_KEY": "sk-1"})
    assert (large.name, large.dimension) == ("openai:large@1024", 1024)


@pytest.mark.parametrize(
    "name", ["hashing-1", "hashing-4001", "hashing-x", "openai:large@x", "openai:large@99999"]
)
def test_a_dimension_that_is_none_is_a_bad_setting(name: str) -> None:
    with pytest.raises(BadSetting, match="4,000"):
        load_embedder(name, {"OPENAI_API_KEY": "sk-1"})


def test_openai_takes_its_settings_from_the_environment() -> None:
    environment = {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1", "OPENAI_API_KEY": " sk-1 "}
    assert load_embedder("openai:small", environment) == OpenAIEmbedder(
        "small", "http://127.0.0.1:1/v1", "sk-1"
    )


@pytest.mark.parametrize("name", ["", "  ", "openai:"])
def test_a_name_that_names_nothing_is_a_bad_setting(name: str) -> None:
    with pytest.raises(BadSetting, match="AGENTDB_EMBEDDING_MODEL"):
        load_embedder(name, {})


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "api.example.com/v1",
        "ftp://example.com",
        "http://me:hidden@example.com",
    ],
)
def test_a_base_url_that_is_none_is_a_bad_setting(url: str) -> None:
    with pytest.raises(BadSetting, match="OPENAI_BASE_URL is no plain URL: write"):
        load_embedder("openai:small", {"OPENAI_BASE_URL": url})


def test_openai_itself_needs_a_key() -> None:
    with pytest.raises(ModelUnavailable, match="set OPENAI_API_KEY"):
        load_embedder("openai:small", {})


def test_a_key_with_a_line_break_is_refused_and_not_shown() -> None:
    with pytest.raises(BadSetting, match="OPENAI_API_KEY") as refused:
        load_embedder("openai:small", {"OPENAI_API_KEY": "sk-secret\nX: y"})
    assert "secret" not in str(refused.value)


def in_a_process(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    return done.stdout.strip()


@pytest.mark.parametrize(
    "name", ["all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2", "my-model"]
)
def test_without_the_extra_a_model_says_what_to_install(name: str) -> None:
    said = in_a_process(f"""
import sys
sys.modules |= dict.fromkeys({HEAVY!r})  # as if none were installed
from agentdb.embedding.choose import load_embedder
from agentdb.errors import ModelUnavailable
try:
    load_embedder({name!r})
except ModelUnavailable as error:
    print(error)
""")
    assert said.startswith(f"The embedding model {name} needs ")
    assert "pip install 'agentdb[local]', or set AGENTDB_EMBEDDING_MODEL=hashing" in said


def test_choosing_and_hashing_import_no_model() -> None:
    loaded = in_a_process("""
import sys
from agentdb.embedding.cached import CachedEmbedder
from agentdb.embedding.choose import load_embedder
load_embedder("hashing").embed(["a"])
load_embedder("openai:small", {"OPENAI_API_KEY": "sk-1"})
print(*sys.modules)
""")
    assert HEAVY.isdisjoint(loaded.split())
