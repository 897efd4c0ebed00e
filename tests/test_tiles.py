"""Tiles: equal to the whole image where they can be, and blended where they cannot."""

import jax.numpy as jnp
import numpy as np
import pytest
from tiny_translators import normalized, restorer, strided, twofold

from resnet_jax.tiles import Seams, Tiling, self_ensemble
from resnet_jax.translator import Translator

SIZES = [(50, 67), (21, 90), (3, 40), (1, 1)]


def image(height, width, channels=3):
    rng = np.random.default_rng(0)
    return rng.random((height, width, channels), np.float32)


def network(translator):
    return lambda images: np.asarray(translator(jnp.asarray(images)))


def padded_whole(translator, x):
    """The whole image through the network, its sides padded by reflection."""
    pad = [(0, -side % translator.multiple) for side in x.shape[:2]]
    made = network(translator)(np.pad(x, (*pad, (0, 0)), "reflect")[None])[0]
    height, width = (translator.scale * side for side in x.shape[:2])
    return made[:height, :width]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("tile", [9, 200])
@pytest.mark.parametrize("made", [restorer(2), strided()], ids=["x2", "strided"])
def test_tiles_equal_the_whole_image(made, tile, size):
    x = image(*size)
    tiling = made.tiling(max(tile, made.halo))
    expected = padded_whole(made, x)
    found = tiling.whole(network(made), x, batch_size=3)
    assert found.shape == (made.scale * size[0], made.scale * size[1], 3)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_less_than_the_halo_is_not_enough():
    """That the tests above can fail."""
    made, x = restorer(2), image(50, 67)
    found = made.tiling(16, overlap=1).whole(network(made), x)
    assert np.abs(found - padded_whole(made, x)).max() > 1e-2


def test_the_border_of_the_image_is_the_border_of_a_window():
    """The network pads with zeros: only where the image ends."""
    made, x = restorer(), np.ones((64, 64, 3), np.float32)
    found = made.tiling(16).whole(network(made), x)
    inside = found[4:-4, 4:-4]
    assert np.abs(inside - inside[0, 0]).max() < 1e-5
    assert np.abs(found[0] - found[32]).max() > 0.1


def test_all_windows_have_one_shape_and_memory_is_that_of_a_band():
    shapes, made = set(), restorer(2)

    def watched(images):
        shapes.add(images.shape)
        return network(made)(images)

    tiling, x = made.tiling(16), image(200, 61)
    heights = [len(band) for band in tiling.bands(watched, x, batch_size=2)]
    assert shapes == {(2, 24, 24, 3)}
    assert sum(heights) == 400 and max(heights) <= 2 * 24 and len(heights) > 10


def test_the_number_of_tiles_is_known_before():
    made, calls = restorer(), []
    for size in SIZES:
        tiling, x = made.tiling(9), image(*size)
        calls.clear()
        tiling.whole(network(made), x, batch_size=2, each=lambda: calls.append(1))
        assert len(calls) == tiling.count(*size)


@pytest.mark.parametrize("length", [40, 41, 63, 200])
@pytest.mark.parametrize("blend", [True, False])
@pytest.mark.parametrize("scale", [1, 3])
def test_shares_of_a_place_add_up_to_one(length, blend, scale):
    side = Tiling(24, 8, scale, 4, blend).side(length)
    total = np.zeros(scale * side.length)
    for start, weights in zip(side.starts, side.weights, strict=True):
        total[scale * start :][: len(weights)] += weights
    np.testing.assert_allclose(total, 1.0, atol=1e-6)
    assert (side.weights >= 0).all() and side.length % 4 == side.size % 4 == 0
    assert side.starts[-1] + side.size == side.length


def centered(images):
    """A network that sees the mean of its window."""
    return images - images.mean((1, 2, 3), keepdims=True)


def test_blending_leaves_no_seam():
    x = np.broadcast_to(np.linspace(0, 1, 80, dtype="f4")[:, None], (60, 80, 1))
    cut, blended = (Tiling(16, 8, blend=blend).whole(centered, x) for blend in (0, 1))
    steps = [np.abs(np.diff(made, axis=1)).max() for made in (cut, blended)]
    assert steps[0] > 0.15 and steps[1] < 0.02


