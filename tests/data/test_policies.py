import hashlib
import json
import pathlib

import numpy as np
import pytest
from PIL import Image

from resnet_jax.data.operators import operate
from resnet_jax.data.policies import AutoAugment, RandAugment, TrivialAugment
from resnet_jax.data.policy_tables import TIMM, magnitudes, operand

# Made by tests/parity/augmentation.py with torchvision 0.28 and timm 1.0.31.
GOLDEN = json.loads(
    (pathlib.Path(__file__).parents[1] / "golden" / "augmentation.json").read_text()
)
LEVELS = (3.0, 4.5, 7.0, 9.3)  # Pillow 13 cannot keep 0 bits, as others ask for
HEIGHT, WIDTH = 40, 31
POLICIES = (
    RandAugment(num_ops=3),
    RandAugment(num_ops=3, magnitude=7, style="timm", magnitude_std=2, filter="random"),
    TrivialAugment(filter="bilinear"),
    AutoAugment("svhn"),
)


def picture(mode):
    y, x, c = np.mgrid[:HEIGHT, :WIDTH, :3]
    values = (3 * x + 2 * y + 40 * c + (x * x + 7 * y * x * (c + 1)) % 53).astype(
        "uint8"
    )
    return Image.fromarray(values).convert(mode)


def digest(pictures):
    return hashlib.sha256(
        b"".join(np.asarray(p).tobytes() for p in pictures)
    ).hexdigest()


def their(name):
    return name.title().replace("_", "").replace("Autocontrast", "AutoContrast")


@pytest.mark.parametrize("mode, fill", [("RGB", (9, 99, 199)), ("L", 77)])
@pytest.mark.parametrize("policy", ["rand_augment", "trivial_augment"])
def test_operators_are_torchvisions_at_every_strength(policy, mode, fill):
    image = picture(mode)
    rows = magnitudes(policy, 31, HEIGHT, WIDTH)
    assert len(rows) == 14
    for name, values, signed in rows:
        pictures = (
            operate(image, name, operand(name, sign * value), filter, fill)
            for value in values or (0.0,)
            for sign in ((1, -1) if signed else (1,))
            for filter in ("nearest", "bilinear")
        )
        assert (
            digest(pictures) == GOLDEN["torchvision"][f"{policy}/{their(name)}/{mode}"]
        )


@pytest.mark.parametrize("policy", ["imagenet", "cifar10", "svhn"])
def test_auto_augment_is_torchvisions(policy):
    augment, image = AutoAugment(policy), np.asarray(picture("RGB"))[None]
    u = [
        [(pair + 0.5) / 25, chance, signs[0], 0, chance, signs[1], 0]
        for pair in range(25)
        for chance in (0.001, 0.35, 0.65, 0.95)
        for signs in ((0.2, 0.7), (0.7, 0.2))
    ]
    assert (
        digest(augment(image, np.array([v])) for v in u)
        == GOLDEN["auto_augment"][policy]
    )


@pytest.mark.parametrize("increasing", [False, True])
def test_rand_augment_is_timms(increasing):
    image = np.asarray(picture("RGB"))[None]
    assert len(TIMM) == 15
    for i, name in enumerate(TIMM):
        pictures = [
            RandAugment(1, level, "timm", 0.0, increasing, filter)(
                image, np.array([[(i + 0.5) / 15, 0.4, 0.0, sign, 0.0]])
            )
            for level in LEVELS
            for sign in (0.2, 0.7)
            for filter in ("bilinear", "bicubic")
        ]
        theirs = {"translate_x": "TranslateXRel", "translate_y": "TranslateYRel"}
        key = f"{theirs.get(name, their(name))}/{increasing}"
        assert digest(pictures) == GOLDEN["timm"][key], name


def test_rand_augment_draws_each_operator_of_torchvision():
    augment = RandAugment(num_ops=2, magnitude=9)
    rows = magnitudes("rand_augment", 31, HEIGHT, WIDTH)
    for i, (name, values, signed) in enumerate(rows):
        u = np.array([(i + 0.5) / 14, 0.9, 0, 0.0, 0, 0])  # and then the identity
        value = operand(name, values[9] if values else 0.0)
        chosen = list(augment.choices(HEIGHT, WIDTH, u))
        assert chosen == [(name, value, "nearest"), ("identity", 0.0, "nearest")]
        u[1] = 0.1
        flipped = operand(name, -values[9] if signed else values[9] if values else 0.0)
        assert next(augment.choices(HEIGHT, WIDTH, u)) == (name, flipped, "nearest")


