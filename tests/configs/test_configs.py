import ast
import json
import math
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax import config as configs
from resnet_jax.data.transforms import apply_transforms, build_transforms, count_draws
from resnet_jax.run import build_data, build_task
from resnet_jax.spec import DataSpec
from resnet_jax.verbs.train import train

FOLDER = pathlib.Path(__file__).parents[2] / "configs"
CONFIGS = sorted(FOLDER.glob("*.py"))
NAMES = [path.stem for path in CONFIGS]
HE_2015 = [f"cifar10_resnet{depth}" for depth in (20, 32, 44, 56, 110)]
HE_2015 += ["cifar10_plain20", "cifar10_plain56"]
# Of recipes for the same task and network one is trained; all are traced.
TRAINED = (
    "cifar10_dcgan",
    "cifar10_resnet20",
    "cifar10_resnet18",
    "cifar10_speedrun",
    "digits_gan",
    "facades_pix2pix",
    "fashion_mnist_finetune",
    "horse2zebra_cut",
    "horse2zebra_cyclegan",
    "imagenet_bit_distill",
    "imagenet_resnet50_a2",
    "photos_srresnet_x4",
)

# He et al. 2015 give 0.27, 0.46, 0.66, 0.85 and 1.7 M for the CIFAR networks; the exact
# counts are those of github.com/akamaster/pytorch_resnet_cifar10 and of torchvision.
PARAMETERS = {
    "cifar10_resnet20": 269_722,
    "cifar10_resnet32": 464_154,
    "cifar10_resnet44": 658_586,
    "cifar10_resnet56": 853_018,
    "cifar10_resnet110": 1_727_962,
    "cifar10_plain20": 269_722,
    "cifar10_plain56": 853_018,
    "cifar10_resnet18": 11_173_962,
    "cifar10_wrn28_10": 36_479_194,
    "cifar10_preact1001": 10_327_706,
    "cifar10_speedrun": 1_971_352,
    "imagenet_resnet50": 25_557_032,
    "imagenet_resnet50_a1": 25_557_032,
    "imagenet_resnet50_ffcv88": 25_557_032,
    "imagenet_resnet50_he2015": 25_557_032,
    # timm 1.0.31.
    "imagenet_resnetrs50": 35_691_912,
    "imagenet_bit_distill": 25_549_352,
    # Generator and discriminator: StudioGAN's logs, and the formulas of the papers.
    "cifar10_sngan": (4_276_739, 1_053_824),
    "cifar10_sngan_cond": (4_304_387, 1_055_104),
    "cifar10_biggan": (9_416_196, 2_415_170),
    "cifar10_biggan_diffaug": (9_416_196, 2_415_170),
    "cifar10_r3gan": (20_781_952, 21_280_512),
    # The published counts of the networks; two of each make a CycleGAN.
    "bsds_srresnet_x4": 1_549_462,
    "div2k_edsr_baseline_x2": 1_369_859,
    "div2k_edsr_baseline_x3": 1_554_499,
    "div2k_edsr_baseline_x4": 1_517_571,
    "div2k_edsr_x4": 43_089_923,
    "div2k_rcan_x4": 15_592_355,
    "df2k_rrdb_x4": 16_697_987,
    # The discriminators are BasicSR's and SRGAN-PyTorch's.
    "df2k_esrgan_x4": (16_697_987, 14_499_401),
    "div2k_srgan_x4": (1_549_462, 23_563_649),
    "train400_dncnn15": 556_097,
    "train400_dncnn25": 556_097,
    "train400_dncnn50": 556_097,
    "train400_dncnn_blind": 667_073,
    "facades_pix2pix": (54_413_955, 2_768_705),
    "maps_pix2pix": (54_413_955, 2_768_705),
    "horse2zebra_cyclegan": (2 * 11_378_179, 2 * 2_764_737),
}
# Images and classes of the data, by the first word of a config's name. Photographs are
# cut to the patches that a config asks for.
DATA = {
    "bsds": ((112, 112, 3), 0),
    "cifar": ((32, 32, 3), 0),
    "df2k": ((144, 144, 3), 0),
    "div2k": ((0, 0, 3), 0),
    "facades": ((256, 256, 3), 0),
    "horse2zebra": ((256, 256, 3), 0),
    "maps": ((256, 256, 3), 0),
    "photos": ((0, 0, 3), 0),
    "train400": ((0, 0, 1), 0),
    "digits": ((8, 8, 1), 10),
    "fashion": ((28, 28, 1), 10),
    "cifar10": ((32, 32, 3), 10),
    "ffhq64": ((64, 64, 3), 1),
    "imagenet": ((224, 224, 3), 1000),
    "imagenet64": ((64, 64, 3), 1000),
    "textures": ((32, 32, 1), 3),
}
# Sides of the images in training and evaluation, where they are not 224.
SIDES = {
    "imagenet_resnet50_tv2": (176, 224),
    "imagenet_resnet50_a3": (160, 224),
    "imagenet_resnet50_ffcv88": (192, 256),
    "imagenet_resnetrs50": (160, 160),
}

