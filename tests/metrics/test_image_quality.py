"""PSNR and SSIM against loops in float64, scikit-image, and published figures."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from resnet_jax.bicubic import bicubic
from resnet_jax.metrics import image_quality as module
from resnet_jax.metrics.image_quality import PROTOCOLS, luma, stored_levels

# One by one, a hundred small operations would be compiled for each shape.
psnr = jax.jit(module.psnr, static_argnames=("crop", "peak"))
ssim = jax.jit(module.ssim, static_argnames=("crop", "peak"))
image_quality = jax.jit(module.image_quality, static_argnames=("protocol", "crop"))


close = partial(np.testing.assert_allclose, rtol=1e-6)


def pair(height=18, width=15, channels=3, count=2, noise=30):
    """Smooth images, and the same with noise."""
    rng = np.random.default_rng(height)
    coarse = rng.uniform(0, 255, (count, 4, 4, channels))
    smooth = np.repeat(np.repeat(coarse, 8, 1), 8, 2)[:, :height, :width]
    noisy = smooth + rng.normal(0, noise, smooth.shape)
    return smooth.round().astype(np.uint8), noisy.round().clip(0, 255).astype(np.uint8)


def ssim_by_loop(a: np.ndarray, b: np.ndarray) -> float:
    """Of one channel, window by window."""
    ramp = np.arange(11) - 5
    window = np.exp(-(ramp[:, None] ** 2 + ramp**2) / (2 * 1.5**2))
    window /= window.sum()
    values = []
    for i in range(a.shape[0] - 10):
        for j in range(a.shape[1] - 10):
            x, y = (z[i : i + 11, j : j + 11].astype(np.float64) for z in (a, b))
            mean_x, mean_y = (window * x).sum(), (window * y).sum()
            var_x = (window * (x - mean_x) ** 2).sum()
            var_y = (window * (y - mean_y) ** 2).sum()
            both = (window * (x - mean_x) * (y - mean_y)).sum()
            c1, c2 = 2.55**2, 7.65**2
            values.append(
                (2 * mean_x * mean_y + c1)
                * (2 * both + c2)
                / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))
            )
    return float(np.mean(values))


def test_ssim_is_that_of_the_loop():
    a, b = pair()
    found = ssim(a, b)
    assert found.shape == (2,) and found.dtype == jnp.float32
    for i in range(2):
        channels = [ssim_by_loop(a[i, ..., c], b[i, ..., c]) for c in range(3)]
        np.testing.assert_allclose(found[i], np.mean(channels), atol=1e-6)


def test_psnr_by_hand():
    a, b = jnp.zeros((2, 2, 2, 1)), jnp.zeros((2, 2, 2, 1))
    b = b.at[0, 0, 0].set(2.0).at[1].set(255.0)
    np.testing.assert_allclose(psnr(a, b), [10 * np.log10(255**2 / 1), 0], atol=1e-5)
    np.testing.assert_allclose(psnr(a, b, peak=2.0)[0], 10 * np.log10(4), rtol=1e-6)


def test_both_are_those_of_scikit_image():
    a, b = pair(80, 70)
    found = image_quality(a, b, protocol="rgb")
    for i in range(2):
        theirs = peak_signal_noise_ratio(a[i], b[i])
        np.testing.assert_allclose(found["psnr"][i], theirs, atol=1e-4)
        full = structural_similarity(
            *(x[i].astype(np.float64) for x in (a, b)),
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=255,
            channel_axis=-1,
            full=True,
        )[1]
        inside = full[5:-5, 5:-5].mean()
        np.testing.assert_allclose(found["ssim"][i], inside, atol=1e-6)


def test_luma():
    colors = np.array([[0, 0, 0], [255, 255, 255], [255, 0, 0], [10, 20, 30]], np.uint8)
    expected = [16, 235, 81.481, 16 + (654.81 + 2571.06 + 748.98) / 255]
    np.testing.assert_allclose(luma(colors)[:, 0], expected, rtol=1e-6)


def test_protocols():
    a, b = pair(30, 31)
    y = {"psnr": psnr(luma(a), luma(b), crop=3), "ssim": ssim(luma(a), luma(b), crop=3)}
    found = image_quality(a, b, crop=3)
    jax.tree.map(close, found, y)
    inside = [x[:, 3:-3, 3:-3] for x in (a, b)]
    jax.tree.map(close, found, image_quality(*inside))
    rgb = image_quality(a, b, protocol="rgb")
    each = [image_quality(a[..., [i]], b[..., [i]], protocol="grey") for i in range(3)]
    np.testing.assert_allclose(
        rgb["ssim"], np.mean([e["ssim"] for e in each], 0), rtol=1e-6
    )
    grey = a[..., :1], b[..., :1]
    for name in PROTOCOLS:
        of_grey = image_quality(*grey, protocol=name)
        jax.tree.map(close, of_grey, each[0])


def test_equal_images_have_infinitely_many_decibels():
    a, b = pair()
    found = image_quality(np.stack([a[0], a[1]]), np.stack([a[0], b[1]]))
    assert jnp.isposinf(found["psnr"][0]) and jnp.isfinite(found["psnr"][1])
    np.testing.assert_allclose(found["ssim"][0], 1, atol=1e-6)
    flat = jnp.full((1, 11, 11, 1), 255.0)
    np.testing.assert_allclose(ssim(flat, flat), 1)
    np.testing.assert_allclose(
        ssim(flat, flat - 255), 6.5025 / (255**2 + 6.5025), atol=1e-6
    )


def test_stored_levels():
    found = stored_levels(jnp.array([-0.2, 0.0, 0.4999 / 255, 0.5001 / 255, 1.0, 7.0]))
    np.testing.assert_array_equal(found, [0, 0, 0, 1, 255, 255])
    np.testing.assert_array_equal(stored_levels(jnp.float32([jnp.nan])), 0)
    levels = np.arange(256, dtype=np.float32)
    np.testing.assert_array_equal(stored_levels(levels / 255), levels)


# The dB and SSIM of bicubic that many papers print, by our exact bicubic on both ways.
PUBLISHED = [("Set5", 4, 28.43, 0.811), ("Set14", 4, 26.00, 0.703)]


@pytest.mark.parametrize(("name", "scale", "decibels", "similarity"), PUBLISHED)
def test_bicubic_has_the_published_figures(
    name, scale, decibels, similarity, real_data
):
    folder = real_data / "super_resolution" / name / f"x{scale}"
    rows = []
    for file in sorted(folder.glob("*_HR.png")):
        high = np.asarray(Image.open(file))
        low = np.asarray(Image.open(str(file).replace("_HR", "_LR")))
        made = bicubic(low, scale)
        # As a run on color images sees those that are grey: in three channels.
        sides = (
            np.tile(np.atleast_3d(x)[None], 3 if x.ndim == 2 else 1)
            for x in (made, high)
        )
        grey = jnp.array([high.ndim == 2])
        found = image_quality(*sides, crop=scale, grey=grey)
        rows.append([float(found["psnr"][0]), float(found["ssim"][0])])
    mean = np.mean(rows, 0)
    np.testing.assert_allclose(mean, [decibels, similarity], atol=0.005)
    assert abs(mean[1] - similarity) < 6e-4


def test_grey_images_in_three_channels_are_compared_as_they_are():
    random = np.random.default_rng(0)
    grey = random.integers(0, 256, (2, 16, 16, 1)).astype(np.float32)
    target = jnp.tile(grey, 3)
    made = jnp.clip(target + random.normal(0, 9, target.shape), 0, 255)
    weights = np.array([65.481, 128.553, 24.966]) / 219
    found = image_quality(made, target, protocol="y", grey=jnp.array([True, False]))
    wanted = image_quality(made @ weights[:, None], grey, protocol="grey")
    for name in ("psnr", "ssim"):
        np.testing.assert_allclose(found[name][0], wanted[name][0], rtol=1e-5)
    more = 20 * np.log10(255 / 219)
    np.testing.assert_allclose(found["psnr"] - wanted["psnr"], [0, more], atol=1e-4)


@pytest.mark.parametrize(
    ("shapes", "options", "says"),
    [
        (((1, 20, 20, 3), (1, 20, 21, 3)), {}, "not .* and"),
        (((1, 20, 20, 3),) * 2, {"crop": 5}, "10 x 10 pixels are left of 20 x 20"),
        (((1, 20, 20, 4),) * 2, {}, "'y' is for images of 1 or 3 channels, not of 4"),
        (((1, 20, 20, 3),) * 2, {"protocol": "grey"}, "'grey' is for images of 1 chan"),
        (((1, 20, 20, 3),) * 2, {"protocol": "lab"}, "unknown protocol 'lab'. Known"),
    ],
)
def test_mistakes(shapes, options, says):
    with pytest.raises(ValueError, match=says):
        image_quality(*(np.zeros(shape, np.uint8) for shape in shapes), **options)
