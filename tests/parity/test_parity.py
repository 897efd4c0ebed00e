"""Our networks beside stored logits of timm's, one network per kind of block.

`parity.reference` wrote the files; `parity.compare` tells how to compare all networks.
"""

import pathlib

import numpy as np
import pytest
from parity.compare import TOLERANCES, compare
from parity.weights import draw, draw_all

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
FILES = [f for f in sorted(GOLDEN.glob("*.npz")) if f.with_suffix(".json").exists()]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_stored_logits(file):
    assert compare(file, ["float64"])["float64"] <= TOLERANCES["float64"]


def test_weights_follow_from_their_keys():
    one, two = (draw(key, (64, 32, 3, 3)) for key in ("a.weight", "b.weight"))
    np.testing.assert_array_equal(one, draw("a.weight", (64, 32, 3, 3)))
    assert (one != two).mean() > 0.99
    np.testing.assert_allclose(one.std(), (32 * 9) ** -0.5, rtol=0.02)
    for key in ("bn1.weight", "bn1.running_var", "norm1.v"):
        assert 0.5 <= draw(key, (99,)).min() < draw(key, (99,)).max() <= 1.5
    for key in ("bn1.bias", "bn1.running_mean", "norm1.tau"):
        assert 0.1 < np.abs(draw(key, (99,))).max() < 0.5
    assert draw("bn1.num_batches_tracked", ()) == 0
    assert draw_all({"fc.weight": (2, 3)})["fc.weight"].dtype == np.float32
    assert (np.float32(one) == one).all()
