import numpy as np
import pytest

from common.retrieval.dense import unit


def test_unit_rows_zero_rows_and_bad_rows():
    given = np.array([[3.0, 4.0], [0.0, 0.0], [1e30, 0.0]], dtype=np.float32)
    np.testing.assert_allclose(unit(given), [[0.6, 0.8], [0, 0], [1, 0]], rtol=1e-6)
    assert given[0, 0] == 3  # the caller's array is left alone
    with pytest.raises(ValueError, match="NaN"):
        unit(np.array([[np.nan, 1.0]]))
    with pytest.raises(ValueError, match="two axes"):
        unit(np.ones(3))
