import colorsys

import numpy as np
import pytest
from PIL import Image

from resnet_jax.data.transforms import (
    TRANSFORMS,
    apply_transforms,
    build_transforms,
    count_draws,
    one_size,
)

RNG = np.random.default_rng(1)


def images(*shape, dtype=np.uint8):
    return RNG.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def run(section, x, u=None):
    transforms = build_transforms(section)
    if u is None:
        u = RNG.random((len(x), count_draws(transforms)))
    return apply_transforms(transforms, x, u), u


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("mode", ["constant", "reflect"])
def test_pad_crop_flip_against_single_images(mode, dtype):
    x = images(33, 7, 9, 3, dtype=dtype)
    y, u = run({"pad_crop_flip": {"pad": 2, "mode": mode}}, x)
    for i in range(len(x)):
        padded = np.pad(x[i], ((2, 2), (2, 2), (0, 0)), mode=mode)
        top, left = int(u[i, 0] * 5), int(u[i, 1] * 5)
        expected = padded[top : top + 7, left : left + 9]
        expected = expected[:, ::-1] if u[i, 2] < 0.5 else expected
        np.testing.assert_array_equal(y[i], expected)
    assert y.dtype == dtype


def test_pad_crop_flip_reaches_every_place():
    x = images(1, 5, 5, 1)
    u = np.stack(np.meshgrid(*[np.linspace(0, 0.999999, 9)] * 2), -1).reshape(-1, 2)
    u = np.concatenate([u, np.ones((81, 1)) * 0.9], 1)
    y, _ = run({"pad_crop_flip": {"pad": 4}}, np.repeat(x, 81, 0), u)
    assert len(np.unique(y.reshape(81, -1), axis=0)) == 81


def test_flip_probability():
    x = images(50, 2, 3, 1)
    np.testing.assert_array_equal(run({"flip": {"probability": 0}}, x)[0], x)
    y = run({"flip": {"probability": 1}}, x)[0]
    np.testing.assert_array_equal(y, x[:, :, ::-1])


def test_random_resized_crop_of_everything_is_a_resize():
    x = images(2, 12, 12, 3)
    section = {"size": 6, "scale": (1, 1), "ratio": (1, 1), "filter": "bicubic"}
    y, _ = run({"random_resized_crop": section}, x)
    expected = [Image.fromarray(i).resize((6, 6), Image.Resampling.BICUBIC) for i in x]
    np.testing.assert_array_equal(y, np.stack(expected))


def test_random_resized_crop_boxes():
    (crop,) = build_transforms({"random_resized_crop": {"size": 4}})
    for _ in range(300):
        h, w = RNG.integers(1, 60, 2)
        top, left, height, width = crop.box(int(h), int(w), RNG.random(22))
        assert top >= 0 and top + height <= h and height > 0
        assert left >= 0 and left + width <= w and width > 0
        if min(h, w) > 30:
            assert 0.07 < height * width / (h * w) <= 1
            assert 0.65 < width / height < 1.5


def test_random_resized_crop_first_attempt_that_fits():
    (crop,) = build_transforms(
        {"random_resized_crop": {"size": 4, "scale": (0.25, 1), "ratio": (0.5, 2)}}
    )
    u = np.full(22, 0.5)
    u[0], u[10] = 1, 0.9  # a box wider than the image; the second attempt fits
    u[1], u[11], u[20], u[21] = 0.0, 0.5, 0.999, 0.0
    assert crop.box(40, 40, u) == (20, 0, 20, 20)


def test_random_resized_crop_falls_back_to_the_center():
    (crop,) = build_transforms({"random_resized_crop": {"size": 4, "scale": (1, 1)}})
    assert crop.box(10, 100, RNG.random(22)) == (0, 43, 10, 13)
    assert crop.box(100, 10, RNG.random(22)) == (43, 0, 13, 10)


def test_scale_crop_by_hand():
    x = images(1, 20, 30, 3)
    section = {"scale_crop": {"size": 8, "sides": (10, 13)}}
    y, _ = run(section, x, np.array([[0.5, 0.999, 0.25]]))  # 12 x 18, the lower edge
    scaled = np.asarray(
        Image.fromarray(x[0]).resize((18, 12), Image.Resampling.BILINEAR)
    )
    np.testing.assert_array_equal(y[0], scaled[4:12, 2:10])
    for u in RNG.random((50, 3)):
        assert run(section, x, u[None])[0].shape == (1, 8, 8, 3)


def test_images_of_different_sizes():
    x = [images(20, 30, 3), images(50, 11, 3)]
    y, _ = run({"random_resized_crop": {"size": 8}}, x)
    assert y.shape == (2, 8, 8, 3) and y.dtype == np.uint8
    y, _ = run({"scale_crop": {"size": 8, "sides": (9, 12)}}, x)
    assert y.shape == (2, 8, 8, 3)
    y, _ = run({"center_crop": {"size": 8}, "resize": {"size": 9}}, x)
    assert y.shape == (2, 8, 8, 3)


