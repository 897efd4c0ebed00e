"""LPIPS as an evaluation measures it."""

import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.metrics.lpips import lpips
from resnet_jax.models import create_model
from resnet_jax.models.vgg import vgg
from resnet_jax.tasks.fidelity import Fidelity
from resnet_jax.tasks.lpips import Lpips, LpipsNetwork, lpips_measure
from resnet_jax.tasks.perceptual import imagenet_units

TAPS = ("relu1_1", "relu1_2")
MODEL = create_model("vgg16_features", layers=vgg((2,), (4,)), taps=TAPS)
RNG = np.random.default_rng(0)


def drawn(*shape):
    return jnp.asarray(RNG.normal(size=shape), jnp.float32)


VARIABLES = {
    "params": {
        "features_0": {"kernel": drawn(3, 3, 3, 4), "bias": drawn(4)},
        "features_2": {"kernel": drawn(3, 3, 4, 4), "bias": drawn(4)},
    },
    "heads": [jnp.abs(drawn(4)), jnp.abs(drawn(4))],
}
IMAGES = jnp.float32(RNG.integers(0, 256, (3, 2, 16, 16, 3)) / 255)


def measure(published=False):
    return Lpips("vgg16", network=LpipsNetwork("vgg16", MODEL, published))


def test_rows_are_distances_of_answers_and_inputs_as_files_have_them():
    fidelity = Fidelity(lpips=measure())
    low, output, target = IMAGES
    rows = fidelity.rows(low, output + 0.3 / 255, target, {"lpips": VARIABLES})
    params = {"params": VARIABLES["params"]}
    maps = [list(MODEL.apply(params, imagenet_units(x)).values()) for x in IMAGES]
    for name, side in (("input_lpips", maps[0]), ("lpips", maps[1])):
        wanted = lpips(side, maps[2], VARIABLES["heads"])
        np.testing.assert_allclose(rows[name], wanted, rtol=1e-4)
    assert (rows["lpips"] > 0.01).all()
    same = fidelity.rows(low, target, target, {"lpips": VARIABLES})
    assert (same["lpips"] == 0).all()


@pytest.mark.parametrize("published", [False, True])
def test_only_published_weights_give_it_its_name(published):
    fidelity = Fidelity(lpips=measure(published))
    metric = fidelity.metrics["fidelity"]
    names = ("psnr", "ssim", "lpips", "input_psnr", "input_ssim", "input_lpips")
    rows = {name: np.array([0.25, 0.75]) for name in names}
    evals = {"set5": {"fidelity": metric.add(metric.empty(), rows)}}
    found = fidelity.summarize(evals)
    name = "lpips" if published else "feature_distance"
    assert found[f"set5/{name}"] == found[f"set5/input_{name}"] == 0.5
    assert ("set5/lpips" in found) == published
    said = fidelity.sentences(evals)[1]
    assert said.startswith("LPIPS 0.1") == published and "vgg16" in said


def test_without_its_network_nothing_is_measured():
    assert lpips_measure(None, 3) is lpips_measure({"source": "vgg16"}, 3) is None
    with pytest.raises(ValueError, match=r"targets have 2; remove config\.lpips"):
        lpips_measure({"source": "vgg16"}, 2)
    with pytest.raises(ValueError, match="no 'head'"):
        lpips_measure({"source": "vgg16", "head": "a"}, 3)
    with pytest.raises(ValueError, match=r"not loaded; put .*state.frozen\['lpips'\]"):
        Fidelity(lpips=measure()).rows(*IMAGES)
