"""Our Inception beside stored numbers of torch-fidelity's, with drawn weights."""

import pathlib

import pytest
from parity.inception import TOLERANCES, compare

GOLDEN = pathlib.Path(__file__).parent.parent / "golden" / "inception_2015.npz"


@pytest.mark.slow
def test_stored_features_logits_and_resize():
    errors = compare(GOLDEN)
    assert set(errors) == {"float64 pool3", "float64 logits", "float32 resize"}
    assert errors["float64 pool3"] <= TOLERANCES["float64"]
    assert errors["float64 logits"] <= TOLERANCES["float64"]
    assert errors["float32 resize"] <= 1e-6
