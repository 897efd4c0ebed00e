"""JPEG without files, against those that Pillow writes and reads.

Two programs need not agree to the last bit: libjpeg computes cosines and colors with
whole numbers, and a coefficient just between two steps falls to the one or the other,
which moves all 64 pixels of its block by up to half a step. Such blocks are few. Where
color is halved libjpeg rounds its means up and down in turns, so that ours are half a
level away at every second of them.
"""

import io

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from skimage import data

from resnet_jax.degrade import Jpeg
from resnet_jax.degrade.jpeg import CHROMINANCE, LUMINANCE, cosines, quantization

KEY = jax.random.key(0)
COLOR = data.astronaut()[:256:2, 100:356:2]
GREY = data.brick()[:64, :64, None]


def ours(image, quality, halved=False):
    change = Jpeg(float(quality), halved)
    unit = jnp.float32(image) / 255
    return 255 * np.asarray(jax.jit(change.degrade)(KEY, unit))


def pillows(image, quality, subsampling=0):
    file = io.BytesIO()
    pixels = image[..., 0] if image.shape[-1] == 1 else image
    options = {"quality": quality, "subsampling": subsampling}
    Image.fromarray(pixels).save(file, "JPEG", **options)
    return np.asarray(Image.open(file)).reshape(image.shape).astype(np.float64)


@pytest.mark.parametrize("quality", [10, 30, 75, 100])
def test_grey_images_are_those_of_libjpeg(quality):
    difference = np.abs(ours(GREY, quality) - pillows(GREY, quality))
    assert difference.mean() < 0.15
    assert (difference > 1.5).mean() < 0.03


@pytest.mark.parametrize(("halved", "subsampling"), [(False, 0), (True, 2)])
@pytest.mark.parametrize("quality", [10, 50, 90])
def test_color_images_are_those_of_libjpeg(quality, halved, subsampling):
    wanted = pillows(COLOR, quality, subsampling)
    difference = np.abs(ours(COLOR, quality, halved) - wanted)
    lost = np.abs(COLOR - wanted)
    assert difference.mean() < (0.8 if halved else 0.4)
    assert difference.mean() < 0.25 * lost.mean()
    # Halving alone makes more of a difference than that.
    other = np.abs(ours(COLOR, quality, not halved) - wanted)
    assert other.mean() > 1.5 * difference.mean()


def test_quantization_is_that_of_libjpeg():
    compiled = jax.jit(lambda q: [quantization(t, q) for t in (LUMINANCE, CHROMINANCE)])
    for quality in range(1, 101):
        file = io.BytesIO()
        Image.new("RGB", (8, 8)).save(file, "JPEG", quality=quality)
        wanted = Image.open(file).quantization
        found = compiled(jnp.float32(quality))
        for number, table in enumerate(found):
            np.testing.assert_array_equal(np.ravel(table), wanted[number])


def test_sides_need_be_no_multiples():
    image = COLOR[:37, :43]
    difference = np.abs(ours(image, 50) - pillows(image, 50))
    assert difference.shape == image.shape and difference.mean() < 0.5


def test_results_are_grey_levels_within_the_image():
    found = ours(COLOR[:32, :32], 5, halved=True)
    np.testing.assert_allclose(found, np.rint(found), atol=1e-3)
    assert found.min() >= 0 and found.max() <= 255.001
    flat = np.full((16, 16, 3), 200, np.uint8)
    np.testing.assert_allclose(ours(flat, 95), flat, atol=1)


def test_of_a_range_each_image_draws_its_own_quality():
    images = jnp.broadcast_to(jnp.float32(GREY) / 255, (8, *GREY.shape))
    found = jax.vmap(Jpeg((5.0, 95.0)).degrade)(jax.random.split(KEY, 8), images)
    errors = np.asarray(jnp.abs(found - images).mean((1, 2, 3)))
    assert len(set(errors.round(7).tolist())) >= 7 and errors.max() > 2 * errors.min()


def test_cosines_are_orthonormal():
    np.testing.assert_allclose(cosines() @ cosines().T, np.eye(8), atol=1e-12)
    np.testing.assert_allclose(cosines()[0], 1 / np.sqrt(8))


def test_mistakes():
    with pytest.raises(ValueError, match="quality is 0; expected a number from 1 to"):
        Jpeg(0)
    with pytest.raises(ValueError, match="images with 1 or 3 channels, not 4"):
        Jpeg().channels(4)
    assert Jpeg().channels(1) == (1, 1) and Jpeg().margin == 0
