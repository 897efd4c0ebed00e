"""Distances between all answers and all targets."""

import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.tasks.distribution import Distribution, distribution
from resnet_jax.tasks.fidelity import Fidelity

RNG = np.random.default_rng(0)
TARGET = jnp.float32(RNG.integers(0, 200, (8, 12, 12, 1)) / 255)


def summary(output):
    fidelity = Fidelity(distribution=Distribution())
    rows = fidelity.rows(TARGET, output, TARGET)
    sums = {
        name: metric.add(metric.empty(), {k: np.asarray(v) for k, v in rows.items()})
        for name, metric in fidelity.metrics.items()
    }
    return fidelity.summarize({"val": sums})


def test_which_answer_belongs_to_which_target_does_not_count():
    shuffled = summary(TARGET[::-1])
    assert shuffled["val/frechet_distance"] == pytest.approx(0, abs=1e-6)
    assert shuffled["val/psnr"] < 20


def test_a_shift_is_its_squared_length():
    """All of the 144 pixels are 51 levels brighter: a fifth of the range."""
    found = summary(TARGET + 0.2)["val/frechet_distance"]
    assert found == pytest.approx(144 * 0.2**2, rel=1e-3)


def test_sections():
    assert distribution(None) is distribution({"source": "inception"}) is None
    assert distribution({"measures": ("kernel",)}).measures == ("kernel",)
    for fields, message in (
        ({"measures": ("fid",)}, "unknown metric 'fid'"),
        ({"measures": ()}, "features.measures is empty"),
        ({"measures": ("classifier",)}, "which needs a classifier"),
        ({"classes": (1, 2)}, "no 'classes'"),
    ):
        with pytest.raises(ValueError, match=message):
            distribution(fields)
