import numpy as np
import pytest

from resnet_jax.report.preview import Box, Preview, busiest


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_small_is_the_mean_of_squares_however_it_arrives(dtype, rows):
    x = noise(1000, 600, 3, dtype=np.dtype(dtype))
    preview = Preview(1000, 600, 3, Box(90, 500, 40, 30))
    for start in range(0, 1000, rows):
        preview.add(x[start : start + rows])
    small = np.asarray(preview.small())
    assert small.shape == (334, 200, 3)  # a third, rounded up
    unit = x / np.iinfo(x.dtype).max * 255
    assert np.abs(small[5, 7] - unit[15:18, 21:24].mean((0, 1))).max() <= 0.51
    assert np.abs(small[333, 7] - unit[999:, 21:24].mean((0, 1))).max() <= 0.51
    np.testing.assert_array_equal(preview.part(), x[90:130, 500:530])


def test_small_pictures_are_shown_as_they_are():
    x = noise(20, 30, 1)
    preview = Preview(20, 30, 1, Box(0, 0, 20, 30))
    preview.add(x)
    np.testing.assert_array_equal(np.asarray(preview.small()), x[..., 0])


def test_the_busiest_square():
    x = np.full((100, 130, 3), 90, np.uint8)
    x[45:50, 85:90] = 255
    assert busiest(x, 40) == Box(40, 80, 40, 40)
    assert busiest(x[:30], 40) == Box(0, 0, 30, 40)
    assert Box(1, 2, 3, 4).times(2) == Box(2, 4, 6, 8)
