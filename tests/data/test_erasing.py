import math

import numpy as np
import pytest

from resnet_jax.data.erasing import RandomErasing

RNG = np.random.default_rng(5)


def numbers(count):
    return RNG.random((count, 24))


def test_box_by_hand():
    erase = RandomErasing(scale=(0.1, 0.3), ratio=(0.5, 2.0))
    u = np.zeros(24)
    u[1], u[11] = 0.5, 0.75  # a fifth of the image, half as high again as wide
    u[21], u[22] = 0.999, 0.5
    aspect = math.exp(math.log(0.5) + 0.75 * math.log(4))
    h = round(math.sqrt(40 * 50 * 0.2 * aspect))
    w = round(math.sqrt(40 * 50 * 0.2 / aspect))
    assert erase.box(40, 50, u) == (40 - h, int(0.5 * (50 - w + 1)), h, w)


def test_the_first_attempt_that_fits_counts_and_ten_are_made():
    erase = RandomErasing(scale=(0.5, 1.0), ratio=(1.0, 1.0))
    u = np.ones(24) * 0.999
    assert erase.box(20, 20, u) is None  # never as high as the image
    image = RNG.integers(0, 256, (1, 20, 20, 3), np.uint8)
    u[0] = 0
    np.testing.assert_array_equal(erase(image, u[None]), image)
    u[10] = 0.0
    assert erase.box(20, 20, u)[2:] == (14, 14)


def test_boxes_are_inside_and_of_the_size_asked_for():
    erase = RandomErasing()
    for u in numbers(300):
        y, x, h, w = erase.box(60, 70, u)
        assert 0 <= y <= 60 - h and 0 <= x <= 70 - w
        assert 0.015 < h * w / 4200 < 0.35 and 0.25 < h / w < 4


def test_probability():
    images = np.full((400, 12, 12, 1), 3, np.uint8)
    changed = (RandomErasing(0.25)(images, numbers(400)) != 3).any((1, 2, 3))
    assert changed.mean() == pytest.approx(0.25, abs=0.06)
    np.testing.assert_array_equal(RandomErasing(0.0)(images, numbers(400)), images)


@pytest.mark.parametrize(
    "value, color", [("mean", [124, 116, 104]), ("zeros", [0] * 3)]
)
def test_values(value, color):
    images = np.full((1, 20, 20, 3), 255, np.uint8)
    u = numbers(1)
    erased = RandomErasing(1.0, value=value)(images, u)
    y, x, h, w = RandomErasing(1.0).box(20, 20, u[0])
    expected = images.copy()
    expected[0, y : y + h, x : x + w] = color
    np.testing.assert_array_equal(erased, expected)
    assert (images == 255).all()


def test_mean_before_is_zero_after_normalization():
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    erase = RandomErasing(1.0, scale=(0.5, 0.5))
    erased = erase(np.full((1, 20, 20, 3), 255, np.uint8), numbers(1))
    normal = (erased / 255 - mean) / std
    assert np.abs(normal).min() < 0.5 / 255 / std.min()


def test_noise_is_standard_normal_in_model_units():
    mean, std = (0.5, 0.4, 0.3), (0.1, 0.05, 0.08)
    erase = RandomErasing(1.0, (0.9, 0.9), (1, 1), "noise", mean, std)
    images = np.zeros((1, 100, 100, 3), np.uint8)
    u = numbers(1)
    erased = erase(images, u)
    y, x, h, w = erase.box(100, 100, u[0])
    normal = (erased[0, y : y + h, x : x + w] / 255 - mean) / np.array(std)
    assert abs(normal.mean()) < 0.02 and normal.std() == pytest.approx(1, abs=0.02)
    np.testing.assert_array_equal(erase(images, u), erased)
    other = u.copy()
    other[0, 23] += 0.001
    assert (erase(images, other) != erased).any()


@pytest.mark.parametrize("dtype, expected", [(np.uint8, 128), (np.uint16, 32768)])
def test_grey_images(dtype, expected):
    erased = RandomErasing(1.0)(np.zeros((1, 20, 20, 1), dtype), numbers(1))
    assert set(np.unique(erased)) == {0, expected} and erased.dtype == dtype


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"probability": 2}, "probability must be from 0 to 1, not 2"),
        ({"scale": (0.5, 0.1)}, "scale needs 0 <= low <= high <= 1"),
        ({"ratio": (0, 1)}, "ratio needs 0 < low <= high"),
        ({"value": "random"}, "value is one of mean, zeros, noise, not 'random'"),
    ],
)
def test_mistakes(fields, message):
    with pytest.raises(ValueError, match=message):
        RandomErasing(**fields)
