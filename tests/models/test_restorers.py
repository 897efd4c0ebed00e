"""What all networks that restore images have in common, at tiny sizes."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drawn import FAST, drawn

from resnet_jax.models import create_model
from resnet_jax.models.restorers import RESTORERS

# EDSR-PyTorch and its paper's table 1, BasicSR, RCAN, ESRGAN, KAIR.
PUBLISHED = {
    "srresnet_x4": 1_549_462,
    "msrresnet_x4": 1_517_571,
    "edsr_baseline_x2": 1_369_859,
    "edsr_baseline_x3": 1_554_499,
    "edsr_baseline_x4": 1_517_571,
    "edsr_x2": 40_729_603,
    "edsr_x3": 43_680_003,
    "edsr_x4": 43_089_923,
    "rcan_x4": 15_592_355,
    "rrdb_x4": 16_697_987,
    "dncnn17": 556_097,
    "dncnn20": 667_073,
}
# One network per class and way of enlarging.
TINY = {
    "srresnet_x4": {"blocks": 1},
    "srresnet_x3": {"blocks": 1, "norm": "none", "resize_conv": True},
    "msrresnet_x2": {"blocks": 1},
    "edsr_baseline_x2": {"blocks": 2, "residual_scale": 0.1},
    "edsr_x3": {"blocks": 1, "resize_conv": True},
    "rcan_x2": {"blocks": 2, "groups": 2, "reduction": 2},
    "rrdb_x4": {"blocks": 1, "growth": 3},
    "rrdb_x2": {"blocks": 1, "growth": 3},
    "dncnn17": {"depth": 4},
    "dncnn20": {"depth": 3, "norm": "none"},
}


def tiny(name, **fields):
    return create_model(name, **{"channels": 2, "width": 4, **TINY[name], **fields})


def made(model, height=6, width=4):
    """Variables without zeros, and a batch of two."""
    x = np.random.default_rng(1).uniform(size=(2, height, width, model.channels))
    return drawn(model.init, x.astype(np.float32)), x.astype(np.float32)


def first_params(model):
    x = np.zeros((1, 2, 2, model.channels), np.float32)
    init = jax.jit(model.init, compiler_options=FAST)
    return init(jax.random.key(0), x)["params"]


def count(model):
    params = jax.eval_shape(model.init, jax.random.key(0), *model.inputs)["params"]
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def path_of(path):
    return "/".join(part.key for part in path)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_sizes(name):
    assert count(create_model(name)) == PUBLISHED[name]


def test_sizes_of_other_channels():
    assert count(create_model("dncnn20", channels=3)) == 669_379
    assert create_model("edsr_x4", channels=1).inputs[0].shape == (1, 48, 48, 1)


def test_the_names():
    assert set(TINY) | set(PUBLISHED) <= set(RESTORERS)
    for name in RESTORERS:
        scale = re.search(r"_x(\d)$", name)
        assert create_model(name).scale == (int(scale[1]) if scale else 1)


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize(("height", "width"), [(5, 7), (1, 1)])
def test_images_of_any_size(name, height, width):
    model = tiny(name)
    height, width = height * model.multiple, width * model.multiple
    x = jax.ShapeDtypeStruct((3, height, width, 2), jnp.float32)
    y, _ = jax.eval_shape(model.init_with_output, jax.random.key(0), x)
    assert y.shape == (3, model.scale * height, model.scale * width, 2)
    assert model.multiple == (2 if name == "rrdb_x2" else 1)


@pytest.mark.parametrize("name", TINY)
def test_every_parameter_gets_a_gradient(name):
    model = tiny(name)
    variables, x = made(model)
    shape = jax.eval_shape(model.apply, variables, x).shape
    weights = np.random.default_rng(2).normal(size=shape)

    def loss(params):
        y = model.apply({**variables, "params": params}, x)
        return (y * weights.astype(np.float32)).sum()

    grad = jax.jit(jax.grad(loss), compiler_options=FAST)(variables["params"])
    for path, leaf in jax.tree.leaves_with_path(grad):
        assert np.isfinite(leaf).all() and leaf.any(), path_of(path)


@pytest.mark.parametrize("name", TINY)
def test_training_differs_from_evaluation_by_batch_norm_alone(name):
    model = tiny(name)
    variables, x = made(model)
    stats = [kind for kind in variables if kind != "params"]

    @partial(jax.jit, compiler_options=FAST)
    def both(variables):
        train = model.apply(variables, x, train=True, mutable=["batch_stats"])
        return *train, model.apply(variables, x)

    trained, new, evaluated = both(variables)
    assert np.isfinite(trained).all()
    has_norm = name in ("srresnet_x4", "dncnn17")
    assert stats == (["batch_stats"] if has_norm else [])
    assert (trained == evaluated).all() != has_norm
    for path, leaf in jax.tree.leaves_with_path(new):
        old = variables
        for part in path:
            old = old[part.key]
        assert (leaf != old).any(), path_of(path)


@pytest.mark.parametrize("name", TINY)
def test_the_output_depends_on_its_halo_and_on_nothing_else(name):
    """All weights are positive, so that nothing that comes in is lost."""
    model = tiny(name, width=2)
    if model.halo is None:
        assert name == "rcan_x2"
        return
    reach, multiple, scale = model.halo, model.multiple, model.scale
    side = -(-(2 * reach + 6) // multiple) * multiple
    x = np.random.default_rng(0).uniform(size=(1, side, side, 2))
    with jax.enable_x64(True):
        model = model.clone(dtype="float64")
        variables = jax.tree.map(np.abs, drawn(model.init, x))
        run = jax.jit(model.apply, compiler_options=FAST)
        before, farthest = run(variables, x), 0
        for place in range(side // 2, side // 2 + multiple):
            other = x.copy()
            other[0, place, place] += 1e3
            change = np.abs(run(variables, other) - before)[0].max(-1)
            if np.abs(change).max() > 1e6:
                change = change / np.abs(change).max()
            blocks = change.reshape(side, scale, side, scale).max((1, 3))
            rows, columns = np.nonzero(blocks)
            distances = np.abs(np.stack([rows, columns]) - place).max(1)
            assert distances[0] == distances[1]
            farthest = max(farthest, distances.max())
    assert farthest == reach


def test_norms_that_look_at_the_whole_image_leave_no_halo():
    for name in ("srresnet_x4", "dncnn17"):
        assert create_model(name).halo is not None
        assert create_model(name, norm="layer").halo is not None
        assert create_model(name, norm={"name": "group"}).halo is None


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "float16"])
def test_types(name, dtype):
    with jax.enable_x64(True):
        model = tiny(name, dtype=dtype)
        init = partial(model.init_with_output, train=False)
        y, variables = jax.eval_shape(init, jax.random.key(0), *model.inputs)
        traced = str(jax.make_jaxpr(model.apply)(variables, *model.inputs))
    wide = jnp.dtype("float64" if dtype == "float64" else "float32")
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {wide}
    assert y.dtype == wide
    for kind, name in (("bfloat16", "bf16["), ("float16", ":f16[")):
        assert (name in traced) == (kind == dtype)


@pytest.mark.parametrize("name", ["srresnet_x3", "edsr_baseline_x2", "dncnn17"])
def test_half_precision_is_near(name):
    model = tiny(name)
    variables, x = made(model)

    @partial(jax.jit, compiler_options=FAST)
    def each(variables):
        dtypes = ("float32", "float16", "bfloat16")
        return [model.clone(dtype=dtype).apply(variables, x) for dtype in dtypes]

    exact, half, brain = each(variables)
    for y, far in ((half, 3e-3), (brain, 3e-2)):
        assert 0 < np.abs(y - exact).max() < far * np.abs(exact).max()


def test_the_mean_is_taken_away_and_given_back():
    """Without weights, what is left is the mean; shifting both shifts the output."""
    model = create_model("edsr_baseline_x2", blocks=1, width=4)
    variables, x = made(model)
    zero = jax.tree.map(np.zeros_like, variables)
    want = np.broadcast_to([0.4488, 0.4371, 0.4040], (2, 12, 8, 3))
    np.testing.assert_allclose(model.apply(zero, x), want, rtol=1e-6)
    shifted = model.clone(mean=(0.5488, 0.5371, 0.5040))
    y = shifted.apply(variables, x + np.float32(0.1))
    np.testing.assert_allclose(y, model.apply(variables, x) + 0.1, atol=1e-3)
    assert create_model("rcan_x2", channels=1).means == pytest.approx([0.4299667])


def test_unknown_noise_is_what_is_left_of_a_network_without_weights():
    for name in ("dncnn17", "msrresnet_x2"):
        model = tiny(name)
        variables, x = made(model)
        y = model.apply(jax.tree.map(np.zeros_like, variables), x)
        want = x if name == "dncnn17" else jax.image.resize(x, y.shape, "linear")
        np.testing.assert_array_equal(y, want)


@pytest.mark.parametrize(
    ("name", "layer", "std", "uniform"),
    [
        ("edsr_baseline_x2", ("body_0", "conv1"), (9 * 32 * 3) ** -0.5, True),
        ("rcan_x2", ("conv_after_body",), (9 * 32 * 3) ** -0.5, True),
        ("rrdb_x4", ("conv_hr",), (9 * 32 * 3) ** -0.5, True),
        ("rrdb_x4", ("body_0", "rdb1", "conv2"), 0.1 * (2 / (9 * 64)) ** 0.5, False),
        ("srresnet_x4", ("conv_last",), (2 / (81 * 32)) ** 0.5, False),
        ("msrresnet_x4", ("body_0", "conv2"), 0.1 * (2 / (9 * 32)) ** 0.5, False),
        ("dncnn17", ("conv3",), (2 / (9 * 32)) ** 0.5, False),
    ],
)
def test_params_are_drawn_as_in_the_references(name, layer, std, uniform):
    fields = {"groups": 1} if name == "rcan_x2" else {}
    fields |= {"depth": 4} if name == "dncnn17" else {"blocks": 1}
    params = first_params(create_model(name, width=32, **fields))
    for part in layer:
        params = params[part]
    assert params["kernel"].std() == pytest.approx(std, rel=0.03)
    if uniform:
        assert np.abs(params["kernel"]).max() <= 3**0.5 * std
        assert 0.8 < np.abs(params["bias"]).max() / (3**0.5 * std) <= 1
    else:
        assert not params.get("bias", np.zeros(1)).any()


def test_the_first_scales_of_dncnn_are_small_but_not_zero():
    scale = first_params(create_model("dncnn17", depth=3))["bn2"]["scale"]
    assert np.abs(scale).min() == np.float32(0.025) and np.abs(scale).max() < 0.25
    assert (scale < 0).any() and (scale > 0).any()


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("edsr_x2", {"scale": 5}, "scale is 5; expected one of 1, 2, 3, 4, 8."),
        ("srresnet_x4", {"scale": 6}, "scale is 6"),
        ("msrresnet_x4", {"scale": 0}, "scale is 0"),
        ("rrdb_x4", {"scale": 3}, "scale of RRDB is 3; expected 4, 2 or 1."),
        ("edsr_x2", {"mean": (0.5,)}, r"mean is \(0.5,\) for images of 3 channels"),
        ("rcan_x2", {"width": 8}, "reduction 16 leaves no channel of width 8"),
        ("dncnn17", {"depth": 1}, "depth of DnCNN is 1; expected 2 or more."),
        ("dncnn17", {"norm": "bach"}, "Did you mean batch"),
        ("srresnet_x4", {"dtype": "bfloat"}, "Did you mean bfloat16"),
        ("rrdb_x4", {"dtype": "bfloat"}, "Did you mean bfloat16"),
    ],
)
def test_wrong_settings_are_refused_at_once(name, fields, message):
    with pytest.raises(ValueError, match=message):
        create_model(name, **fields)


def test_sides_that_cannot_be_halved_are_named():
    with pytest.raises(ValueError, match="multiples of 2, not 6 x 5: pad or crop"):
        tiny("rrdb_x2").init(jax.random.key(0), np.zeros((1, 6, 5, 2), np.float32))
