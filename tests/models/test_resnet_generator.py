import jax
import numpy as np
import pytest
from drawn import drawn, initialized

from resnet_jax.models import create_model
from resnet_jax.models.resnet_generator import ResNetGenerator
from resnet_jax.models.summary import summarize

LATENTS = np.random.default_rng(0).normal(size=(4, 12)).astype(np.float32)
LABELS = np.array([0, 1, 2, 0])


def shapes(model):
    return jax.eval_shape(model.init, jax.random.key(0), *model.inputs)["params"]


def test_kernels_are_drawn_as_in_the_paper():
    model = ResNetGenerator(resolution=8, width=64, latent_size=256)
    params = initialized(model)
    block = params["block1"]
    for layer, gain, fans in (
        (params["linear"], 1, 256 + 1024),
        (block["conv1"], 2, 9 * (64 + 64)),
        (block["conv2"], 2, 9 * (64 + 64)),
        (block["shortcut"], 1, 64 + 64),
        (params["conv_last"], 1, 9 * (64 + 3)),
    ):
        kernel, std = layer["kernel"], (2 * gain / fans) ** 0.5
        assert kernel.std() == pytest.approx(std, rel=0.05)
        assert abs(kernel).max() <= std * 3**0.5 and (layer["bias"] == 0).all()


@pytest.mark.parametrize(
    ("resolution", "bottom", "blocks"), [(16, 4, 2), (28, 7, 2), (256, 4, 6)]
)
def test_any_resolution_and_number_of_channels(resolution, bottom, blocks):
    model = ResNetGenerator(resolution, bottom, channels=2, width=8)
    images = jax.eval_shape(
        lambda *x: model.init_with_output(jax.random.key(0), *x)[0], *model.inputs
    )
    assert images.shape == (1, resolution, resolution, 2)
    assert f"block{blocks}" in shapes(model)
    assert f"block{blocks + 1}" not in shapes(model)


def test_widths_and_attention_by_stage():
    model = ResNetGenerator(width=(8, 16, 24), bottom_width=4, attention=(8, 32))
    params = shapes(model)
    assert params["linear"]["bias"].shape == (4 * 16,)
    kernels = [params[f"block{i}"]["conv1"]["kernel"].shape[2:] for i in (1, 2, 3)]
    assert kernels == [(4, 8), (8, 16), (16, 24)]
    assert {k for k in params if "attention" in k} == {"attention1", "attention3"}


def test_the_plain_twin_has_no_shortcuts():
    whole, plain = (shapes(ResNetGenerator(residual=r)) for r in (True, False))
    missing = sum(256 * 256 + 256 for _ in range(3))
    count = {True: 4_276_739, False: 4_276_739 - missing}
    for residual, params in ((True, whole), (False, plain)):
        size = summarize(ResNetGenerator(residual=residual))["parameters"]
        assert size == count[residual]
        assert ("shortcut" in params["block1"]) == residual


def test_twins_without_convolutions_in_shortcuts_are_of_equal_size():
    twins = [ResNetGenerator(project=False, residual=r) for r in (True, False)]
    assert shapes(twins[0]) == shapes(twins[1])


def test_latents_are_split_between_the_blocks():
    model = create_model(
        "biggan_generator",
        resolution=8,
        width=8,
        latent_size=12,
        shared_size=5,
        num_classes=3,
        attention=(),
    )
    variables = drawn(model.init, LATENTS, LABELS)
    assert variables["params"]["linear"]["kernel"].shape[0] == 6
    assert variables["params"]["block1"]["bn1"]["gain"]["kernel"].shape == (5 + 6, 8)
    apply = jax.jit(lambda z, y: model.apply(variables, z, y))
    images = apply(LATENTS, LABELS)
    for other in (
        apply(LATENTS, (LABELS + 1) % 3),
        apply(LATENTS + np.repeat([1, 0], 6).astype(np.float32), LABELS),
        apply(LATENTS + np.repeat([0, 1], 6).astype(np.float32), LABELS),
    ):
        assert (abs(other - images).max((1, 2, 3)) > 1e-4).all()


def test_no_classes_leave_the_pieces_of_latents():
    model = create_model("biggan_generator", num_classes=0)
    params = shapes(model)
    assert "shared" not in params
    assert params["block2"]["bn1"]["gain"]["kernel"].shape == (20, 384)
    plain = ResNetGenerator(shared_size=16)
    assert "norm" in shapes(plain)["block1"]["bn1"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"resolution": 28}, "generator of resolution 28 .* take bottom=7."),
        ({"width": (8, 8)}, "this network has 3 stages"),
        ({"attention": (64,)}, "no feature map of side 64"),
        ({"hierarchical": True, "latent_size": 90}, "take a multiple of 4"),
        ({"hierarchical": True, "num_classes": 3}, "give shared_size, such as 128"),
        ({"kernel_init": "ortho"}, "Did you mean orthogonal"),
        ({"norm": "bach"}, "Did you mean batch"),
        ({"act": "rellu"}, "Did you mean relu"),
        ({"dtype": "bfloat"}, "Did you mean bfloat16"),
    ],
)
def test_wrong_settings_are_refused_at_once(fields, message):
    with pytest.raises(ValueError, match=message):
        create_model("sngan_generator", **fields)