def test_trivial_augment_draws_operator_strength_and_sign():
    u = np.array([5.5 / 14, 30.5 / 31, 0.4, 0.0])
    assert list(TrivialAugment().choices(9, 9, u)) == [("rotate", -135.0, "nearest")]


def test_timms_strength_is_normal_and_clipped():
    augment = RandAugment(1, 7, "timm", magnitude_std=0.5, increasing=True)
    rotate = (list(TIMM).index("rotate") + 0.5) / 15
    u = np.random.default_rng(0).random(4000)
    angles = [
        next(augment.choices(9, 9, np.array([rotate, 0.1, v, 0.9, 0])))[1] for v in u
    ]
    levels = np.array(angles) / 3
    assert levels.mean() == pytest.approx(7, abs=0.03)
    assert levels.std() == pytest.approx(0.5, abs=0.03)
    wild = RandAugment(1, 7, "timm", magnitude_std=50.0)
    for v, angle in ((0.0, 0.0), (0.999, 30.0)):
        numbers = np.array([rotate, 0.1, v, 0.9, 0])
        assert next(wild.choices(9, 9, numbers))[1] == angle
    assert not list(augment.choices(9, 9, np.array([rotate, 0.6, 0.5, 0.9, 0])))


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: str(p)[:12])
@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_depends_on_its_own_numbers_only(policy, channels):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (24, 9, 11, channels), np.uint8)
    before = images.copy()
    u = rng.random((24, policy.draws))
    whole = policy(images, u)
    assert whole.shape == images.shape and whole.dtype == np.uint8
    assert (whole != images).any((1, 2, 3)).mean() > 0.5
    np.testing.assert_array_equal(images, before)
    for i in (0, 7, 23):
        np.testing.assert_array_equal(
            policy(images[i : i + 1], u[i : i + 1])[0], whole[i]
        )


def test_what_moves_in_has_the_color_asked_for():
    white = np.full((1, 8, 8, 3), 255, np.uint8)
    u = np.array([[2.5 / 14, 1.0 - 1e-9, 0.9, 0.0]])  # shear_y, as far as it goes
    for fill, corner in ((0, [0, 0, 0]), ((1, 2, 3), [1, 2, 3])):
        result = TrivialAugment(fill=fill)(white, u)
        assert result[0, -1, -1].tolist() == corner and result[0, 0, 0, 0] == 255
    shear = (list(TIMM).index("shear_y") + 0.5) / 15
    timm = RandAugment(1, 10, "timm")(white, np.array([[shear, 0.1, 0, 0.9, 0]]))
    assert timm[0, -1, -1].tolist() == [124, 116, 104]


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: RandAugment(style="tf"), "style is one of .* not 'tf'"),
        (
            lambda: RandAugment(num_ops=0),
            "num_ops must be a whole number from 1, not 0",
        ),
        (
            lambda: RandAugment(magnitude=31),
            "0 to 30 in the style of torchvision, not 31",
        ),
        (
            lambda: RandAugment(style="timm", magnitude=15),
            "0 to 10 in the style of timm",
        ),
        (lambda: RandAugment(magnitude_std=0.5), "set style='timm'"),
        (lambda: RandAugment(style="timm", magnitude_std=-1), "must be 0 or more"),
        (
            lambda: RandAugment(filter="lanczos"),
            "filter is one of nearest, .*'lanczos'",
        ),
        (lambda: TrivialAugment(filter="cubic"), "trivial_augment filter is one of"),
        (lambda: AutoAugment("cifar"), "imagenet, cifar10, svhn, not 'cifar'"),
    ],
)
def test_mistakes(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_other_images_are_refused():
    with pytest.raises(ValueError, match=r"TrivialAugment needs uint8 .* uint16 of 1"):
        TrivialAugment()(np.zeros((1, 8, 8, 1), np.uint16), np.zeros((1, 4)))
