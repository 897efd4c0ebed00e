"""Mistakes with images to images: one sentence each, and exit code 2."""

import pathlib

import numpy as np
import pytest
from mistakes import gets_one_sentence_and_costs_nothing
from PIL import Image

DENOISE = "train --config=photos_dncnn25:smoke "
ENLARGE = "train --config=photos_srresnet_x4:smoke "
PIX2PIX = "train --config=facades_pix2pix:smoke "
CYCLE = "train --config=cifar_horse2deer_cyclegan:smoke "
CUT = "train --config=horse2zebra_cut:smoke "
COLORIZE = "train --config=photos_colorize:smoke "
PAIRS = (
    "train --config=facades_pix2pix --config.run.workers=0 "
    "--config.data.train.transforms=none --config.generator.depth=3 "
    "--config.generator.width=8 --config.data.source.root="
)
DOMAINS = "train --config=horse2zebra_cyclegan --config.data.source.root="
BSDS = "train --config=bsds_srresnet_x4 --config.data.evals=none "
BSDS += "--config.data.source.root="

# What is typed after `resnet-jax`; what the sentence must hold: the value, the remedy.
DEGRADATIONS = [
    (DENOISE + "--config.degradation.name=nois", "'nois'", "Did you mean noise?"),
    (DENOISE + "--config.degradation.sgma=3", "no 'sgma'", "Did you mean sigma?"),
    (DENOISE + "--config.degradation.sigma=300.0", "is 300.0", "from 0 to 255"),
    (DENOISE + "--config.degradation.sigma=none", "sigma is None", "expected a number"),
    (
        "train --config=photos_enhance:smoke --config.degradation.gamma='(2.5,1.0)'",
        "gamma is (2.5, 1.0)",
        "the lower first",
    ),
    (DENOISE + "--config.degradation=none", "has no pairs", "config.degradation"),
    (ENLARGE + "--config.degradation.factor=1", "factor is 1", "number from 2"),
    (ENLARGE + "--config.degradation.factor=2", "4 times larger", "change model.scale"),
    (
        ENLARGE + "--config.data.source.patch=46",
        "46 x 46 pixels",
        "choose a multiple of 4 from 20 on",
    ),
    (ENLARGE + "--config.data.source.patch=16", "16 x 16", "from 20 on"),
    (
        COLORIZE + "--config.data.source.name=textures",
        "takes color images, not such of 1 channel",
        "set data.source.channels to 3",
    ),
]
NETWORKS = [
    (DENOISE + "--config.model.name=resnet20", "makes no images of", "srresnet_x2"),
    (
        DENOISE + "--config.model.name=dncn17",
        "'dncn17' is unknown",
        "Did you mean dncnn17",
    ),
    (DENOISE + "--config.model.channels=3", "is 3", "asks for 1; remove it"),
    (DENOISE + "--config.data.mean=0.5", "works in [0, 1]", "set data.mean to 0"),
    (CYCLE + "--config.data.mean=0.0", "work in [-1, 1]", "set both to 0.5"),
    (
        COLORIZE + "--config.generator.name=dncnn17 --config.data.mean=0.0 "
        "--config.data.std=1.0 --config.generator.blocks=none",
        "as many channels as it takes",
        "take a translator",
    ),
    (CYCLE + "--config.discriminator.name=sngan_discriminator", "is no discriminator"),
    (
        CYCLE + "--config.discriminator.name=patchgan71",
        "'patchgan71' is unknown",
        "patchgan70",
    ),
    (CYCLE + "--config.discriminator.layers=6", "at least 192, not 32 x 32", "resize"),
    (CYCLE + "--config.generator.resample=nearest", "'nearest'", "resize"),
    (CYCLE + "--config.data.source.source.patch=30", "multiples of 4", "not 30 x 30"),
    (CUT + "--config.generator.name=unet128", "has no features to compare", "cyclegan"),
    (CUT + "--config.sampler.wdth=8", "no 'wdth'", "Did you mean width?"),
]
GAMES = [
    (DENOISE + "--config.task.loss=l3", "unknown loss 'l3'", "Known: charbonnier"),
    (DENOISE + "--config.task.protocol=ycbcr", "'ycbcr'", "Known: grey, rgb, y"),
    (DENOISE + "--config.task.crop=-1", "crop is -1", "0 or more"),
    (DENOISE + "--config.task.microbatches=3", "microbatches is 3", "a divisor"),
    (DENOISE + "--config.task.ema_decay=1.0", "ema_decay is 1.0", "< 1"),
    (DENOISE + "--config.best=\"('test/pnsr','max')\"", "'test/pnsr'", "test/psnr"),
    (PIX2PIX + "--config.task.loss=lsgn", "'lsgn'", "Did you mean lsgan?"),
    (
        PIX2PIX + "--config.task.reconstruction=l3",
        "unknown reconstruction 'l3'",
        "Known: charbonnier, half_square, l1, l2",
    ),
    (PIX2PIX + "--config.task.test_statistics=own", "'own'", "'running' or 'batch'"),
    (PIX2PIX + "--config.perceptual.source=vgg", "weights 'vgg'", "perceptual=none"),
    (PIX2PIX + "--config.lpips.heads=a", "lpips.source is None", "a file of them"),
    (PIX2PIX + "--config.task.adversarial=-1.0", "is -1.0", "0 (off) or more"),
    (
        PIX2PIX + "--config.degradation.name=downscale --config.degradation.factor=2",
        "conditional is true",
        "set it to false",
    ),
    (CYCLE + "--config.task.pool_size=4", "pool_size is 4", "at least batch_size, 8"),
    (CYCLE + "--config.run.parallel=pmap", "keeps no pool", "set task.pool_size to 0"),
    (CYCLE + "--config.task.loss=relativistic", "no pairs", "Known: hinge, lsgan"),
    (CYCLE + "--config.task.cycle=-1.0", "cycle is -1.0", "0 (off) or more"),
    (CYCLE + "--config.generator_optim.schedule.hold=4", "hold is 4", "0 to 3"),
    (CUT + "--config.task.patches=1", "patches is 1", "at least 2"),
    (CUT + "--config.task.temperature=0.0", "temperature 0.0", "above 0"),
    (CUT + "--config.task.loss=relativistic_average", "no pairs", "lsgan"),
]
DATA = [
    (CYCLE + "--config.data.source.a=bick", "no class 'bick'", "Did you mean brick?"),
    (
        CYCLE + "--config.data.source.name=photos --config.data.source.source=none",
        "takes no 'a'",
    ),
    (DENOISE + "--config.task.name=unpaired", "takes no 'degradation'", "Known: adv"),
    (DOMAINS + "nowhere", "nowhere"),
    (DOMAINS + "half", "half", "testB"),
    (PAIRS + "nowhere", "nowhere"),
    (PAIRS + "odd", "odd/train/0.png is 33 pixels wide", "an even width"),
    (PAIRS + "sizes", "need one size", "16 x 16", "16 x 17"),
    (PAIRS + "alone", "no partner for", "the same name"),
    (PAIRS + "good --config.data.source.direction=AtoC", "'AtoC'", "'AtoB' or 'BtoA'"),
    (
        "train --config=photos_dncnn25 --config.data.evals.test.source.patch=8",
        "evaluation 'test'",
        "8 x 8 pixels are left",
    ),
    (
        "train --config=photos_srresnet_x4 --config.data.evals.test.transforms=none",
        "evaluation 'test'",
        "crop_multiple=dict(multiple=4)",
    ),
    (BSDS + "empty", "empty"),
    (BSDS + "small", "small/0.png is 100 x 120", "patch of 112 does not fit"),
    (BSDS + "broken", "broken/0.png", "on_bad_example='skip'"),
]
MISTAKES = [*DEGRADATIONS, *NETWORKS, *GAMES, *DATA]


