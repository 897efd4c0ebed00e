import pytest

from resnet_jax.models.receptive_field import halo, upscaling
from resnet_jax.nn.conditional import LabelNorm
from resnet_jax.nn.normalization import is_local


@pytest.mark.parametrize(
    ("layers", "scale", "multiple", "reach"),
    [
        ([("conv", 3), ("conv", 1)], 1, 1, 4),
        # Two pixels of the enlarged image lie within one of the input's.
        ([("up", 2), ("conv", 2)], 2, 1, 1),
        ([("up", 2), ("conv", 3)], 2, 1, 2),
        ([("conv", 4), ("up", 2), ("up", 2), ("conv", 1)], 4, 1, 5),
        # The first pixel of a square depends on the last one of the next square.
        ([("down", 2), ("conv", 1), ("up", 2)], 1, 2, 3),
        ([], 1, 1, 0),
    ],
)
def test_reach(layers, scale, multiple, reach):
    assert halo(layers, scale, multiple) == reach


def test_layers_of_enlarging():
    assert upscaling(1) == []
    assert upscaling(4) == [("conv", 1), ("up", 2)] * 2
    assert upscaling(3, resize_conv=True) == [("up", 3), ("conv", 1)]


def test_norms_by_position():
    local = [norm for norm in ("batch", "layer", "none") if is_local(norm)]
    assert local == ["batch", "layer", "none"]
    assert not any(map(is_local, ("group", "evo", "frn", {"name": "group"})))
    assert is_local({"name": "batch", "group_size": 4}) and not is_local(LabelNorm)
