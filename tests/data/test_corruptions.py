"""Corruptions: the same every time, stronger with severity, as the paper's numbers."""

import numpy as np
import pytest
import skimage.data
from PIL import Image
from scipy import ndimage

from resnet_jax.data import blur, weather
from resnet_jax.data.arrays import ArraySource
from resnet_jax.data.corruptions import CORRUPTIONS, Corrupted, corrupt
from resnet_jax.data.reader import Reader


def photograph(side):
    cat = Image.fromarray(skimage.data.chelsea()[:300, 75:375])
    return np.asarray(cat.resize((side, side)))


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_same_every_time_and_stronger_with_severity(name):
    image = photograph(32)
    weak, strong = (corrupt(image, name, severity) for severity in (1, 5))
    assert weak.shape == image.shape and weak.dtype == np.uint8
    np.testing.assert_array_equal(weak, corrupt(image, name, 1))
    distance = [np.abs(x.astype(int) - image).mean() for x in (weak, strong)]
    assert min(distance) > 0.05
    # The numbers of elastic_transform trade the affine map for the displacements.
    assert distance[1] > distance[0] or name == "elastic_transform"


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("shape", [(9, 8, 1), (72, 80, 3)])
def test_any_size_grey_and_color(name, shape):
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    assert corrupt(image, name, 3).shape == shape


@pytest.mark.parametrize("name", ["gaussian_noise", "fog", "motion_blur", "snow"])
def test_the_seed_and_the_index_change_what_is_random(name):
    image = photograph(32)
    base = corrupt(image, name, 3)
    assert (corrupt(image, name, 3, index=1) != base).any()
    assert (corrupt(image, name, 3, seed=1) != base).any()


@pytest.mark.parametrize(("severity", "large", "small"), [(1, 8, 4), (5, 38, 10)])
def test_gaussian_noise_has_the_papers_standard_deviation(severity, large, small):
    for side, percent in ((96, large), (64, small)):
        grey = np.full((side, side, 3), 128, np.uint8)
        noise = corrupt(grey, "gaussian_noise", severity) / 255.0
        clipped = np.clip(
            np.random.default_rng(0).normal(0.5, percent / 100, 10**5), 0, 1
        )
        assert noise.std() == pytest.approx(clipped.std(), rel=0.03)


def test_impulse_noise_changes_the_papers_share():
    grey = np.full((200, 200, 3), 128, np.uint8)
    noise = corrupt(grey, "impulse_noise", 4)
    assert np.mean(noise == 0) == pytest.approx(0.085, abs=0.005)
    assert np.mean(noise == 255) == pytest.approx(0.085, abs=0.005)


def test_contrast_and_brightness_by_hand():
    image = np.full((100, 100, 3), (40, 80, 120), np.uint8)
    image[:50] //= 2
    mean = image.mean((0, 1))
    expected = np.rint(mean + 0.4 * (image - mean))
    np.testing.assert_allclose(corrupt(image, "contrast", 1), expected, atol=1)
    brighter = corrupt(image, "brightness", 2).astype(float)
    np.testing.assert_allclose(brighter.max(-1), image.max(-1) + 51.0, atol=1)
    ratio = image / image.max(-1, keepdims=True)
    np.testing.assert_allclose(
        brighter / brighter.max(-1, keepdims=True), ratio, atol=0.01
    )


def test_blurs_keep_the_mean_and_spread_a_point():
    point = np.zeros((41, 41, 1))
    point[20, 20] = 1
    disk = blur.defocus(point, 6, 0.5)
    assert disk.sum() == pytest.approx(1)
    assert disk[20, 20, 0] == pytest.approx(1 / 113, rel=1e-3)  # lattice points, r = 6
    smear = blur.motion(point, 10, 3, 0.0)
    # ImageMagick looks along the angle: the point's trace lies on the other side.
    np.testing.assert_allclose(smear[20, :20, 0].sum() + smear[20, 20, 0], 1)
    assert smear[20, 20] > smear[20, 19] > smear[20, 18] > 0
    np.testing.assert_allclose(
        blur.gaussian(point, 2)[..., 0], ndimage.gaussian_filter(point[..., 0], 2)
    )


def test_magnification_keeps_the_middle():
    ramp = np.linspace(0, 1, 64)[None, :, None] * np.ones((64, 1, 1))
    large = blur.magnified(ramp, 2.0)
    assert large.shape == ramp.shape
    assert large[32, 32] == pytest.approx(0.5, abs=0.02)
    assert np.diff(large[32, :, 0]).mean() == pytest.approx(1 / 126, rel=0.05)


def test_the_fractal_is_rougher_where_it_decays_less():
    smooth, rough = (
        weather.plasma(60, np.random.default_rng(0), decay) for decay in (3, 1.4)
    )
    assert smooth.shape == (64, 64) and smooth.min() == 0 and smooth.max() == 1
    assert np.abs(np.diff(rough)).mean() > 2 * np.abs(np.diff(smooth)).mean()


def test_a_corrupted_source_depends_on_the_index_alone():
    images = np.stack([photograph(32)] * 3)
    source = ArraySource({"image": images, "label": np.array([2, 0, 1])}, tuple("abc"))
    corrupted = Corrupted(Reader(source, (), False), "shot_noise", 2, seed=5)
    assert len(corrupted) == 3 and corrupted.class_names == ("a", "b", "c")
    for index in (2, 0, 1):
        example = corrupted[index]
        expected = corrupt(images[0], "shot_noise", 2, seed=5, index=index)
        np.testing.assert_array_equal(example["image"], expected)
        assert example["label"] == source.arrays["label"][index]


@pytest.mark.parametrize(
    ("image", "name", "severity", "sentence"),
    [
        (photograph(32), "fogg", 1, "unknown corruption 'fogg'. Did you mean fog"),
        (photograph(32), "fog", 0, "severity is 0; expected 1 to 5"),
        (np.zeros((8, 8, 1), np.uint16), "fog", 1, "take uint8 images of 1 or 3"),
    ],
)
def test_mistakes_are_named(image, name, severity, sentence):
    with pytest.raises(ValueError, match=sentence):
        corrupt(image, name, severity)
