"""Preprocessing is timm's and torchvision's to the bit, and says what it does."""

import hashlib
import json
import pathlib

import numpy as np
import pytest
from PIL import Image

from resnet_jax.pretrained import Preprocessing
from resnet_jax.pretrained.published import imagenet_preset

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
CASES = json.loads((GOLDEN / "preprocessing.json").read_text())["photograph.png"]
SMALL = Preprocessing((4, 6, 3), resize=None, crop_mode="none")


def digest(array):
    return hashlib.sha256(array.tobytes() + str(array.shape).encode()).hexdigest()[:16]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["sha256"])
def test_the_same_bits_as_timm_and_torchvision(case):
    if "timm" in case:
        preprocessing = Preprocessing.from_timm(case["timm"])
        again = Preprocessing.from_timm(preprocessing.to_timm())
        assert again == preprocessing
    else:
        preprocessing = imagenet_preset(case["torchvision"])
        again = Preprocessing.from_timm(preprocessing.to_timm())
        assert again.resize == preprocessing.resize == case["torchvision"]
    image = Image.open(GOLDEN / "photograph.png")
    made = preprocessing(image)
    assert made.dtype == np.float32 and made.shape == preprocessing.input_size
    assert digest(made) == case["sha256"]
    assert np.array_equal(preprocessing(np.asarray(image)), made)


def test_resize_survives_timm_for_all_sizes():
    for size in (32, 160, 224, 288, 448):
        for resize in range(size, size + 80):
            exact = Preprocessing((size, size, 3), resize=resize)
            assert Preprocessing.from_timm(exact.to_timm()).resize == resize


def test_test_sizes_are_taken_when_asked_for():
    config = {
        "input_size": [3, 224, 224],
        "crop_pct": 0.875,
        "test_input_size": [3, 288, 288],
        "test_crop_pct": 0.95,
    }
    assert Preprocessing.from_timm(config).resize == 256
    test = Preprocessing.from_timm(config, test=True)
    assert (test.input_size, test.resize) == ((288, 288, 3), 303)
    assert Preprocessing.from_timm({}, test=True).resize == 256


def test_it_is_a_sentence():
    text = str(Preprocessing.from_timm({"crop_pct": 0.95}))
    assert text == (
        "Images are converted to RGB, resized to 235 pixels (the shorter side, bicubic"
        "), cropped to the central 224 x 224, scaled to [0, 1], and normalized with "
        "mean (0.485, 0.456, 0.406) and std (0.229, 0.224, 0.225)."
    )
    assert "taken at 4 x 6 pixels, never resized" in str(SMALL)
    squash = Preprocessing.from_timm({"crop_mode": "squash", "crop_pct": 1.0})
    assert "resized to 224 x 224 pixels (exactly, bicubic)" in str(squash)


def test_grey_and_other_channels():
    image = Image.open(GOLDEN / "photograph.png")
    grey = Preprocessing.from_timm({"input_size": [3, 64, 64]}).for_channels(1)
    assert grey.mean == (pytest.approx(0.449),) and grey.input_size == (64, 64, 1)
    made = grey(image)
    assert made.shape == (64, 64, 1)
    assert np.array_equal(made, grey(np.asarray(image.convert("L"))[..., None]))
    five = grey.for_channels(5)
    planes = np.stack([np.asarray(image.convert("L"))] * 5, axis=-1)
    assert np.array_equal(five(planes), np.repeat(made, 5, axis=-1))
    with pytest.raises(ValueError, match="has 3 channels; the network takes 5"):
        five(image)


def test_palettes_and_alpha_become_colors():
    image = Image.open(GOLDEN / "photograph.png").convert("P")
    pixels = imagenet_preset(256).image(image)
    assert np.array_equal(pixels, imagenet_preset(256).image(image.convert("RGB")))
    assert imagenet_preset(256)(image.convert("RGBA")).shape == (224, 224, 3)


def test_nothing_is_resized_where_nothing_was():
    pixels = np.arange(72, dtype=np.uint8).reshape(4, 6, 3)
    assert np.array_equal(SMALL.image(pixels), pixels)
    expected = (pixels / np.float32(255) - np.float32(SMALL.mean)) / np.float32(
        SMALL.std
    )
    assert np.array_equal(SMALL(pixels), expected)
    with pytest.raises(ValueError, match="has 6 x 4 pixels, and the network was"):
        SMALL(pixels.swapaxes(0, 1))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"interpolation": "cubic"}, "one of nearest, bilinear.*not 'cubic'"),
        ({"crop_mode": "centre"}, "one of center, squash.*not 'centre'"),
        ({"mean": (0.5, 0.5)}, "mean of a preprocessing has 2 values for 3 channels"),
    ],
)
def test_mistakes(fields, sentence):
    with pytest.raises(ValueError, match=sentence):
        Preprocessing((8, 8, 3), resize=8, **fields)


def test_images_must_be_bytes():
    with pytest.raises(ValueError, match=r"uint8 \[H, W, C\], not float32 \[4, 6, 3\]"):
        SMALL(np.zeros((4, 6, 3), np.float32))
