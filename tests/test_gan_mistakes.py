"""Mistakes with generators and discriminators: one sentence each, and exit code 2."""

import pathlib
import shutil

import jax
import numpy as np
import pytest
from mistakes import gets_one_sentence_and_costs_nothing
from PIL import Image
from wrong_files import save_arrays, save_images, save_texts

from resnet_jax import config as configs
from resnet_jax.checkpoint import Checkpoints
from resnet_jax.run import build_data, build_task

TINY = pathlib.Path(__file__).parent / "tiny_gan.py"
TRAIN = f"train --config={TINY} "
DIGITS = "train --config=digits_gan:smoke "
BIGGAN = "train --config=cifar10_biggan:smoke "
FOLDER = TRAIN + "--config.data.source.name=folder --config.data.source.root=images "
BATCH_NORM = TRAIN + "--config.discriminator.norm=batch --config.penalties."
STRENGTH = TRAIN + "--config.augment.name=ada --config.augment.strength"
FEATURES = TRAIN + "--config.features."
HALF_LIFE = TRAIN + "--config.task.ema_half_life"
COSINE = ".name=cosine --config.augment.strength.base=0.0 --config.augment.strength."

# What is typed after `resnet-jax`; what the sentence must hold: the value, the remedy.
NETWORKS = [
    (TRAIN + "--config.generator.bottom=3", "resolution 8", "take bottom=4"),
    (BIGGAN + "--config.data.source.patch=30", "resolution 30", "take bottom=15"),
    (BIGGAN + "--config.generator.latent_size=81", "latent_size 81", "a multiple of 4"),
    (BIGGAN + "--config.generator.attention='(15,)'", "side 15", "among 8, 16, 32"),
    (DIGITS + "--config.generator.group_size=7", "groups of 7", "that divides them"),
    (DIGITS + "--config.generator.preset=cifar", "'cifar'", "Did you mean cifar10?"),
    (TRAIN + "--config.generator.resolution=32", "is 32", "asks for 8; remove it"),
    (TRAIN + "--config.generator.channels=3", "is 3", "asks for 1; remove it"),
    (TRAIN + "--config.generator.num_classes=3", "is 3", "asks for 10; remove it"),
    (TRAIN + "--config.generator.widht=8", "no 'widht'", "Did you mean width?"),
    (TRAIN + "--config.generator=none", "generator is None", "expected a section"),
    (
        TRAIN + "--config.generator.name=dcgan_discriminator",
        "'dcgan_discriminator' is no generator",
        "Did you mean dcgan_generator",
    ),
    (
        TRAIN + "--config.discriminator.name=resnet20",
        "'resnet20' is no discriminator",
        "Known: biggan_discriminator",
    ),
    (
        TRAIN + "--config.data.train.transforms.resize.size='(8,6)'",
        "8x6 pixels",
        "crop or resize them",
    ),
]
DOMAINS = (
    TRAIN + "--config.data.source.name=domains --config.data.source.source=textures "
    "--config.data.source.a=brick --config.data.source.b=grass "
    "--config.data.evals=none --config.task.conditional=false "
)
DATA = [
    (DOMAINS, "the data gives a, index, b, index_b", "the task needs image; choose"),
    (TRAIN + "--config.data.mean='(0.3,)'", "mean is (0.3,)", "set both to 0.5"),
    (FOLDER + "--config.data.mean=none", "(0.485, 0.456, 0.406)", "set both to 0.5"),
    (
        TRAIN + "--config.data.source.name=npz --config.data.source.path=unlabeled.npz",
        "unlabeled.npz (train) has no labels",
        "set it to false",
    ),
    (
        TRAIN + "--config.batch_size=1000 --config.task.n_critic=2",
        "2 x batch_size = 2000",
        "lower batch_size",
    ),
]
GAME = [
    (TRAIN + "--config.task.loss=hing", "'hing'", "Did you mean hinge?"),
    (TRAIN + "--config.task.lss=hinge", "no 'lss'", "Did you mean loss?"),
    (TRAIN + "--config.penalties.r3=1", "no 'r3'", "Known: balanced"),
    (TRAIN + "--config.penalties.r1=-1", "penalties.r1", "base is -1", "0 or more"),
    (TRAIN + "--config.penalties.consistency=10", "needs penalties.change", "such as"),
    (BATCH_NORM + "r1=1.0", "penalties.r1", "set discriminator.norm to 'none'"),
    (BATCH_NORM + "gradient_penalty=10", "batch norm", "set discriminator.norm to"),
    (TRAIN + "--config.augment.name=adaa", "'adaa'", "Did you mean ada?"),
    (
        TRAIN + "--config.augment.name=diff_augment "
        "--config.augment.policy='(\"colour\",)'",
        "'colour'",
        "Did you mean color?",
    ),
    (STRENGTH + "=2", "strength goes from 2 to 2", "from 0 to 1"),
    (STRENGTH + COSINE + "end=3.0", "strength goes from 0 to 3", "from 0 to 1"),
    (STRENGTH + ".name=adaptve", "augment.strength", "unknown schedule 'adaptve'"),
    (TRAIN + "--config.task.generator_batches=2", "is 2", "expected 1, as its labels"),
    (TRAIN + "--config.task.n_critic=0", "n_critic is 0", "at least 1"),
    (TRAIN + "--config.task.standing=-1", "standing is -1", "at least 0"),
    (TRAIN + "--config.task.microbatches=3", "microbatches is 3", "a divisor"),
    (HALF_LIFE + "=-5", "task.ema_half_life", "base is -5", "expected 0 or more"),
    (HALF_LIFE + "=9 --config.task.ema_decay=0.9", "one of them, or neither"),
    (TRAIN + "--config.init_from=run", "no network", "with the same networks"),
    (TRAIN + "--config.best=\"('test/fid','min')\"", "'test/fid'", "no evaluation"),
]
SCORES = [
    (FEATURES + "source=nowhere", "features.source", "'nowhere'", "measured in pixels"),
    (FEATURES + "source=gan", "'gan' is no classifier", "name the run of one"),
    (FEATURES + "source=inception", "not on this machine", "download https://"),
    (FEATURES + "source=inception:no.pth", "'no.pth'", "download https://"),
    (FEATURES + "measures='(\"fid\",)'", "unknown metric 'fid'", "Known: classifier"),
    (FEATURES + "measures='(\"classifier\",)'", "'classifier'", "name a run of one"),
    (FEATURES + "mesures='(\"mind\",)'", "no 'mesures'", "Did you mean measures?"),
    ("score images one --features=run", "'one' holds one image", "two or more"),
    ("score mixed images --features=run", "have one size", "bring them to one size"),
    ("score images images --features=gan", "'gan' is no classifier", "name the run"),
    ("score images images --features=inception", "not on this machine", "download"),
]
RUNS = [
    ("classify gan good.png", "'gan' is no classifier", "name the run of one"),
    ("evaluate gan --folder=images", "'gan' is no classifier", "name the run of one"),
    ("evaluate gan --corruptions=fog", "accuracy of a classifier", "leave it out"),
    ("convert gan --out=out", "discriminator, generator", "a run with one"),
    ("generate", "needs SOURCE", "usage: resnet-jax generate SOURCE"),
    ("generate run", "'run' makes no images", "name the run of a GAN"),
    ("generate nowhere", "'nowhere' holds no run", "expected a --workdir"),
    ("generate gan --checkpoint=9", "'9'", "of which there are: 0"),
    ("generate gan --labels=3,x", "no class 'x'", "Known: 0, 1"),
    ("generate gan --labels=11", "no class '11'", "Did you mean 1?"),
    ("generate gan --labels=,", "names no class", "Known: 0, 1"),
    ("generate gan --truncation=0", "--truncation is '0'", "such as 0.7"),
    ("generate gan --truncation=half", "'half'", "such as 0.7"),
    ("generate gan --count=0", "--count is 0", "at least 1"),
    ("generate gan --seed=-1", "--seed is -1", "at least 0"),
    ("generate gan --picture=sample", "'sample'", "Did you mean samples?"),
    ("generate gan --out=images", "'images' has files", "name a new folder"),
    ("generate gan --out=file/new", "'file' is a file", "name a new folder"),
]
MISTAKES = [*NETWORKS, *DATA, *GAME, *SCORES, *RUNS]


