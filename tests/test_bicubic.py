"""MATLAB's bicubic: published images, exact fractions, and a stored golden."""

import math
import pathlib
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from resnet_jax.bicubic import bicubic, bicubic_weights, resize, scaled_size
from resnet_jax.data import bicubic as exported

GOLDEN = pathlib.Path(__file__).parent / "golden"
PHOTOGRAPH = np.asarray(Image.open(GOLDEN / "photograph.png"))[:41, :50]
CASES = {
    "half": {"scale": 1 / 2},
    "third": {"scale": 1 / 3},
    "quarter": {"scale": Fraction(1, 4)},
    "mirror": {"scale": 0.25, "border": "mirror"},
    "double": {"scale": 2},
    "uneven": {"scale": 0.7},
    "size": {"size": (55, 20)},
}


def kernel(x: Fraction) -> Fraction:
    x = abs(x)
    if x <= 1:
        return Fraction(3, 2) * x**3 - Fraction(5, 2) * x**2 + 1
    if x <= 2:
        return -Fraction(1, 2) * x**3 + Fraction(5, 2) * x**2 - 4 * x + 2
    return Fraction(0)


def line(values: list[int], new: int, scale: Fraction, border: str) -> list[int]:
    """One row or column, in exact arithmetic: a loop over all pixels that count."""
    stretch, made = max(1 / scale, Fraction(1)), []
    for i in range(new):
        center = (i + Fraction(1, 2)) / scale - Fraction(1, 2)
        total = weight = Fraction(0)
        for j in range(
            math.floor(center - 3 * stretch), math.ceil(center + 3 * stretch)
        ):
            k = min(max(j, 0), len(values) - 1)
            if border == "mirror" and j < 0:
                k = -1 - j
            if border == "mirror" and j >= len(values):
                k = 2 * len(values) - 1 - j
            part = kernel((center - j) / stretch)
            total, weight = total + part * values[k], weight + part
        made.append(min(max(math.floor(total / weight + Fraction(1, 2)), 0), 255))
    return made


def by_hand(image: np.ndarray, scale=None, size=None, border="clamp") -> np.ndarray:
    if size is None:
        scales = [Fraction(scale).limit_denominator(100)] * 2
        size = [math.ceil(s * n) for s, n in zip(scales, image.shape, strict=False)]
    else:
        scales = [Fraction(n, o) for n, o in zip(size, image.shape, strict=False)]
    for axis in (0, 1) if scales[0] <= scales[1] else (1, 0):
        lines = np.moveaxis(image, axis, -1)
        made = [
            line(row.tolist(), size[axis], scales[axis], border)
            for row in lines.reshape(-1, lines.shape[-1])
        ]
        image = np.moveaxis(np.reshape(made, (*lines.shape[:-1], -1)), -1, axis)
    return image.astype(np.uint8)


@pytest.mark.parametrize("name", CASES)
def test_exact_fractions_give_the_same(name):
    image = PHOTOGRAPH[:13, :18]
    case = {**CASES[name], "size": (17, 9)} if name == "size" else CASES[name]
    np.testing.assert_array_equal(bicubic(image, **case), by_hand(image, **case))


@pytest.mark.parametrize("name", CASES)
def test_the_stored_golden(name):
    with np.load(GOLDEN / "bicubic.npz") as golden:
        np.testing.assert_array_equal(bicubic(PHOTOGRAPH, **CASES[name]), golden[name])


@pytest.mark.parametrize("name", CASES)
def test_the_device_makes_the_same(name):
    expected = bicubic(PHOTOGRAPH, **CASES[name])
    both = np.stack([PHOTOGRAPH, PHOTOGRAPH[::-1]])
    make = jax.jit(lambda x, peak: resize(x, peak=peak, rounded=True, **CASES[name]))
    np.testing.assert_array_equal(make(both, 255.0)[0], expected)
    ones = make(both / np.float32(255), 1.0)
    assert ones.dtype == jnp.float32
    np.testing.assert_allclose(255 * ones[0], expected, atol=1e-4)


@pytest.mark.parametrize(("name", "scale"), [("Set5", 2), ("Set5", 3), ("Set5", 4)])
def test_published_images(name, scale, real_data):
    check_published(real_data / "super_resolution" / name / f"x{scale}", scale, 5)


def test_published_images_of_set14(real_data):
    assert check_published(real_data / "super_resolution" / "Set14" / "x4", 4, 14) == 1


