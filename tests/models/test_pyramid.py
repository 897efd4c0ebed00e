import re

import jax.numpy as jnp
import pytest

from resnet_jax.models.pyramid import (
    check_attention,
    check_images,
    check_labels,
    doublings,
    widths,
)


@pytest.mark.parametrize(
    ("resolution", "bottom", "count"),
    [(8, 4, 1), (28, 7, 2), (32, 4, 3), (256, 4, 6), (48, 6, 3), (8, 8, 0)],
)
def test_doublings(resolution, bottom, count):
    assert doublings("network", resolution, bottom) == count


@pytest.mark.parametrize(
    ("resolution", "bottom", "least", "remedy"),
    [
        (28, 4, 1, "take bottom=7."),
        (48, 4, 0, "take bottom=6."),
        (8, 8, 1, "take bottom=4."),
        (4, 4, 1, "take bottom=2."),
        (30, 4, 1, "take bottom=15."),
        (32, 0, 1, "take bottom=4."),
        (2, 4, 0, "take bottom=2."),
        (33, 4, 1, "take an even resolution, such as 32."),
        (0, 4, 0, "take an even resolution, such as 32."),
    ],
)
def test_what_cannot_be_reached_has_a_remedy(resolution, bottom, least, remedy):
    message = f"network of resolution {resolution} cannot have bottom={bottom}"
    with pytest.raises(ValueError, match=f"{message}.*{re.escape(remedy)}") as error:
        doublings("network", resolution, bottom, least)
    if found := re.search(r"bottom=(\d+)\.", str(error.value)):
        doublings("network", resolution, int(found[1]), least)


def test_widths():
    assert widths(8, 3) == (8, 8, 8) and widths((4, 2), 2) == (4, 2)
    for wrong in ((4, 2), 0, (1, -1, 2)):
        with pytest.raises(ValueError, match="this network has 3 stages: give one"):
            widths(wrong, 3)


def test_wrong_calls_and_settings():
    check_attention((16,), (8, 16))
    with pytest.raises(ValueError, match=r"of side 16 .* among 7, 14, 28\."):
        check_attention((14, 16), (7, 14, 28, 28))
    check_labels(None, 0, "generator")
    check_labels(jnp.zeros(2, int), 3, "generator")
    with pytest.raises(ValueError, match="this generator is conditional on 3 classes"):
        check_labels(None, 3, "generator")
    check_images(jnp.zeros((2, 8, 8, 3)), 8, 3)
    with pytest.raises(ValueError, match="of 8 x 8 x 3, not 8 x 8 x 1: set its"):
        check_images(jnp.zeros((2, 8, 8, 1)), 8, 3)