def test_blending_of_instance_norm_is_reported():
    made, x, seams = normalized(), image(60, 80), Seams()
    x[:, 40:] *= 0.2  # the halves differ, and so do the statistics of tiles
    found = made.tiling(16, 8).whole(network(made), x, seams=seams)
    assert 0.01 < seams.mean < seams.largest and seams.count > 0
    apart = np.abs(found - padded_whole(made, x))
    assert 0.001 < apart.mean() < 10 * seams.mean


def test_blending_of_one_tile_is_the_whole_image():
    made, x, seams = normalized(), image(30, 20), Seams()
    found = made.tiling(64).whole(network(made), x, seams=seams)
    np.testing.assert_allclose(found, padded_whole(made, x), atol=1e-6)
    assert seams.count == 0 and seams.mean == 0.0


def test_seams_are_differences_of_neighbors():
    """Of a network that says the mean of its window: known by hand."""
    x = np.zeros((8, 24, 1), np.float32)
    x[:, :8] = 1.0
    seams = Seams()
    tiling = Tiling(8, 2, blend=True)  # windows of 12: one half, none of it
    assert tiling.side(24).starts == (0, 8, 12)
    mean = lambda images: images - centered(images)  # noqa: E731
    tiling.whole(mean, x, seams=seams)
    # Windows 0-12, 8-20 and 12-24 hold 8/12, 0 and 0; they share 4 and 8 columns.
    assert seams.largest == pytest.approx(8 / 12)
    assert seams.mean == pytest.approx((4 * 8 / 12) / 12) and seams.count == 12 * 8


def test_ensemble_of_an_equivariant_network_is_the_network():
    made, x = twofold(), image(13, 21)
    found = made.tiling(4).whole(self_ensemble(network(made)), x)
    np.testing.assert_allclose(found, network(made)(x[None])[0], atol=1e-6)


def test_ensemble_is_equivariant():
    made = restorer(2)
    ensemble, x = self_ensemble(network(made)), image(12, 17)[None]
    expected = np.rot90(ensemble(x), 1, (1, 2))
    np.testing.assert_allclose(
        ensemble(np.rot90(x, 1, (1, 2))), expected, rtol=0, atol=1e-5
    )
    assert np.abs(ensemble(x) - network(made)(x)).max() > 1e-2


def test_tiled_ensemble_equals_the_whole_one():
    made, x = strided(), image(40, 61)
    ensemble = self_ensemble(network(made))
    expected = Tiling(0, multiple=4).whole(ensemble, x)
    found = made.tiling(16).whole(ensemble, x)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_bytes_travel_as_they_are():
    seen = set()

    def watched(images):
        seen.add(images.dtype)
        return images / np.float32(255)

    x = np.arange(20 * 30, dtype=np.uint8).reshape(20, 30, 1)
    found = Tiling(8, 2).whole(watched, x)
    np.testing.assert_allclose(found * 255, x, atol=1e-4)
    assert seen == {np.dtype("uint8")} and found.dtype == np.float32


def test_default_tiles():
    identity = dict(apply=lambda x: x, in_channels=3, out_channels=3)
    assert Translator(**identity, halo=10).tiling() == Tiling(512, 10)
    assert Translator(**identity, halo=10, scale=4).tiling() == Tiling(128, 10, 4)
    assert Translator(**identity, halo=300, scale=4).tiling() == Tiling(300, 300, 4)
    assert Translator(**identity).tiling() == Tiling(512, 32, blend=True)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ((10, None), "--tile is 10, smaller than the overlap of 20 pixels, and"),
        ((10, 12), "smaller than the overlap of 12 pixels"),
        ((-2, None), "--tile is -2; expected 0 or more"),
        ((None, -2), "--overlap is -2"),
    ],
)
def test_tiles_that_make_no_sense(given, says):
    made = Translator(apply=lambda x: x, in_channels=3, out_channels=3, halo=20)
    with pytest.raises(ValueError, match=says):
        made.tiling(*given)