def check_published(folder: pathlib.Path, scale: int, count: int) -> int:
    """No sample differs; returns how many images are grey."""
    files = sorted(folder.glob("*_HR.png"))
    assert len(files) == count
    grey = 0
    for file in files:
        high = np.asarray(Image.open(file))
        low = np.asarray(Image.open(str(file).replace("_HR", "_LR")))
        np.testing.assert_array_equal(bicubic(high, Fraction(1, scale)), low)
        grey += high.ndim == 2
        if len(files) > 5 and high.ndim == 3:
            continue  # a compilation for each size
        pixels = high if high.ndim == 3 else high[..., None]
        made = resize(pixels, 1 / scale, peak=255, rounded=True)
        np.testing.assert_array_equal(np.reshape(made, low.shape), low)
    return grey


def test_without_rounding_it_is_linear():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 3, 12, 15, 2)).astype(np.float32)
    found = resize(2 * a - b, 1 / 3)
    assert found.shape == (3, 4, 5, 2)
    np.testing.assert_allclose(
        found, 2 * resize(a, 1 / 3) - resize(b, 1 / 3), atol=1e-5
    )
    rows, columns = bicubic_weights(12, 4, 1 / 3), bicubic_weights(15, 5, 1 / 3)
    both = np.einsum("uh,vw,bhwc->buvc", rows, columns, 2 * a - b)
    np.testing.assert_allclose(found, both, atol=1e-5)
    slope = jax.grad(lambda x: resize(x, 1 / 3).sum())(a)
    np.testing.assert_allclose(
        slope[0, ..., 0], rows.sum(0)[:, None] * columns.sum(0), rtol=1e-5
    )


def test_weights_by_hand():
    """Twice as many pixels: each lies a quarter of a pixel beside an old one."""
    a, b, c, d = -0.0703125, 0.8671875, 0.2265625, -0.0234375
    expected = [[d, c, b, a], [a, b, c, d]]
    found = bicubic_weights(8, 16, 2)
    np.testing.assert_array_equal(
        found[[8, 9]][:, 2:7], [[*expected[0], 0], [0, *expected[1]]]
    )
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-15)


def test_a_constant_stays_and_the_same_size_changes_nothing():
    flat = np.full((2, 9, 7, 3), 201, np.uint8)
    for scale in (1 / 4, 0.6, 3):
        assert (bicubic(flat, scale) == 201).all()
    np.testing.assert_array_equal(bicubic(PHOTOGRAPH, 1), PHOTOGRAPH)
    np.testing.assert_array_equal(bicubic(flat[0, :1, :1], 5), flat[0, :5, :5])


def test_shapes_and_types():
    wide = (PHOTOGRAPH.astype(np.uint16) << 8) + 7
    small = bicubic(wide, 1 / 4)
    assert small.dtype == np.uint16 and small.shape == (11, 13, 3)
    assert np.abs((small >> 8).astype(int) - bicubic(PHOTOGRAPH, 1 / 4)).max() <= 1
    grey = PHOTOGRAPH[..., 0]
    np.testing.assert_array_equal(bicubic(grey, 2), bicubic(PHOTOGRAPH, 2)[..., 0])
    batch = bicubic(np.stack([PHOTOGRAPH] * 2)[None], 1 / 2)
    np.testing.assert_array_equal(batch[0, 1], bicubic(PHOTOGRAPH, 1 / 2))
    assert exported is bicubic


@pytest.mark.parametrize(
    ("size", "scale", "expected"),
    [((25, 10), 0.2, (5, 2)), ((255, 7), 1 / 3, (85, 3)), ((10, 11), 0.7, (7, 8))],
)
def test_sides_are_rounded_up_and_floats_are_what_they_look_like(size, scale, expected):
    assert scaled_size(size, scale) == expected
    assert scaled_size(size, math.pi) == tuple(math.ceil(s * math.pi) for s in size)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "needs either a scale"),
        ({"scale": 2, "size": (3, 3)}, "needs either a scale"),
        ({"scale": 0}, "scale is 0; expected a number above 0"),
        ({"scale": math.nan}, "scale is nan"),
        ({"scale": math.inf}, "scale is inf"),
        ({"size": (0, 3)}, r"size is \(0, 3\); expected height and width"),
        ({"scale": 2, "border": "wrap"}, "border is 'wrap'; expected clamp or mirror"),
    ],
)
def test_mistakes(arguments, says):
    for function in (bicubic, resize):
        with pytest.raises(ValueError, match=says):
            function(PHOTOGRAPH, **arguments)


def test_only_stored_images_are_taken():
    with pytest.raises(ValueError, match=r"not float64; resize\(\) takes floats"):
        bicubic(PHOTOGRAPH / 255, 2)
    for shape in ((4,), (0, 4, 3)):
        with pytest.raises(ValueError, match=r"takes images \[..., H, W, C\]"):
            bicubic(np.zeros(shape, np.uint8), 2)
