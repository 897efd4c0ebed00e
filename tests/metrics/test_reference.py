"""A reference comes back from its file, and nothing else is taken for one."""

import numpy as np
import pytest

from resnet_jax.metrics.frechet import frechet_distance, moments
from resnet_jax.metrics.kernel import kernel
from resnet_jax.metrics.reference import Reference, read_reference

FEATURES = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
ABOUT = {"name": "train", "features": "net", "digest": "0", "resize": "none"}


def reference() -> Reference:
    return Reference(moments(FEATURES), FEATURES, {**ABOUT, "size": [4, 4]})


def test_it_comes_back(tmp_path):
    reference().save(tmp_path / "new" / "r.npz")
    found = read_reference(tmp_path / "new" / "r.npz")
    assert frechet_distance(found.moments, moments(FEATURES)) < 1e-12
    assert found.moments.examples == 20 and found.about["name"] == "train"
    np.testing.assert_array_equal(found.features, FEATURES)
    assert [f.name for f in (tmp_path / "new").iterdir()] == ["r.npz"]


def test_its_sums_are_those_of_its_features():
    metric, fake = kernel(subsets=2), {"fake_features": FEATURES * 2 + 1}
    direct = metric.add(metric.empty(), {"real_features": FEATURES, **fake})
    known = {**metric.empty(), "real": reference().sums("kernel")}
    found = metric.summary(metric.add(known, fake))["kernel_distance"]
    assert found == pytest.approx(metric.summary(direct)["kernel_distance"])


@pytest.mark.parametrize("content", ["nothing", "text", "other", "format", "cut"])
def test_other_files_are_refused(tmp_path, content):
    file = tmp_path / "r.npz"
    message = "no reference, or damaged"
    if content == "nothing":
        message = "no folder or file"
    elif content == "text":
        file.write_text("hello")
    elif content == "other":
        np.savez(file, mu=np.zeros(3))
    elif content == "cut":
        reference().save(file)
        file.write_bytes(file.read_bytes()[:-100])
    else:
        changed = '{"format": 9}'
        np.savez(file, about=changed, examples=1, total=0, outer=0, features=0)
        message = "has format 9"
    with pytest.raises(ValueError, match=message):
        read_reference(file)
