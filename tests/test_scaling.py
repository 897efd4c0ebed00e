"""The arithmetic by hand, the README's table, and runs that others published."""

import pathlib

import pytest

from resnet_jax import scaling
from resnet_jax.scaling import H100, TPU_V4, TPU_V5E, Chip

README = pathlib.Path(__file__).parents[1] / "README.md"
# 4 chips a domain, 10 bytes a second within and 2 between; 70 % of that is used.
TOY = Chip("toy", 100.0, 10.0, 4, 2.0, 0.5)


def test_a_step_by_hand():
    assert TOY.compute_time(50) == 0.5
    # 2 x 3/4 x 140 bytes at 7 a second.
    assert TOY.bytes_time(4, 140) == pytest.approx(30)
    # Then 2 x 1/2 x 35 bytes, a chip's share, at 1.4 a second.
    assert TOY.bytes_time(8, 140) == pytest.approx(30 + 25)
    assert TOY.bytes_time(1, 140) == 0
    assert TOY.latency_time(8, 10) == 10 * 3 * 0.5
    assert TOY.latency_time(1, 10) == 0
    bytes_time = TOY.bytes_time(2)
    assert TOY.step_time(2, 50, 4) == pytest.approx(0.5 + bytes_time + 4 * 0.5)


def test_known_chips_by_hand():
    """Eight H100: 128 / 7190 s, 2 x 7/8 x 102 MB at 315 GB/s, 106 x 3 x 5 us."""
    assert H100.step_time(8) == pytest.approx(17.803e-3 + 0.568e-3 + 1.59e-3, rel=1e-3)
    # 3.1 GB/s between pods.
    assert TPU_V5E.outer == pytest.approx(3.125e9)


@pytest.mark.parametrize(
    ("chip", "chips", "images", "published"),
    [
        # MLPerf Training v2.0: 60 epochs in 11.2 s, batch 32,768.
        (TPU_V4, 4096, 8, 32_768 / (60 * 1_281_167 / 11.2)),
        # v4.0: 7.28 million images a second, batch 40,448.
        (H100, 2528, 16, 40_448 / 7.28e6),
    ],
)
def test_published_runs_lie_between_the_two_predictions(chip, chips, images, published):
    """They norm over a few chips: more messages than none, fewer than over all."""
    least = chip.step_time(chips, images, messages=0)
    assert least < published < chip.step_time(chips, images)


def test_the_readme_has_the_table():
    assert scaling.table() in README.read_text()