MILLION = 1_000_000

# Halfway through a cosine a value is halfway; after the burn-in it stays.
R3GANS = {
    # Huang et al. 2025, appendix D: images, batch, burn-in, R1 and R2, half-life, p.
    "cifar10_r3gan": (250, 512, 20, (0.05, 0.005), 5e6, 0.55),
    "cifar10_r3gan_small": (4, 256, 1, (0.05, 0.005), 1e5, 0.2),
    "ffhq64_r3gan": (100, 256, 20, (2.0, 0.2), 5e5, 0.3),
    "imagenet64_r3gan": (1000, 4096, 200, (1.0, 0.1), 5e7, 0.4),
}


# Of data whose examples have two images.
KEYS = {"pairs": ("a", "b"), "domains": ("a", "b")}


def stored(name: str, config) -> tuple[tuple[int, ...], int]:
    """The shape of a training image, and the number of classes."""
    shape, classes = DATA[name.split("_")[0]]
    patch = config.data.source.get("patch") or shape[0]
    return (patch, patch, shape[-1]), classes


def spec_of(name: str, config) -> DataSpec:
    shape, classes = stored(name, config)
    mean, std = (
        (x,) * shape[-1] if isinstance(x, float) else tuple(x)
        for x in (config.data.mean, config.data.std)
    )
    keys = KEYS.get(config.data.source.name, ("image",))
    return DataSpec(
        shapes={**dict.fromkeys(keys, shape), "label": (), "index": ()},
        dtypes={**dict.fromkeys(keys, "uint8"), "label": "int32", "index": "int32"},
        class_names=tuple(map(str, range(classes))),
        mean=mean,
        std=std,
        sizes={"train": 1, "test": 1},
        transforms={},
        source="a fake",
    )


def task_of(name: str):
    config = configs.read(name)
    return build_task(config, spec_of(name.partition(":")[0], config))


def shallow(config):
    """A few blocks or updates instead of many, for the time's sake."""
    if config.task.name == "gan":
        config.task.n_critic = min(config.task.get("n_critic", 1), 2)
    elif config.task.name == "classification" and config.model.name != "airbench94":
        config.model.update(stage_sizes=(1, 1), width=32)
    return config


def learning_rates(name: str, steps) -> list[float]:
    schedule = task_of(name).optimizer.schedule
    return [float(schedule(step)) for step in steps]


@pytest.mark.parametrize("name", NAMES)
def test_header_tells_command_and_result(name):
    header = ast.get_docstring(ast.parse((FOLDER / f"{name}.py").read_text()))
    assert f"resnet-jax train --config={name} --workdir=" in header
    assert "\nResult: " in header
    assert f"see results/{name}.json" in header


