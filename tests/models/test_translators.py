"""What networks from images to images, and their discriminators, have in common."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drawn import FAST, drawn, initialized

from resnet_jax.models import PATCHGANS, TRANSLATORS, create_model
from resnet_jax.models.summary import summarize

# As published, or as the layers of the papers and of the authors' code add up.
PARAMETERS = [
    ("cyclegan_resnet9", {}, 11_378_179),
    ("cyclegan_resnet6", {}, 7_837_699),
    ("unet256", {}, 54_413_955),
    ("unet128", {}, 41_828_995),
    ("patchgan70", {}, 2_764_737),
    ("patchgan70", {"in_channels": 6, "norm": "batch"}, 2_768_705),
]
SMALL = {
    "strided": ("cyclegan_resnet9", {"blocks": 1, "width": 4}),
    "antialias": ("cyclegan_resnet9", {"blocks": 1, "width": 4}),
    "resize": ("cyclegan_resnet9", {"blocks": 1, "width": 4}),
    "unet": ("unet256", {"depth": 3, "width": 4}),
    "patchgan": ("patchgan16", {"width": 4}),
    "patchgan_antialias": ("patchgan34", {"width": 4, "antialias": True}),
    "pixelgan": ("pixelgan", {"width": 4}),
}


# Instance norm takes away what the bias before it adds.
CANCELLED = {
    "CycleGANGenerator": r"(stem|down\d|block\d/conv\d|up\d)/bias",
    "UNet": r"(down2|up[23])/bias",
    "PatchGAN": r"conv[2-9]/bias",
}


def small(kind, **fields):
    name, own = SMALL[kind]
    own = {**own, "in_channels": 2, **fields}
    return create_model(
        name, **own, **({"resample": kind} if "cyclegan" in name else {})
    )


def images(side=16, channels=2):
    rng = np.random.default_rng(1)
    return rng.normal(size=(2, side, side, channels)).astype(np.float32)


def path_of(path):
    return "/".join(part.key for part in path)


@pytest.mark.parametrize(("name", "fields", "count"), PARAMETERS)
def test_parameters(name, fields, count):
    assert summarize(create_model(name, **fields))["parameters"] == count


@pytest.mark.parametrize("name", [*TRANSLATORS, *PATCHGANS])
def test_every_name_has_an_input(name):
    model = create_model(name, in_channels=2)
    (image,) = model.inputs
    side = 128 if name in ("cyclegan_resnet6", "unet128") else 256
    assert image.shape == (1, side, side, 2)
    if name in TRANSLATORS:
        assert (model.scale, model.out_channels, side % model.multiple) == (1, 3, 0)
    init = partial(model.init_with_output, jax.random.key(0))
    y, variables = jax.eval_shape(init, image)
    assert set(variables) <= {"params", "batch_stats"}
    assert y.shape == (1, side, side, 3) or y.shape[3] == 1


@pytest.mark.parametrize(
    ("kind", "norm"),
    [(kind, "instance") for kind in SMALL]
    + [(kind, "batch") for kind in ("strided", "unet", "patchgan")],
)
def test_every_parameter_gets_a_gradient(kind, norm):
    model, x = small(kind, norm=norm), images()
    variables = drawn(model.init, x)

    def loss(params):
        y = model.apply({**variables, "params": params}, x)
        weights = np.random.default_rng(2).normal(size=y.shape)
        return (y * weights.astype(np.float32)).sum()

    gradient = jax.jit(jax.grad(loss), compiler_options=FAST)(variables["params"])
    for path, leaf in jax.tree.leaves_with_path(gradient):
        assert np.isfinite(leaf).all(), path_of(path)
        cancelled = re.fullmatch(CANCELLED[type(model).__name__], path_of(path))
        assert leaf.any() or cancelled, path_of(path)


@pytest.mark.parametrize("kind", SMALL)
def test_training_writes_the_averages_of_batch_norm(kind):
    model, x = small(kind, norm="batch"), images()
    variables = drawn(model.init, x)
    given = {"mutable": ["batch_stats"], "rngs": {"dropout": jax.random.key(0)}}

    @partial(jax.jit, compiler_options=FAST)
    def both(variables):
        return model.apply(variables, x), model.apply(variables, x, train=True, **given)

    evaluated, (trained, new) = both(variables)
    assert (evaluated != trained).any() and jnp.isfinite(trained).all()
    change = jax.tree.map(
        lambda a, b: (a != b).any(), new["batch_stats"], variables["batch_stats"]
    )
    assert all(jax.tree.leaves(change))


@pytest.mark.parametrize("kind", ["strided", "unet", "patchgan"])
def test_params_are_drawn_as_in_the_paper(kind):
    model = small(kind, norm="batch", width=16)
    for path, leaf in jax.tree.leaves_with_path(initialized(model)):
        name = path[-1].key
        if name == "bias":
            assert not leaf.any()
        elif leaf.size > 100:
            assert leaf.std() == pytest.approx(0.02, rel=0.25), path_of(path)
            mean = 1 if name == "scale" else 0
            assert leaf.mean() == pytest.approx(mean, abs=0.01), path_of(path)


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_types(kind, dtype):
    with jax.enable_x64(True):
        model = small(kind, dtype=dtype)
        init = partial(model.init_with_output, jax.random.key(0))
        y, variables = jax.eval_shape(init, *model.inputs)
        traced = jax.make_jaxpr(model.apply)(variables, *model.inputs)
    wide = jnp.dtype("float64" if dtype == "float64" else "float32")
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {wide}
    assert y.dtype == wide
    assert ("bf16[" in str(traced)) == (dtype == "bfloat16")


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("strided", {"blocks": 2, "padding": "zeros"}),
        ("antialias", {}),
        ("resize", {}),
        ("unet", {}),
    ],
)
def test_an_output_depends_on_what_lies_within_the_halo(kind, fields):
    model = small(kind, norm="batch", width=2, in_channels=1, out_channels=1, **fields)
    assert small(kind).halo is None or kind == "unet"
    assert small(kind, norm="instance").halo is None
    side = 64
    middle = range(side // 2, side // 2 + model.multiple)

    def column(variables, x, place):
        return jnp.arctanh(model.apply(variables, x))[0, place, side // 2, 0]

    reached = []
    with jax.enable_x64(True):
        x = jnp.ones((1, side, side, 1))
        # All positive, so that no unit is off.
        variables = jax.tree.map(
            lambda leaf: np.full(leaf.shape, 1e-2),
            jax.eval_shape(model.init, jax.random.key(0), x),
        )
        influence = jax.jit(jax.grad(column, argnums=1), compiler_options=FAST)
        for place in middle:
            rows = np.flatnonzero(np.any(influence(variables, x, place), (0, 2, 3)))
            reached += [place - rows.min(), rows.max() - place]
    assert max(reached) == model.halo


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("cyclegan_resnet9", {"blocks": 0}, "blocks of a translator is 0; expected 1"),
        ("cyclegan_resnet9", {"dropout": 1.0}, "dropout of a translator is 1.0"),
        ("cyclegan_resnet9", {"resample": "stridet"}, "Did you mean strided"),
        ("cyclegan_resnet9", {"padding": "zero"}, "Did you mean zeros"),
        ("cyclegan_resnet9", {"norm": "instanc"}, "Did you mean instance"),
        ("unet256", {"depth": 0}, "depth of a U-Net is 0; expected 1 or more"),
        ("unet256", {"kernel_init": "norml"}, "Did you mean normal"),
        ("patchgan70", {"layers": 0}, "layers of a patch discriminator is 0"),
        ("patchgan70", {"channels": 6}, "Did you mean in_channels"),
    ],
)
def test_wrong_settings_are_refused_at_once(name, fields, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        create_model(name, **fields)


@pytest.mark.parametrize(
    ("kind", "shape", "message"),
    [
        ("strided", (16, 18, 2), "multiples of 4, at least 8, not 16 x 18: resize"),
        ("strided", (4, 8, 2), "at least 8, not 4 x 8"),
        ("strided", (16, 16, 3), "images of 2 channels, not 3: set its in_channels"),
        ("unet", (16, 20, 2), "U-Net takes images whose sides are multiples of 8"),
        ("patchgan", (5, 16, 2), "patch discriminator takes images whose sides are at"),
    ],
)
def test_images_that_do_not_fit_are_refused(kind, shape, message):
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(small(kind).init, jax.random.key(0), np.zeros((1, *shape)))
