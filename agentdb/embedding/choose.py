"""From the name in AGENTDB_EMBEDDING_MODEL to the embedder it means."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from agentdb.embedding.embedder import Embedder
from agentdb.embedding.files import (
    PACKAGED,
    dimension_of,
    kept_name,
    packaged_folder,
    require,
    vouched,
)
from agentdb.embedding.hashing import make_hashing_embedder
from agentdb.embedding.minilm import MiniLM
from agentdb.embedding.openai import make_openai_embedder
from agentdb.embedding.sentence_transformer import SentenceTransformerEmbedder
from agentdb.errors import BadSetting


def load_embedder(name: str, environment: Mapping[str, str] = os.environ) -> Embedder:
    """Return the embedder that a name means; its model is imported when the first text comes.

    `hashing`, or `hashing-768` for another dimension; `all-MiniLM-L6-v2` (with its hub's name in
    front: the same through sentence-transformers); `openai:NAME`, `openai:NAME@1024`; a folder;
    or a model sentence-transformers has at hand.
    Raises ModelUnavailable if something is not installed, BadSetting if the name cannot be one.

    >>> load_embedder("hashing").dimension
    384
    """
    if not name.strip():
        raise BadSetting("AGENTDB_EMBEDDING_MODEL is empty: unset it, or set it to hashing.")
    if name == "hashing" or name.startswith("hashing-"):
        return make_hashing_embedder(name)
    if name.startswith("openai:"):
        return make_openai_embedder(name.removeprefix("openai:"), environment)
    if name == PACKAGED:
        require("safetensors", name)
        require("tokenizers", name)
        return MiniLM(packaged_folder())
    return _through_sentence_transformers(name)


def _through_sentence_transformers(name: str) -> Embedder:
    require("sentence_transformers", name)
    if name == f"sentence-transformers/{PACKAGED}":
        return SentenceTransformerEmbedder(PACKAGED, str(vouched(packaged_folder())))
    folder = Path(name).expanduser()
    if folder.is_dir():
        dimension = dimension_of(folder)
        return SentenceTransformerEmbedder(kept_name(folder), str(folder), dimension)
    return SentenceTransformerEmbedder(name, name)