def save_gan(folder: pathlib.Path) -> None:
    """A run that has not learned anything yet."""
    config = configs.from_json(configs.to_json(configs.read(str(TINY))))
    data = build_data(config)
    task = build_task(config, data.spec)
    init = jax.jit(lambda key: task.init(key, data.spec.batch(1)))
    about = {"config": configs.to_json(config), "spec": data.spec.to_json()}
    checkpoints = Checkpoints(folder)
    checkpoints.save(init(jax.random.key(0)), about)
    checkpoints.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory, finished_run) -> pathlib.Path:
    """A folder with a run of each kind and with files that something is wrong with."""
    folder = tmp_path_factory.mktemp("place")
    shutil.copytree(finished_run, folder / "run")
    save_gan(folder / "gan")
    save_texts(folder)
    save_arrays(folder)
    save_images(folder)
    for name, sides in (("one", (8,)), ("mixed", (8, 8, 9))):
        (folder / name).mkdir()
        for i, side in enumerate(sides):
            blank = Image.fromarray(np.zeros((side, 8), np.uint8))
            blank.save(folder / name / f"{i}.png")
    return folder


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m[0].replace(TRAIN, ""))
def test_a_mistake_gets_one_sentence_and_costs_nothing(
    mistake, place, monkeypatch, capsys
):
    monkeypatch.chdir(place)
    monkeypatch.setenv("TORCH_HOME", "empty")
    monkeypatch.delenv("RESNET_JAX_INCEPTION", raising=False)
    capsys.readouterr()
    gets_one_sentence_and_costs_nothing(mistake, place, capsys)
