"""How often and how far each transform changes an image."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from resnet_jax.augment import AUGMENTATIONS, ada, create_augment
from resnet_jax.augment.ada import COLOR, Ada
from resnet_jax.losses.penalty import r1_penalty
from resnet_jax.parallel import make_mesh

NAMES = [field.name for field in dataclasses.fields(Ada)]
KEY = jax.random.key(3)
SHAPE = (8, 8, 8, 3)
MANY = 4000


def images(*shape):
    return jax.random.uniform(jax.random.key(0), shape, minval=-1, maxval=1)


def only(*names, factor=1.0):
    return Ada(**{name: factor * (name in names) for name in NAMES})


def maps(augment, strength, monkeypatch):
    """The inverse maps [B, 3, 3] of many images of 8 x 16."""
    found = []
    monkeypatch.setattr(ada, "warp", lambda x, inverse: found.append(inverse) or x)
    augment(jnp.zeros((MANY, 8, 16, 1)), KEY, strength)
    return np.asarray(found[0], np.float64)


def color_factors(augment, strength, x):
    changed = augment(jnp.tile(x, (MANY, 1, 1, 1)), KEY, strength)
    return np.asarray(changed, np.float64)


@pytest.mark.parametrize("shape", [SHAPE, (3, 7, 10, 1)])
def test_strength_zero_is_the_identity(shape):
    x = images(*shape)
    np.testing.assert_allclose(jax.jit(Ada())(x, KEY, 0.0), x, atol=1e-6)


def test_in_float64_the_identity_is_as_good_as_the_filter():
    with jax.enable_x64(True):
        x = images(*SHAPE).astype(jnp.float64)
        same = jax.jit(Ada())(x, KEY, 0.0)
        assert same.dtype == jnp.float64
        np.testing.assert_allclose(same, x, atol=1e-10)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_any_type_sees_the_same_changes(name):
    augment, low = jax.jit(create_augment(name)), images(*SHAPE).astype(jnp.bfloat16)
    found = augment(low, KEY, 0.8)
    assert found.dtype == jnp.bfloat16
    whole = augment(low.astype(jnp.float32), KEY, 0.8)
    np.testing.assert_allclose(found.astype(jnp.float32), whole, atol=0.03)


@pytest.mark.parametrize("name", NAMES)
def test_each_transform_changes_images_and_passes_gradients(name):
    """Not compiled as a whole, so that all of them share what they have in common."""
    x, augment = images(*SHAPE), only(name)
    changed, pull = jax.vjp(lambda x: augment(x, KEY, 1.0), x)
    assert (jnp.abs(changed - x).max((1, 2, 3)) > 0.05).any()
    slope = pull(x[::-1])[0]
    assert (jnp.abs(slope).max((1, 2, 3)) > 0.1).all()
    # All are affine: the same change of the image has the same effect anywhere.
    small = x[:, ::-1]
    difference = augment(x + small, KEY, 1.0) - changed
    expected = (x[::-1] * difference).sum()
    np.testing.assert_allclose((slope * small).sum(), expected, atol=1e-3)


def test_all_factors_zero_change_nothing_at_full_strength():
    x = images(*SHAPE)
    np.testing.assert_array_equal(only()(x, KEY, 1.0), x)


def test_flips_and_quarter_turns(monkeypatch):
    flips = maps(only("xflip"), 0.5, monkeypatch)
    np.testing.assert_array_equal(np.unique(flips[:, 0, 0]), [-1, 1])
    # Half of those chosen are mirrored.
    np.testing.assert_allclose((flips[:, 0, 0] < 0).mean(), 0.25, atol=0.03)
    np.testing.assert_array_equal(flips[:, 1:], np.tile(np.eye(3)[1:], (MANY, 1, 1)))
    turns = maps(only("rotate90"), 1.0, monkeypatch)
    angles = np.rint(np.degrees(np.arctan2(turns[:, 1, 0], turns[:, 0, 0]))) % 360
    values, counts = np.unique(angles, return_counts=True)
    np.testing.assert_array_equal(values, [0, 90, 180, 270])
    np.testing.assert_allclose(counts / MANY, 0.25, atol=0.03)


def test_moves(monkeypatch):
    whole = maps(only("xint"), 1.0, monkeypatch)[:, :2, 2]
    np.testing.assert_array_equal(np.unique(whole[:, 0]), [-2, -1, 0, 1, 2])
    np.testing.assert_array_equal(np.unique(whole[:, 1]), [-1, 0, 1])
    assert abs(np.corrcoef(whole.T)[0, 1]) < 0.05
    parts = maps(only("xfrac"), 1.0, monkeypatch)[:, :2, 2]
    np.testing.assert_allclose(parts.std(0), [2, 1], rtol=0.05)
    np.testing.assert_allclose(parts.mean(0), 0, atol=0.1)


def test_sizes(monkeypatch):
    sizes = maps(only("scale"), 1.0, monkeypatch)
    np.testing.assert_array_equal(sizes[:, 0, 0], sizes[:, 1, 1])
    np.testing.assert_allclose(np.log2(sizes[:, 0, 0]).std(), 0.2, rtol=0.05)
    stretched = maps(only("aniso"), 1.0, monkeypatch)
    product = stretched[:, 0, 0] * stretched[:, 1, 1]
    np.testing.assert_allclose(product, 1, rtol=1e-5)
    np.testing.assert_allclose(np.log2(stretched[:, 0, 0]).std(), 0.2, rtol=0.05)


def test_turns_are_as_frequent_as_asked(monkeypatch):
    turns = maps(only("rotate"), 0.4, monkeypatch)
    turned = np.abs(turns[:, 0, 1]) > 1e-6
    np.testing.assert_allclose(turned.mean(), 0.4, atol=0.03)
    angles = np.arctan2(turns[turned, 1, 0], turns[turned, 0, 0])
    np.testing.assert_allclose(angles.std(), 2 * np.pi / 12**0.5, rtol=0.05)


def test_the_order_of_the_geometry(monkeypatch):
    """The last move is after turns and stretches: undone first, it keeps its size."""
    augment = only("scale", "rotate", "aniso", "xfrac")
    found = maps(augment, 1.0, monkeypatch)
    moves = -np.linalg.inv(found)[:, :2, 2]
    np.testing.assert_allclose(moves.std(0), [2, 1], rtol=0.05)
    # Whole pixels are moved before the stretch, which scales them.
    found = maps(only("xint", "aniso"), 1.0, monkeypatch)
    moves = -np.linalg.inv(found)[:, :2, 2] * found[:, [0, 1], [0, 1]]
    np.testing.assert_allclose(moves, np.rint(moves), atol=1e-4)


def test_colors():
    x = jnp.array([0.5, -0.1, 0.2]).reshape(1, 1, 1, 3)
    luma, chroma = 0.2, np.array([0.3, -0.3, 0.0])
    added = color_factors(only("brightness"), 1.0, x) - np.asarray(x)
    np.testing.assert_allclose(added.std(0).ravel(), 0.2, rtol=0.05)
    factors = color_factors(only("contrast"), 1.0, x) / np.asarray(x)
    np.testing.assert_allclose(np.log2(factors).std(0).ravel(), 0.5, rtol=0.05)
    chromas = color_factors(only("saturation"), 1.0, x)[..., 0] - luma
    np.testing.assert_allclose(np.log2(chromas / chroma[0]).std(), 1.0, rtol=0.05)
    lumas = color_factors(only("lumaflip"), 1.0, x).mean(-1)
    np.testing.assert_allclose(np.abs(lumas), luma, rtol=1e-5)
    np.testing.assert_allclose((lumas < 0).mean(), 0.5, atol=0.03)
    turned = color_factors(only("hue"), 1.0, x) - luma
    length = np.linalg.norm(turned, axis=-1)
    np.testing.assert_allclose(length, np.linalg.norm(chroma), rtol=1e-5)
    np.testing.assert_allclose(turned.mean(0).ravel(), 0, atol=0.02)


def test_colors_are_half_as_frequent_by_default():
    augment = dataclasses.replace(only(), brightness=Ada().brightness)
    changed = color_factors(augment, 0.6, jnp.full((1, 1, 1, 3), 0.5)) != 0.5
    np.testing.assert_allclose(changed.mean(), 0.3, atol=0.03)


def test_cutout_takes_half_the_sides_around_any_point():
    cut = only("cutout")(jnp.ones((MANY, 16, 16, 1)), KEY, 1.0)[..., 0] == 0
    rows, columns = cut.any(2).sum(1), cut.any(1).sum(1)
    np.testing.assert_array_equal(cut.sum((1, 2)), rows * columns)
    # At the border a quarter of a side is left.
    assert rows.min() == columns.min() == 4 and rows.max() == columns.max() == 8
    # Of a side u + 1/4 or 1/2: 7/16 on average.
    np.testing.assert_allclose(rows.mean() / 16, 7 / 16, atol=0.01)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_a_key_is_a_result_and_a_new_strength_no_new_program(name):
    augment = jax.jit(create_augment(name))
    x = jnp.broadcast_to(images(1, 8, 8, 3), SHAPE)
    once, again = augment(x, KEY, 0.8), augment(x, KEY, 0.8)
    np.testing.assert_array_equal(once, again)
    assert jnp.abs(once - augment(x, jax.random.key(4), 0.8)).max() > 0.1
    assert jnp.abs(once[0] - once[1]).max() > 0.1  # each image has its own draws
    assert jnp.abs(once - augment(x, KEY, 0.3)).max() > 0.1
    assert augment._cache_size() == 1


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_pmap_equals_jit(name):
    """Device d of 2 holds images d, d + 2, ..."""
    augment, x = create_augment(name), images(*SHAPE)
    whole = jax.jit(augment)(x, KEY, 0.7)

    def part(x, key):
        return augment(x, key, 0.7, axis_name="data")

    strided = x.reshape(4, 2, 8, 8, 3).swapaxes(0, 1)
    parts = jax.pmap(part, "data", in_axes=(0, None))(strided, KEY)
    together = parts.swapaxes(0, 1).reshape(x.shape)
    np.testing.assert_allclose(together, whole, atol=1e-5)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_r1_through_an_augmentation_trains_the_discriminator(name):
    """Of a linear one, weight * w . augment(x), it is weight^2 |A^T w|^2 / 2."""
    augment, x, w = create_augment(name), images(*SHAPE), images(*SHAPE)[::-1]

    @jax.jit
    def both(weight):
        def score(x):
            return weight * (w * augment(x, KEY, 0.9)).sum((1, 2, 3))

        return r1_penalty(score, x)

    value, slope = jax.value_and_grad(both)(2.0)
    assert value > 1
    np.testing.assert_allclose(slope, value, rtol=1e-5)  # weight^2 / 2 at 2 is weight


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_devices_keep_their_images(name):
    rows = NamedSharding(make_mesh(8), PartitionSpec("data"))
    augment = create_augment(name)

    def step(x):
        return jax.grad(lambda x: jnp.square(augment(x, KEY, 0.7)).sum())(x)

    compiled = jax.jit(step, in_shardings=rows, out_shardings=rows)
    text = compiled.lower(images(*SHAPE)).compile().as_text()
    for moved in ("all-gather", "collective-permute", "all-to-all", "all-reduce"):
        assert moved not in text


def test_mistakes():
    with pytest.raises(ValueError, match=r"ada hue is 1\.5; expected from 0 to 1"):
        create_augment({"name": "ada", "hue": 1.5})
    with pytest.raises(ValueError, match="1 or 3 channels, not 4; set its brightness"):
        Ada()(images(1, 4, 4, 4), KEY, 0.5)
    with pytest.raises(ValueError, match="at least 2 x 2 pixels, not 1 x 4"):
        Ada()(images(1, 1, 4, 3), KEY, 0.5)
    with pytest.raises(ValueError, match="unknown augmentation 'adda'"):
        create_augment("adda")
    colorless = Ada(**dict.fromkeys(COLOR, 0.0))
    changed = jax.eval_shape(colorless, images(1, 4, 4, 4), KEY, 0.5)
    assert changed.shape == (1, 4, 4, 4)
