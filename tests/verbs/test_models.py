import pytest

from resnet_jax.verbs.models import models


def test_networks_that_take_latents_and_labels():
    rows = {row["model"]: row for row in models("[sb]*gan*")}
    assert rows["sngan_generator"]["parameters"] == 4_276_739
    assert rows["sngan_generator"]["input"] == "128"
    assert rows["biggan_generator"]["input"] == "80 + label"
    assert rows["biggan_discriminator"]["input"] == "32x32 + label"


def test_layers_of_a_generator():
    rows = {row["layer"]: row for row in models("dcgan_generator", layers=True)}
    assert rows["conv4/kernel"]["std"] == pytest.approx(0.02, rel=0.05)
    assert rows["bn1/norm/scale"]["mean"] == pytest.approx(1, rel=0.05)
