"""Rows of the README's table by hand."""

import json

import pytest

from resnet_jax.report.results import results_table


@pytest.mark.parametrize(
    ("metric", "cells"),
    [
        ("test/accuracy", "| 80.00 % (a paper) | 75.00 ± 7.07 %, n = 2 |"),
        ("test/frechet_distance", "| 0.80 (a paper) | 0.75 ± 0.07, n = 2 |"),
    ],
)
def test_shares_are_percentages_and_distances_are_not(metric, cells, tmp_path):
    result = {
        "config": "x",
        "metric": metric,
        "published": {"value": 0.8, "source": "a paper"},
        "runs": [{"seed": 0, "value": 0.7}, {"seed": 1, "value": 0.8}],
        "mean": 0.75,
        "sd": 0.1 / 2**0.5,
        "n": 2,
        "hardware": "CPU",
        "minutes": 1,
        "commit": "0123456789",
    }
    (tmp_path / "x.json").write_text(json.dumps(result))
    assert cells in results_table(tmp_path)
