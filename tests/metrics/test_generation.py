"""All metrics of generated images by name, on the same rows."""

import numpy as np
import pytest

from resnet_jax.metrics.generation import METRICS, generation_metrics


def test_they_share_their_rows():
    rng = np.random.default_rng(0)
    rows = {f"{side}_features": rng.normal(size=(12, 3)) for side in ("real", "fake")}
    rows["fake_logits"] = rng.normal(size=(12, 4))
    values = {}
    for metric in generation_metrics().values():
        assert all(np.isnan(v) for v in metric.summary(metric.empty()).values())
        values |= metric.summary(metric.add(metric.empty(), rows))
    assert np.isfinite(list(values.values())).all() and len(values) == 10


def test_names():
    assert list(generation_metrics(["mind", "frechet"])) == ["mind", "frechet"]
    assert list(generation_metrics()) == list(METRICS)
    with pytest.raises(ValueError, match="Did you mean kernel"):
        generation_metrics(["kernal"])