@pytest.mark.parametrize(
    "shape, size, expected",
    [
        ((20, 30), 10, (10, 15)),
        ((30, 20), 10, (15, 10)),
        ((33, 20), 7, (11, 7)),  # 7 * 33 / 20 = 11.55: cut off, as torchvision does
        ((20, 30), (5, 6), (5, 6)),
    ],
)
def test_resize(shape, size, expected):
    x = images(2, *shape, 3)
    y, _ = run({"resize": {"size": size}}, x)
    pil = Image.fromarray(x[1]).resize(expected[::-1], Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(y[1], np.asarray(pil))


@pytest.mark.parametrize(
    "channels, dtype", [(1, np.uint16), (3, np.uint16), (4, np.uint8)]
)
def test_resize_of_other_kinds(channels, dtype):
    constant = np.full((1, 9, 9, channels), 200, dtype)
    y, _ = run({"resize": {"size": 4, "filter": "bicubic"}}, constant)
    np.testing.assert_array_equal(y, np.full((1, 4, 4, channels), 200, dtype))


def test_center_crop():
    x = images(1, 7, 8, 1)
    y, _ = run({"center_crop": {"size": 4}}, x)
    np.testing.assert_array_equal(y, x[:, 2:6, 2:6])  # round(1.5) = 2


def test_color_jitter_brightness_and_contrast_by_hand():
    x = images(5, 4, 4, 3)
    y, u = run({"color_jitter": {"brightness": 0.4}}, x)
    factor = (0.6 + 0.8 * u[:, 0])[:, None, None, None]
    np.testing.assert_allclose(y, np.clip(x * factor, 0, 255), atol=0.51)
    y, u = run({"color_jitter": {"contrast": 0.4}}, x)
    factor = (0.6 + 0.8 * u[:, 1])[:, None, None, None]
    mean = (x @ [0.299, 0.587, 0.114]).mean((1, 2))[:, None, None, None]
    np.testing.assert_allclose(y, np.clip(mean + factor * (x - mean), 0, 255), atol=0.6)


def test_color_jitter_saturation_zero_is_grey():
    x = images(3, 4, 4, 3)
    u = np.zeros((3, 8))
    y, _ = run({"color_jitter": {"saturation": 1.0}}, x, u)
    grey = (x @ [0.299, 0.587, 0.114])[..., None].repeat(3, -1)
    np.testing.assert_allclose(y, grey, atol=0.51)


def test_color_jitter_hue_against_colorsys():
    x = images(4, 3, 3, 3)
    x[0] = 77  # grey stays grey
    y, u = run({"color_jitter": {"hue": 0.3}}, x)
    for i in range(4):
        for pixel, result in zip(x[i].reshape(-1, 3), y[i].reshape(-1, 3), strict=True):
            h, s, v = colorsys.rgb_to_hsv(*pixel / 255)
            expected = colorsys.hsv_to_rgb((h - 0.3 + 0.6 * u[i, 3]) % 1, s, v)
            np.testing.assert_allclose(result, np.array(expected) * 255, atol=0.51)


def test_color_jitter_order_is_random_and_identity_where_zero():
    x = images(64, 4, 4, 3)
    np.testing.assert_array_equal(run({"color_jitter": {}}, x)[0], x)
    u = np.tile(RNG.random(8), (2, 1))
    u[:, 4:] = [[0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]]
    section = {"color_jitter": {"brightness": 0.9, "contrast": 0.9}}
    y, _ = run(section, x[:1].repeat(2, 0), u)
    assert (y[0] != y[1]).any()


def test_color_jitter_leaves_color_of_grey_images():
    x = images(3, 4, 4, 1)
    y, _ = run({"color_jitter": {"saturation": 0.5, "hue": 0.5}}, x)
    np.testing.assert_array_equal(y, x)


@pytest.mark.parametrize("size", [1, 4, 5, 30])
def test_cutout_against_a_loop(size):
    x = images(40, 8, 10, 3) | 1
    y, u = run({"cutout": {"size": size, "fill": (0, 2, 4)}}, x)
    for i in range(len(x)):
        top, left = int(u[i, 0] * 8) - size // 2, int(u[i, 1] * 10) - size // 2
        expected = x[i].copy()
        expected[max(top, 0) : max(top + size, 0), max(left, 0) : left + size] = (
            0,
            2,
            4,
        )
        np.testing.assert_array_equal(y[i], expected)


def test_inputs_are_left_alone():
    x = images(16, 8, 8, 3)
    before = x.copy()
    sections = {
        "pad_crop_flip": {},
        "flip": {},
        "color_jitter": {"hue": 0.5, "brightness": 0.5},
        "cutout": {"size": 4},
    }
    run(sections, x)
    np.testing.assert_array_equal(x, before)


def test_table_order_and_none():
    section = {"cutout": {"size": 2}, "flip": None, "pad_crop_flip": {"pad": 1}}
    names = [type(t).__name__ for t in build_transforms(section)]
    assert names == ["PadCropFlip", "Cutout"]
    assert build_transforms(None) == build_transforms({}) == ()


@pytest.mark.parametrize(
    "section, message",
    [
        ({"pad_crop": {}}, "unknown transform 'pad_crop'. Did you mean pad_crop_flip"),
        ({"flip": {"p": 1}}, "transform 'flip' takes no 'p'"),
        ({"cutout": {}}, "transform 'cutout' needs size"),
        ({"flip": 0.5}, "transform 'flip' needs its keyword arguments, not 0.5"),
        ({"cutout": {"size": 0}}, "cutout size must be a whole number from 1, not 0"),
        ({"pad_crop_flip": {"pad": -1}}, "pad must be a whole number from 0, not -1"),
        ({"pad_crop_flip": {"mode": "wrap"}}, "'constant' or 'reflect', not 'wrap'"),
        ({"flip": {"probability": 2}}, "flip probability must be from 0 to 1, not 2"),
        ({"resize": {"size": 9, "filter": "cubic"}}, "the filter is one of nearest"),
        ({"resize": {"size": (3, 0)}}, "resize size must be a whole number from 1"),
        ({"color_jitter": {"hue": 0.6}}, "hue must be from 0 to 0.5, not 0.6"),
        ({"color_jitter": {"contrast": -1}}, "contrast must be from 0, not -1"),
        (
            {"scale_crop": {"size": 9, "sides": (8, 9)}},
            "scale_crop sides need size = 9",
        ),
        (
            {"random_resized_crop": {"size": 4, "scale": (1, 0.5)}},
            "scale needs 0 < low <= high",
        ),
    ],
)
def test_mistakes(section, message):
    with pytest.raises(ValueError, match=message):
        build_transforms(section)


def test_sizes_that_do_not_fit():
    with pytest.raises(ValueError, match="center_crop of 9 pixels does not fit"):
        run({"center_crop": {"size": 9}}, images(1, 8, 12, 1))
    with pytest.raises(ValueError, match="cannot reflect 8 pixels of images of 8 x 8"):
        run({"pad_crop_flip": {"pad": 8, "mode": "reflect"}}, images(1, 8, 8, 1))


def test_random_crop_reaches_every_place():
    x = images(1, 5, 6, 1)
    u = np.stack(np.meshgrid(*[np.linspace(0, 0.999999, 7)] * 2), -1).reshape(-1, 2)
    y, _ = run({"random_crop": {"size": 4}}, np.repeat(x, 49, 0), u)
    assert y.shape == (49, 4, 4, 1)
    assert len(np.unique(y.reshape(49, -1), axis=0)) == 2 * 3
    several = [images(5, 4, 3), images(4, 6, 3)]
    assert run({"random_crop": {"size": 4}}, several)[0].shape == (2, 4, 4, 3)
    with pytest.raises(ValueError, match=r"random_crop of 6 pixels .* 5 x 6; put a re"):
        run({"random_crop": {"size": 6}}, x)


def test_dihedral_lays_a_square_in_eight_ways():
    x = images(1, 3, 3, 2)
    u = (np.arange(8)[:, None] + 0.5) / 8
    y, _ = run({"dihedral": {}}, np.repeat(x, 8, 0), u)
    turned = [np.rot90(x[0], n) for n in range(4)]
    expected = [*turned, *(image[:, ::-1] for image in turned)]
    found = {image.tobytes() for image in y}
    assert found == {image.tobytes() for image in expected} and len(found) == 8
    np.testing.assert_array_equal(y[0], x[0])


def test_dihedral_of_rectangles_keeps_their_sides():
    x = images(1, 3, 4, 1)
    u = (np.arange(4)[:, None] + 0.5) / 4
    y, _ = run({"dihedral": {"quarter_turns": False}}, np.repeat(x, 4, 0), u)
    expected = [x[0], x[0][:, ::-1], x[0][::-1], x[0][::-1, ::-1]]
    np.testing.assert_array_equal(y, expected)
    with pytest.raises(ValueError, match="dihedral turns squares, not images of 3 x 4"):
        run({"dihedral": {}}, x)


def test_crop_multiple_cuts_below_and_on_the_right():
    x = images(2, 11, 13, 3)
    y, _ = run({"crop_multiple": {"multiple": 4}}, x)
    np.testing.assert_array_equal(y, x[:, :8, :12])
    several, _ = run({"crop_multiple": {"multiple": 4}}, [images(9, 5, 1), x[0]])
    assert [image.shape for image in several] == [(8, 4, 1), (8, 12, 3)]
    with pytest.raises(ValueError, match="of 12 leaves nothing of an image of 11 x 13"):
        run({"crop_multiple": {"multiple": 12}}, x)


@pytest.mark.parametrize(
    "section, expected",
    [
        ({"resize": {"size": 8}, "flip": {}}, False),
        ({"resize": {"size": (8, 8)}}, True),
        ({"center_crop": {"size": 8}}, True),
        ({"crop_multiple": {"multiple": 2}}, False),
        ({"random_crop": {"size": 8}}, True),
        ({"scale_crop": {"size": 8}}, True),
        ({"random_resized_crop": {"size": 8}}, True),
    ],
)
def test_which_transforms_make_images_alike(section, expected):
    assert one_size(build_transforms(section)) is expected


def test_every_transform_is_documented():
    assert all(t.__doc__ and "Attributes" in t.__doc__ for t in TRANSFORMS.values())
