import jax
import numpy as np
import pytest
from drawn import drawn, initialized

from resnet_jax.models import create_model
from resnet_jax.models.dcgan import doubled
from resnet_jax.models.summary import summarize


def shapes(model):
    return jax.eval_shape(model.init, jax.random.key(0), *model.inputs)["params"]


def test_sizes_of_pytorchs_example():
    generator, discriminator = map(
        create_model, ("dcgan_generator", "dcgan_discriminator")
    )
    sizes = [summarize(model) for model in (generator, discriminator)]
    assert [size["parameters"] for size in sizes] == [3_576_704, 2_765_568]
    # Mirror images but for the ends: no work is done on zeros between pixels.
    assert sizes[0]["gmacs"] == pytest.approx(sizes[1]["gmacs"], rel=0.01)


def test_channels_double_up_to_eight_times():
    assert doubled(64, 4) == (512, 256, 128, 64)
    assert doubled(4, 6) == (32, 32, 32, 16, 8, 4)
    assert doubled((9, 5), 2) == (9, 5)
    with pytest.raises(ValueError, match="this network has 3 stages"):
        doubled((9, 5), 3)


def test_params_are_drawn_as_in_the_paper():
    for name in ("dcgan_generator", "dcgan_discriminator"):
        model = create_model(name, resolution=16, width=64)
        params = initialized(model)
        for path, leaf in jax.tree.leaves_with_path(params):
            mean = {"kernel": 0, "scale": 1, "bias": 0}[path[-1].key]
            std = 0 if path[-1].key == "bias" else 0.02
            assert leaf.std() == pytest.approx(std, rel=0.25), path
            assert leaf.mean() == pytest.approx(mean, abs=0.01), path


def test_fully_connected_layers_before_the_convolutions():
    model = create_model("dcgan_generator", resolution=16, hidden=(32, 48), width=8)
    params = shapes(model)
    assert params["fc1"]["kernel"].shape == (100, 32)
    assert params["fc2"]["kernel"].shape == (32, 48)
    assert params["linear"]["kernel"].shape == (48, 16 * 16)
    assert {"fc_bn1", "fc_bn2"} <= set(params) and "fc1" not in shapes(
        model.clone(hidden=())
    )


def test_projection_adds_the_product_with_the_classs_embedding():
    given = {"resolution": 8, "channels": 2, "width": 8}
    conditional = create_model("dcgan_discriminator", num_classes=3, **given)
    plain = create_model("dcgan_discriminator", **given)
    images = np.random.default_rng(0).normal(size=(3, 8, 8, 2)).astype(np.float32)
    labels = np.array([0, 2, 1])
    variables = drawn(conditional.init, images, labels)
    logits = conditional.apply(variables, images, labels)
    zero = {**variables["params"], "embed": {"embedding": np.zeros((3, 8), np.float32)}}
    without = conditional.apply({**variables, "params": zero}, images, labels)
    np.testing.assert_array_equal(without, plain.apply(variables, images))
    assert (logits != without).all()


@pytest.mark.parametrize(
    ("norm", "mixes"),
    [
        ("batch", True),
        ({"name": "batch", "group_size": 4}, True),
        ("layer", False),
        ("none", False),
    ],
)
def test_only_batch_norm_mixes_examples(norm, mixes):
    assert create_model("dcgan_discriminator", norm=norm).mixes_examples == mixes


def test_spectral_norm_in_place_of_batch_norm():
    model = create_model("dcgan_discriminator", spectral=True, norm="none")
    variables = jax.eval_shape(model.init, jax.random.key(0), *model.inputs)
    assert set(variables) == {"params", "spectral"}
    assert len(jax.tree.leaves(variables["spectral"])) == 5


@pytest.mark.parametrize("name", ["dcgan_generator", "dcgan_discriminator"])
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"resolution": 28}, "of resolution 28 .* take bottom=7."),
        ({"width": (8, 8)}, "this network has 4 stages"),
        ({"norm": "bach"}, "Did you mean batch"),
    ],
)
def test_wrong_settings_are_refused_at_once(name, fields, message):
    with pytest.raises(ValueError, match=message):
        create_model(name, **fields)
