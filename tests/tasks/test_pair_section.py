"""Configs of pairs, and of networks of images to images, that do not fit their data."""

import dataclasses

import pytest

from resnet_jax.models import create_model
from resnet_jax.models.patchgan import PatchGAN
from resnet_jax.models.vgg_discriminator import VGGDiscriminator
from resnet_jax.spec import DataSpec
from resnet_jax.tasks.network_section import adversarial_loss
from resnet_jax.tasks.pair import Pair
from resnet_jax.tasks.pair_section import judge_network, make_pair, translator_network

SMALL = {"name": "downscale", "factor": 4}


def spec(unit=(0.0, 1.0), **shapes):
    shapes = shapes or {"image": (64, 64, 3)}
    return DataSpec(
        shapes=shapes,
        dtypes=dict.fromkeys(shapes, "uint8"),
        class_names=(),
        mean=(unit[0],) * 3,
        std=(unit[1],) * 3,
        sizes={},
        transforms={},
        source="photos",
    )


def test_pairs_of_a_degradation_and_of_data():
    pair, channels = make_pair(SMALL, spec())
    assert (pair.mean, pair.std, pair.scale, channels) == (0, 1, 4, (3, 3))
    shapes = {"a": (8, 8, 1), "b": (8, 8, 3)}
    pair, channels = make_pair(None, spec((0.5, 0.5), **shapes))
    assert (pair.mean, pair.std, pair.degradation, channels) == (0.5, 0.5, None, (1, 3))
    assert make_pair("colorless", spec())[1] == (1, 2)
    larger = make_pair(None, spec(a=(8, 6, 3), b=(24, 18, 3)))[0]
    assert (larger.scale, larger.degradation) == (3, None)


@pytest.mark.parametrize(
    ("section", "given", "text"),
    [
        (None, spec(), "photos has no pairs; name what the input is made of"),
        (None, spec(a=(8, 8, 3), b=(16, 24, 3)), "16 x 24 pixels and inputs 8 x 8"),
        (SMALL, spec(a=(8, 8, 3), b=(8, 8, 3)), "has pairs already; remove config.deg"),
        (SMALL, spec(image=(64, 62, 3)), "64 x 62 pixels.*multiple of 4 from 20 on"),
        (SMALL, spec(image=(16, 16, 3)), "16 x 16 pixels.*less 2 at each border"),
        ("colorless", spec(image=(8, 8, 1)), "not such of 1 channel;"),
    ],
)
def test_pairs_that_do_not_fit(section, given, text):
    with pytest.raises(ValueError, match=text):
        make_pair(section, given)


def test_channels_share_one_unit():
    imagenet = dataclasses.replace(spec(), mean=(0.4, 0.5, 0.4))
    with pytest.raises(ValueError, match="has one unit for all channels: 0 and 1, or"):
        make_pair(SMALL, imagenet)


def network(section, pair=None, channels=(3, 3), axis_name=None):
    pair = pair or make_pair(SMALL, spec())[0]
    return translator_network(section, "model", pair, channels, axis_name)


def test_networks_know_their_channels():
    found = network({"name": "edsr_baseline_x4", "blocks": 2})
    assert (found.channels, found.scale, found.blocks) == (3, 4, 2)
    found = network({"name": "unet128"}, Pair(0.5, 0.5), (1, 2), "data")
    assert (found.in_channels, found.out_channels, found.axis_name) == (1, 2, "data")


@pytest.mark.parametrize(
    ("section", "pair", "channels", "text"),
    [
        ({}, Pair(), (3, 3), "the model section needs a name. Known: cyclegan"),
        ({"name": "unet12"}, Pair(), (3, 3), "'unet12' is unknown. Did you mean unet1"),
        ({"name": "patchgan70"}, Pair(), (3, 3), "makes no images of images"),
        ({"name": "dncnn17"}, Pair(0.5, 0.5), (3, 3), "works in .0, 1.; set data.mean"),
        ({"name": "unet128"}, Pair(), (3, 3), "works in .-1, 1.; set data.mean to 0.5"),
        ({"name": "dncnn17"}, Pair(), (1, 2), "the input has 1 and the target 2; take"),
        ({"name": "edsr_x2"}, None, (3, 3), "2 times larger, and targets are 4 times"),
        ({"name": "dncnn17", "channels": 1}, Pair(), (3, 3), "is 1 and the data asks"),
    ],
)
def test_networks_that_do_not_fit(section, pair, channels, text):
    with pytest.raises(ValueError, match=text):
        network(section, pair, channels)


def test_discriminators_know_channels_and_side():
    patches = judge_network({"name": "pixelgan"}, "discriminator", 6, 32, "data")
    assert isinstance(patches, PatchGAN) and patches.in_channels == 6
    vgg = judge_network({"name": "srgan_discriminator"}, "d", 3, 48, None)
    assert isinstance(vgg, VGGDiscriminator)
    assert (vgg.channels, vgg.resolution) == (3, 48)
    free = {"name": "srgan_discriminator", "resolution": 0}
    assert judge_network(free, "d", 3, 48, None).resolution == 0
    with pytest.raises(ValueError, match="'resnet18' is no discriminator of images"):
        judge_network({"name": "resnet18"}, "discriminator", 3, 32, None)
    assert create_model("patchgan70").receptive_field == 70


def test_domains_have_no_pairs_for_a_relativistic_loss():
    assert adversarial_loss("relativistic").relativistic
    assert adversarial_loss("lsgan", pairs=False) is adversarial_loss("lsgan")
    with pytest.raises(
        ValueError, match=r"'relativistic' compares .* Known: hinge, ls"
    ):
        adversarial_loss("relativistic", pairs=False)
    with pytest.raises(ValueError, match=r"unknown loss 'hnge'\. Did you mean hinge"):
        adversarial_loss("hnge", pairs=False)
