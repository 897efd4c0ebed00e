import flax.linen as nn
import jax
import pytest

from resnet_jax.models import create_model, default_input
from resnet_jax.models.summary import summarize

# torchvision 0.28; akamaster/pytorch_resnet_cifar10; kuangliu/pytorch-cifar.
PUBLISHED = {
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "resnext50_32x4d": 25_028_904,
    "wide_resnet50_2": 68_883_240,
    "cifar_resnet18": 11_173_962,
    "resnet20": 269_722,
    "resnet32": 464_154,
    "resnet44": 658_586,
    "resnet56": 853_018,
    "resnet110": 1_727_962,
    "plain20": 269_722,
    "plain32": 464_154,
    "plain44": 658_586,
    "plain56": 853_018,
    "plain110": 1_727_962,
}
# torchvision's documentation, where multiply-adds are called FLOPs.
GMACS = {
    "resnet18": 1.81,
    "resnet34": 3.66,
    "resnet50": 4.09,
    "resnet101": 7.80,
    "resnet152": 11.51,
    "resnext50_32x4d": 4.23,
    "wide_resnet50_2": 11.40,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_sizes(name):
    size = summarize(create_model(name), default_input(name))
    assert size["parameters"] == PUBLISHED[name]
    assert size["gflops"] == 2 * size["gmacs"]
    if name in GMACS:
        assert size["gmacs"] == pytest.approx(GMACS[name], abs=0.006)


def test_the_longest_network_by_extrapolation():
    per_triple = (PUBLISHED["resnet32"] - PUBLISHED["resnet20"]) // 2
    assert create_model("resnet1202").stage_sizes == (200, 200, 200)
    assert PUBLISHED["resnet20"] + 197 * per_triple == 19_421_274


class Repeated(nn.Module):
    """A dense layer applied three times by a scan, and once inside jit."""

    @nn.compact
    def __call__(self, x):
        dense = self.param("kernel", nn.initializers.ones, (3, 3))
        x, _ = jax.lax.scan(lambda x, _: (x @ dense, None), x, length=3)
        return jax.jit(lambda x: x @ dense)(x)


def test_loops_and_calls_are_counted():
    size = summarize(Repeated(), (2, 2, 3))
    assert size["parameters"] == 9
    assert size["gmacs"] * 1e9 == pytest.approx(4 * 4 * 9)