@pytest.mark.parametrize("name", NAMES)
def test_a_misspelled_variant_is_refused(name):
    with pytest.raises(ValueError, match="has no variant 'smal'"):
        configs.read(f"{name}:smal")


@pytest.mark.parametrize("name", NAMES)
def test_the_result_file_is_there(name):
    result = json.loads((FOLDER / "results" / f"{name}.json").read_text())
    assert result["config"] == name
    assert f"--config={name}" in result["command"]


@pytest.mark.parametrize("name", NAMES)
def test_task_is_built_with_the_published_size(name):
    task = task_of(name)
    config = configs.read(name)
    spec, (_, classes) = spec_of(name, config), stored(name, config)
    batch = spec.batch(1)
    state = jax.eval_shape(lambda key: task.init(key, batch), jax.random.key(0))
    counts = tuple(
        sum(math.prod(x.shape) for x in jax.tree.leaves(state.nets[net].params))
        for net in ("model", "generator", "discriminator")
        if net in state.nets
    )
    if name in PARAMETERS:
        wanted = PARAMETERS[name]
        assert counts == (wanted if isinstance(wanted, tuple) else (wanted,))
    if classes and "model" in state.nets:
        params = state.nets["model"].params
        head = params["fc"] if "fc" in params else params["head"]["fc"]
        assert head["kernel"].shape[-1] == classes


@pytest.mark.parametrize("name", NAMES)
def test_smoke_needs_no_download(name):
    config = shallow(configs.read(f"{name}:smoke"))
    free = ("digits", "textures", "photos", "domains")
    assert config.data.source.name in free
    assert config.total_steps == 4 and config.teacher is config.perceptual is None
    data = build_data(config)
    task = build_task(config, data.spec)
    batch = {
        name: np.repeat(rows, task.draws, 0)
        for name, rows in next(data.train(0)).items()
    }
    key = jax.random.key(0)
    state = jax.eval_shape(lambda: task.init(key, data.spec.batch(1)))
    _, scalars = jax.eval_shape(task.train_step, state, batch, key)
    losses = [value for name, value in scalars.items() if name.endswith("loss")]
    assert losses and all(value.shape == () for value in losses)


@pytest.mark.parametrize("name", NAMES)
def test_transforms_give_the_images_of_the_task(name):
    config = configs.read(name)
    shape, _ = stored(name, config)
    whole = (300, 400, 3) if name.startswith("imagenet") else shape
    images = np.random.default_rng(0).integers(0, 256, (2, *whole), np.uint8)
    sides = SIDES.get(name, shape[:2])
    for i, part in enumerate((config.data.train, *config.data.evals.values())):
        transforms = build_transforms(part.transforms)
        u = np.full((2, count_draws(transforms)), 0.3)
        side = sides[min(i, 1)]
        result = apply_transforms(transforms, images, u)
        assert result.shape == (2, side, side, shape[-1])


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [n if n in TRAINED else pytest.param(n, marks=pytest.mark.full) for n in NAMES],
)
def test_smoke_trains_to_the_end(name, tmp_path):
    config = shallow(configs.read(f"{name}:smoke"))
    metrics = train(config, name=name, workdir=str(tmp_path / "run"))
    assert math.isfinite(metrics[config.best[0]])
    rows = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(rows[-1])["step"] == 4


def test_cifar_recipe_is_the_papers():
    """He et al. 2015, section 4.2."""
    around = (0, 31_999, 32_000, 47_999, 48_000, 63_999)
    for name in HE_2015:
        config = configs.read(name)
        assert (config.batch_size, config.total_steps) == (128, 64_000)
        assert (config.optim.momentum, config.optim.weight_decay) == (0.9, 1e-4)
        assert config.optim.decay == "all"
        rates = learning_rates(name, around)
        first = 0.01 if name == "cifar10_resnet110" else 0.1
        np.testing.assert_allclose(rates, [first, 0.1, 0.01, 0.01, 0.001, 0.001], 1e-6)
    warm = learning_rates("cifar10_resnet110", (399, 400))
    np.testing.assert_allclose(warm, [0.01, 0.1], 1e-6)


