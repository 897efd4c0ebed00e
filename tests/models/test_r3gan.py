import re

import jax
import numpy as np
import pytest
from drawn import initialized

from resnet_jax.models import create_model
from resnet_jax.models.summary import summarize

NAMES = ("r3gan_generator", "r3gan_discriminator")


@pytest.mark.parametrize(
    ("preset", "fields", "millions"),
    [
        ("cifar10", {"num_classes": 0}, (20.73, 20.68)),
        ("ffhq64", {}, (22.43, 22.38)),
        ("ffhq256", {}, (23.06, 23.01)),
        ("imagenet32", {}, (82.91, 86.55)),
        ("imagenet64", {}, (103.57, 107.21)),
    ],
)
def test_published_sizes(preset, fields, millions):
    for name, size in zip(NAMES, millions, strict=True):
        model = create_model(name, preset=preset, **fields)
        assert round(summarize(model)["parameters"] / 1e6, 2) == size


def test_sizes_for_cifar10():
    sizes = [summarize(create_model(name))["parameters"] for name in NAMES]
    assert sizes == [20_781_952, 21_280_512]


def test_fields_override_the_preset():
    model = create_model(
        "r3gan_generator", preset="imagenet64", resolution=16, width=16
    )
    assert (model.resolution, model.num_classes, model.group_size) == (16, 1000, 32)
    assert model.widths == (16, 16, 16)


@pytest.mark.parametrize("name", NAMES)
def test_kernels_are_drawn_as_in_the_paper(name):
    model = create_model(name, resolution=8, width=(48, 64), channels=16)
    params = initialized(model)
    gain = np.sqrt(2 / (1 + 0.2**2)) * 4**-0.25
    stds = {
        "stage0_block0": {"conv1": gain / 48**0.5, "conv2": gain / 144**0.5},
        "stage1_block1": {"conv1": gain / 64**0.5, "conv2": gain / 144**0.5},
        "linear": 1 / (128 if "generator" in name else 48) ** 0.5,
    }
    if name == "r3gan_generator":
        stds |= {"stage1_resize": 48**-0.5, "to_image": 1 / 8, "basis": 1}
        stds |= {"embed": 10**-0.5}
    else:
        stds |= {"stage0_resize": 1 / 8, "from_image": 1 / 4, "pool": 1 / 4}
        stds |= {"embed": (48 * 10) ** -0.5}
    for name, std in stds.items():
        for part, wanted in (std if isinstance(std, dict) else {"": std}).items():
            kernel = params[name][part] if part else params[name]
            if not hasattr(kernel, "std"):
                kernel = kernel["embedding" if name == "embed" else "kernel"]
            assert kernel.std() == pytest.approx(wanted, rel=0.1), (name, part)
    last = [block["conv3"]["kernel"] for k, block in params.items() if "block" in k]
    assert len(last) == 4 and not any(kernel.any() for kernel in last)


@pytest.mark.parametrize("name", NAMES)
def test_the_smallest_stage_is_float32(name):
    """With bfloat16; what it multiplies says so."""
    model = create_model(name, resolution=8, width=8, dtype="bfloat16")
    variables = jax.eval_shape(model.init, jax.random.key(0), *model.inputs)
    jaxpr = jax.make_jaxpr(model.apply)(variables, *model.inputs)
    convs = re.findall(r":(\w+)\[([^\]]*)\] = conv2d", str(jaxpr))
    assert len(convs) == 13
    for dtype, shape in convs:
        side = int(shape.split(",")[1])
        assert dtype == {4: "f32", 8: "bf16"}[side]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"preset": "cifar"}, "unknown preset 'cifar'. Did you mean cifar10"),
        ({"resolution": 28}, "network of resolution 28 .* take bottom=7."),
        ({"preset": "ffhq64", "resolution": 32}, "this network has 4 stages"),
        ({"width": 20}, "20 x 2 channels .* groups of 16: take a group_size"),
        ({"widht": 20}, "takes no 'widht'. Did you mean width"),
        ({"width": "20"}, "width is '20'; expected a whole number"),
    ],
)
def test_wrong_settings_are_refused_at_once(name, fields, message):
    with pytest.raises(ValueError, match=message):
        create_model(name, **fields)
