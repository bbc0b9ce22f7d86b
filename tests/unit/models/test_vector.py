from __future__ import annotations

import numpy as np
from pgvector import Vector as Wire
from sqlalchemy import create_engine

from agentdb.embedding import embedder
from agentdb.models.vector import DIMENSION, VectorType

DIALECT = create_engine("postgresql+psycopg://").dialect


def test_columns_and_embedders_agree_on_the_dimension() -> None:
    assert DIMENSION == embedder.DIMENSION


def test_a_vector_is_handed_to_the_driver_as_numbers_not_as_text() -> None:
    bind = VectorType(3).bind_processor(DIALECT)
    assert bind(np.array([1, 2, 3], dtype=np.float32)) == Wire([1.0, 2.0, 3.0])


def test_a_vector_comes_back_bit_by_bit() -> None:
    vector = np.array([0.1, -1e-30, 3e30], dtype=np.float32)
    read = VectorType(3).result_processor(DIALECT, None)
    again = read(Wire(vector).to_binary())
    assert again is not None
    assert again.tobytes() == vector.tobytes()


def test_no_vector_is_no_vector_both_ways() -> None:
    assert VectorType(3).bind_processor(DIALECT)(None) is None
    assert VectorType(3).result_processor(DIALECT, None)(None) is None


def test_a_type_names_its_dimension_if_it_has_one() -> None:
    assert VectorType(384).get_col_spec() == "VECTOR(384)"
    assert VectorType().get_col_spec() == "VECTOR"