def test_wide_recipe_is_the_papers():
    """Zagoruyko and Komodakis 2016, section 3."""
    epochs = (0, 59.9, 60, 120, 160, 199)
    rates = learning_rates("cifar10_wrn28_10", [int(e * 390) for e in epochs])
    np.testing.assert_allclose(rates, [0.1, 0.1, 0.02, 0.004, 8e-4, 8e-4], rtol=1e-5)
    plain, dropped = (task_of(f"cifar10_wrn28_10{v}").model for v in ("", ":dropout"))
    assert (plain.block_dropout, dropped.block_dropout) == (0, 0.3)


@pytest.mark.parametrize(
    ("variant", "batch", "first"), [("", 128, 0.01), (":64", 64, 0.1)]
)
def test_thousand_layer_recipe_is_the_papers(variant, batch, first):
    """He et al. 2016, appendix, and its repository."""
    name = f"cifar10_preact1001{variant}"
    assert configs.read(name).batch_size == batch
    drops = (32_000, 48_000) if batch == 128 else (81 * 781, 122 * 781)
    steps = (0, 400, drops[0] - 1, drops[0], drops[1])
    rates = learning_rates(name, steps)
    np.testing.assert_allclose(rates, [first, 0.1, 0.1, 0.01, 0.001], rtol=1e-5)


def test_fine_tuning_trains_all_the_head_or_from_scratch():
    free, frozen, scratch = (
        configs.read(f"fashion_mnist_finetune{v}") for v in ("", ":frozen", ":scratch")
    )
    assert free.init_from == frozen.init_from != scratch.init_from == ""
    assert free.total_steps == frozen.total_steps == scratch.total_steps
    assert frozen.model.frozen_stages == 3 and "frozen_stages" not in free.model


@pytest.mark.parametrize(("variant", "peak"), [("", 0.1), (":8192", 3.2)])
def test_imagenet_recipe_is_the_papers(variant, peak):
    """Goyal et al. 2017, sections 2.2 and 5.1."""
    name = f"imagenet_resnet50{variant}"
    config = configs.read(name)
    epoch = 1_281_167 // config.batch_size
    assert config.total_steps == 90 * epoch
    epochs = (0, 2.5, 5, 30, 60, 80)
    rates = learning_rates(name, [int(e * epoch) for e in epochs])
    middle = (0.1 + peak) / 2
    wanted = [0.1, middle, peak, peak / 10, peak / 100, peak / 1000]
    np.testing.assert_allclose(rates, wanted, rtol=1e-2)


def test_speedrun_recipe_is_the_published_one():
    """github.com/KellerJordan/cifar10-airbench, airbench94_muon.py."""
    config = configs.read("cifar10_speedrun")
    assert (config.batch_size, config.total_steps) == (2000, 200)
    rates = learning_rates("cifar10_speedrun", (0, 100, 200))
    np.testing.assert_allclose(rates, [0.24, 0.12, 0.0], atol=1e-7)
    whiten, biases, head = config.optim.groups
    assert whiten["steps"] == 75
    np.testing.assert_allclose(whiten["rate"], 0.053 * 2000)
    np.testing.assert_allclose(0.24 * biases["ratio"], 0.053 * 2000)
    np.testing.assert_allclose(0.24 * head["ratio"], 0.67 * 2000)
    # Rate times decay is what a step takes away at first: 2e-6 * batch size.
    np.testing.assert_allclose(0.24 * head["ratio"] * head["weight_decay"], 0.004)


