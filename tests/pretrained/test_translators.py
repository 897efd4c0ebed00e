"""State dicts of pytorch-CycleGAN-and-pix2pix become variables of our networks."""

import jax
import numpy as np
import pytest
import safetensors.numpy
from foreign import WIDTH, filled, resnet_keys, unet_keys, with_norms

from resnet_jax.models import create_model
from resnet_jax.pretrained import from_pretrained, from_torch, to_torch
from resnet_jax.pretrained.translators import recognize_translator


@pytest.mark.parametrize("dropout", [False, True])
@pytest.mark.parametrize("batch", [False, True])
def test_residual_generators(batch, dropout):
    weights = filled(resnet_keys(6, batch, dropout, channels=(1, 2)))
    model, variables = from_torch("cyclegan_resnet6", weights)
    norm = "batch" if batch else "instance"
    want = {"width": 2, "in_channels": 1, "out_channels": 2, "norm": norm}
    want["dropout"] = 0.5 * dropout
    assert model == create_model("cyclegan_resnet6", **want)
    params, second = variables["params"], 5 + dropout
    theirs = weights[f"model.12.conv_block.{second}.weight"]
    ours = params["block3"]["conv2"]["kernel"]
    np.testing.assert_array_equal(ours, theirs.transpose(2, 3, 1, 0))
    # Transposed convolutions have the inputs first, and are mirrored.
    theirs = weights["model.16.weight"].transpose(2, 3, 0, 1)
    np.testing.assert_array_equal(params["up1"]["kernel"], theirs[::-1, ::-1])
    np.testing.assert_array_equal(params["head"]["bias"], weights["model.23.bias"])
    if batch:
        for ours, theirs in (("up2_norm", "20"), ("down1_norm", "5")):
            mean = variables["batch_stats"][ours]["mean"]
            np.testing.assert_array_equal(mean, weights[f"model.{theirs}.running_mean"])
            scale = weights[f"model.{theirs}.weight"]
            np.testing.assert_array_equal(params[ours]["scale"], scale)
    else:
        assert variables.keys() == {"params"}
        np.testing.assert_array_equal(params["up2"]["bias"], weights["model.19.bias"])


def test_generators_of_cut():
    shapes = resnet_keys(6, batch=False, blurred=True)
    shapes |= {f"model.{n}.filt": (1, 1, 3, 3) for n in (7, 11)}
    shapes |= {f"model.{n}.filt": (1, 1, 4, 4) for n in (18, 22)}
    weights = filled(shapes)
    model, variables = from_torch("cyclegan_resnet6", weights)
    assert (model.resample, model.norm) == ("antialias", "instance")
    theirs = weights["model.19.weight"].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(variables["params"]["up1"]["kernel"], theirs)


@pytest.mark.parametrize("batch", [False, True])
def test_unets(batch):
    weights = filled(unet_keys(7, batch))
    model, variables = from_torch("unet128", weights)
    norm = "batch" if batch else "instance"
    fields = {"width": WIDTH, "norm": norm, "dropping": (2, 3)}
    assert model == create_model("unet128", **fields)
    params, inner = variables["params"], "model.model.1.model.3.model"
    theirs = weights[f"{inner}.1.weight"].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(params["down3"]["kernel"], theirs)
    theirs = weights[f"{inner}.5.weight"].transpose(2, 3, 0, 1)
    np.testing.assert_array_equal(params["up3"]["kernel"], theirs[::-1, ::-1])
    if batch:
        mean = weights[f"{inner}.6.running_mean"]
        np.testing.assert_array_equal(
            variables["batch_stats"]["up3_norm"]["mean"], mean
        )


def test_discriminators():
    shapes = {
        "0": (2, 6, 4, 4),
        "2": (4, 2, 4, 4),
        "5": (8, 4, 4, 4),
        "8": (1, 8, 4, 4),
    }
    weights = filled(with_norms(shapes, batch=True, transposed=0))
    weights["model.0.bias"] = np.ones(2, np.float32)
    del weights["model.1.weight"], weights["model.1.bias"]
    model, variables = from_torch("patchgan34", weights)
    want = create_model("patchgan34", width=2, in_channels=6, norm="batch")
    assert model == want
    theirs = weights["model.5.weight"].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(variables["params"]["conv3"]["kernel"], theirs)


@pytest.mark.parametrize("name", ["cyclegan_resnet6", "unet128", "patchgan34"])
@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_there_and_back_is_the_identity(name, norm):
    model = create_model(name, width=2, in_channels=2, norm=norm)
    shapes = jax.eval_shape(model.init, jax.random.key(0), *model.inputs)
    rng = np.random.default_rng(0)
    variables = jax.tree.map(lambda x: rng.normal(size=x.shape).astype("f4"), shapes)
    found, back = from_torch(name, to_torch(variables))
    assert found == model
    jax.tree.map(np.testing.assert_array_equal, variables, back)


@pytest.mark.parametrize(
    ("shapes", "name"),
    [
        (resnet_keys(9, False), "cyclegan_resnet9"),
        (resnet_keys(6, True), "cyclegan_resnet6"),
        (unet_keys(8, True), "unet256"),
        (unet_keys(7, False), "unet128"),
    ],
)
def test_files_that_name_no_network(shapes, name, tmp_path):
    weights = filled(shapes)
    file = tmp_path / "latest_net_G.safetensors"
    file.write_bytes(safetensors.numpy.save(weights))
    model, variables, preprocessing = from_pretrained(file)
    want, same = from_torch(name, weights)
    assert model == want and preprocessing is None
    jax.tree.map(np.testing.assert_array_equal, variables, same)
    assert model.norm == ("batch" if "batch_stats" in variables else "instance")


def test_what_is_not_recognized():
    weights = filled(resnet_keys(4, False))
    assert recognize_translator(weights) is None
    assert recognize_translator({**weights, "fc.weight": np.ones((2, 2))}) is None
    assert recognize_translator({}) is None


def test_other_weights_are_refused():
    weights = filled(resnet_keys(6, True))
    with pytest.raises(ValueError, match=r"'cyclegan_resnet9': they lack block7"):
        from_torch("cyclegan_resnet9", weights)
    with pytest.raises(ValueError, match=r"'patchgan70': they have 18 .* and 17 norms"):
        from_torch("patchgan70", weights)
    with pytest.raises(ValueError, match=r"'unet256': they lack down1"):
        from_torch("unet256", {"fc.weight": np.ones((2, 2), np.float32)})