def save(file: pathlib.Path, height: int, width: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(noise).save(file)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> pathlib.Path:
    """Folders of images that something is wrong with."""
    folder = tmp_path_factory.mktemp("place")
    for i in range(2):
        for split in ("train", "val"):
            save(folder / "good" / split / f"{i}.png", 16, 32)
            save(folder / "odd" / split / f"{i}.png", 16, 33)
            save(folder / "sizes" / f"{split}A" / f"{i}.png", 16, 16)
            save(folder / "sizes" / f"{split}B" / f"{i}.png", 16, 17)
            save(folder / "alone" / f"{split}A" / f"{i}.png", 16, 16)
            save(folder / "alone" / f"{split}B" / f"{i + 1}.png", 16, 16)
        for name in ("trainA", "trainB", "testA"):
            save(folder / "half" / name / f"{i}.png", 256, 256)
        save(folder / "small" / f"{i}.png", 100, 120)
    (folder / "empty").mkdir()
    (folder / "broken").mkdir()
    for i in range(2):
        (folder / "broken" / f"{i}.png").write_bytes(b"\x89PNG nonsense")
    return folder


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m[0].replace("--conf", ""))
def test_a_mistake_gets_one_sentence_and_costs_nothing(
    mistake, place, monkeypatch, capsys
):
    monkeypatch.chdir(place)
    capsys.readouterr()
    gets_one_sentence_and_costs_nothing(mistake, place, capsys)