def test_cifar_config_takes_an_npz_file_instead(tmp_path):
    """The lines of the header."""
    rng = np.random.default_rng(0)
    arrays = {
        f"{kind}_{split}": values
        for split in ("train", "test")
        for kind, values in (
            ("x", rng.integers(0, 256, (200, 32, 32, 3), np.uint8)),
            ("y", np.arange(200) % 10),
        )
    }
    np.savez(tmp_path / "cifar10.npz", **arrays)
    config = configs.read("cifar10_resnet20")
    header = ast.get_docstring(ast.parse((FOLDER / "cifar10_resnet20.py").read_text()))
    for word in header.split():
        if word.startswith("--config.data"):
            field, text = word.removeprefix("--config.").split("=")
            text = text.replace("cifar10.npz", str(tmp_path / "cifar10.npz"))
            configs.override(config, field, text)
    data = build_data(config)
    assert data.spec.sizes == {"train": 200, "test": 200}
    assert next(data.train(0))["image"].shape == (128, 32, 32, 3)


@pytest.mark.parametrize("name", R3GANS)
def test_r3gan_burns_in(name):
    images, batch, burn_in, gamma, half_life, strength = R3GANS[name]
    task = task_of(name)
    assert task.averaging.batch_size == batch and task.n_critic == 1
    assert task.game.loss.relativistic
    seen = MILLION * jnp.float32([0, burn_in / 2, burn_in, images])
    optimizer = task.discriminator_optimizer
    for schedule, (start, end) in (
        (optimizer.schedule, (2e-4, 5e-5)),
        (optimizer.b2_schedule, (0.9, 0.99)),
        (task.game.penalties.r1, gamma),
        (task.game.penalties.r2, gamma),
        (task.averaging.half_life, (0.0, half_life)),
        (task.strength.schedule, (0.0, strength)),
    ):
        wanted = [start, (start + end) / 2, end, end]
        np.testing.assert_allclose([schedule(n) for n in seen], wanted, rtol=1e-5)


def test_srgan_and_esrgan_are_the_papers():
    """Ledig et al. 2016, sections 2.2 and 3.2; Wang et al. 2018, sections 3 and 4.1."""
    first, second = task_of("div2k_srgan_x4"), task_of("df2k_esrgan_x4")
    assert first.perceptual.layers == ("relu5_4",)
    assert second.perceptual.layers == ("conv5_4",)
    np.testing.assert_allclose(first.perceptual.weights, 1 / 12.75**2, rtol=0.03)
    assert not first.loss.relativistic and second.loss.relativistic
    for task, steps, wanted in (
        (first, (0, 99_999, 100_000), (1e-4, 1e-4, 1e-5)),
        (second, (0, 50_000, 100_000, 399_999), (1e-4, 5e-5, 2.5e-5, 6.25e-6)),
    ):
        schedules = task.generator_optimizer, task.discriminator_optimizer
        for schedule in (each.schedule for each in schedules):
            np.testing.assert_allclose([schedule(i) for i in steps], wanted, rtol=1e-5)
    before = task_of("div2k_srgan_x4:mse")
    assert type(before.model) is type(first.generator)


@pytest.mark.parametrize("name", ["cifar10_sngan", "cifar10_sngan_cond"])
def test_sngan_learns_ever_more_slowly(name):
    """50,000 steps of 5 x 64 images, from 2e-4 to 0."""
    task = task_of(name)
    assert (task.n_critic, task.generator_batches) == (5, 2)
    assert task.game.conditional == name.endswith("cond")
    seen = jnp.float32([0, 4 * MILLION, 16 * MILLION])
    rates = [task.generator_optimizer.schedule(n) for n in seen]
    np.testing.assert_allclose(rates, [2e-4, 1.5e-4, 0], atol=1e-10)


@pytest.mark.parametrize("name", ["cifar10_biggan", "cifar10_biggan_diffaug"])
def test_biggan_averages_from_step_1000_on(name):
    decay = task_of(name).averaging.decay_at
    found = [float(decay(jnp.int32(step))) for step in (0, 999, 1000, 90_000)]
    np.testing.assert_allclose(found, [0, 0, 0.9999, 0.9999], atol=1e-6)
