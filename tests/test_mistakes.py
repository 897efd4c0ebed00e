"""Every mistake gets one sentence and exit code 2, and costs nothing."""

import fcntl
import json
import pathlib
import shlex
import shutil
import subprocess
import sys

import pytest
from mistakes import gets_one_sentence_and_costs_nothing, one_sentence
from wrong_files import save_arrays, save_images, save_texts

from resnet_jax.main import main

# The config of the finished run; a block per stage compiles in a third of the time.
TRAIN = (
    "train --config=digits_resnet:smoke --config.model.stage_sizes=(1,1,1) "
    "--config.best=\"('test/loss','min')\" "
)
NPZ = TRAIN + "--config.data.source.name=npz --config.data.source.path="
TFDS = TRAIN + "--config.data.source.name=tfds "
FOLDER = (
    TRAIN + "--config.data.mean=none --config.data.std=none "
    "--config.data.source.name=folder --config.data.source.root="
)
TRANSFORM = TRAIN + "--config.data.train.transforms."
PREPARE = "prepare --data_dir=out "

# What is typed after `resnet-jax`; what the sentence must hold: the value, the remedy.
VERBS = [
    ("", "name a verb", "train, evaluate, classify"),
    ("trian", "'trian'", "Did you mean train?"),
    ("--verbose", "'--verbose'", "Known: benchmark, classify"),
    ("train", "needs --config", "such as --config=digits_resnet"),
    ("train --config=", "needs --config", "Known: bsds_colorize, bsds_sr"),
    ("train --config", "Missing value", "--config", "usage: resnet-jax train"),
    ("train --config.seed=1", "needs --config", "such as --config=digits_resnet"),
    ("train --config=digits_resent", "'digits_resent'", "Did you mean digits_resnet"),
    ("train --config=configs/no.py", "'configs/no.py'", "neither a file nor a shipped"),
    ("train --config=run/config.json", "run/config.json", "expected one with a funct"),
    ("train --config=empty.py", "'empty.py'", "no get_config()"),
    ("train --config=nothing.py", "returns None", "expected a ConfigDict"),
    ("train --config=plain.py:smoke", "no variant 'smoke'", "see there"),
    ("train --config=digits_resnet:smok", "no variant 'smok'", "see there"),
    (TRAIN + "--wrkdir=x", "--wrkdir", "Did you mean workdir?"),
    (TRAIN + "--dry_run=maybe", "--dry_run=maybe", "expected true or false"),
    (TRAIN + "more", "'more'", "usage: resnet-jax train --config=NAME"),
    (TRAIN + "--distributed=maybe", "'maybe'", "expected auto, on or off"),
    (TRAIN + "--coordinator=a:1", "--coordinator=a:1", "needs --num_processes"),
]
CONFIG = [
    (TRAIN + "--config.batchsize=4", "'batchsize'", "Did you mean config.batch_size?"),
    (TRAIN + "--config.momentum=1", "'momentum'", "Did you mean config.optim.momentum"),
    (TRAIN + "--config.modle.width=4", "'modle'", "Did you mean config.model?"),
    (TRAIN + "--config.xyz=1", "'xyz'", "Known: batch_size, best, data"),
    (TRAIN + "--config.model.widht=4", "no 'widht'", "Did you mean width"),
    (TRAIN + "--config.model.name=dcgan_generator", "does not classify", "resnet20"),
    (TRAIN + "--config.optim.momentun=1", "no 'momentun'", "Did you mean momentum?"),
    (TRAIN + "--config.optim.schedule.bas=1", "no 'bas'", "Did you mean base?"),
    (TRAIN + "--config.task.mixip=1", "no 'mixip'", "Did you mean mixup"),
    (TRAIN + "--config.data.sorce.name=npz", "no 'sorce'", "Did you mean source?"),
    (TRAIN + "--config.data.evals.test.splt=x", "no 'splt'", "Did you mean split?"),
    (TRAIN + "--config.data.source.size=8", "no 'size'", "It takes none"),
    (TRANSFORM + "pad_crop_flip.padd=1", "no 'padd'", "Did you mean pad?"),
    (TRAIN + "--config.run.log_evry=5", "no 'log_evry'", "Did you mean log_every"),
    (TRAIN + "--config.batch_size=many", "batch_size is 'many'", "a whole number"),
    (TRAIN + "--config.batch_size=1.5", "batch_size is '1.5'", "a whole number"),
    (TRAIN + "--config.seed=none", "seed is None", "expected a whole number"),
    (TRAIN + "--config.optim.nesterov=3", "nesterov is '3'", "true or false"),
    (TRAIN + "--config.optim.clip_norm=x", "clip_norm is 'x'", "expected a number or"),
    (TRAIN + "--config.model.width=wide", "width is 'wide'", "a whole number"),
    (TRAIN + "--config.task.cutmix=x", "cutmix is 'x'", "expected a number"),
    (TRAIN + "--config.model=none", "model is None", "expected a section"),
    (TRAIN + "--config.task=none", "has no task", "set config.task.name"),
    (TRAIN + "--config.data=none", "has no data", "set config.data.source.name"),
    (TRAIN + "--config.model=resnet20", "is a section", "set config.model.name"),
    (TRAIN + "--config.seed.x=1", "config.seed.x", "'seed' is a value"),
    (TRAIN + "--config.model.name=resnet21", "'resnet21'", "Did you mean"),
    (TRAIN + "--config.optim.name=sdg", "'sdg'", "Did you mean sgd?"),
    (TRAIN + "--config.optim.schedule.name=cos", "'cos'", "Did you mean cosine"),
    (
        TRAIN + "--config.task.loss=crossentropy",
        "'crossentropy'",
        "Did you mean cross_",
    ),
    (
        TRAIN + "--config.task.name=clasification",
        "'clasification'",
        "Did you mean classification",
    ),
    (TRAIN + "--config.data.source.name=digit", "'digit'", "Did you mean digits?"),
    (TRANSFORM + "pad_crop.pad=4", "'pad_crop'", "Did you mean pad_crop_flip"),
    (TRAIN + "--config.model.norm=bach", "'bach'", "Did you mean batch?"),
    (TRAIN + "--config.model.norm.group_size=4", "norm", "needs a name"),
    (TRAIN + "--config.model.act=rellu", "'rellu'", "Did you mean relu"),
    (TRAIN + "--config.model.dtype=float31", "'float31'", "Did you mean float32"),
    (TRAIN + "--config.model.dtype=16", "'16'", "Known: bfloat16, float16"),
]
VALUES = [
    (TRAIN + "--config.optim.schedule.warmup=9", "warmup is 9", "expected 0 to 3"),
    (TRAIN + "--config.optim.schedule.base=-1", "base is -1", "expected 0 or more"),
    (TRAIN + "--config.optim.clip_norm=0", "clip_norm is 0", "expected more than 0"),
    (TRAIN + "--config.optim.freeze='(\"fcc\",)'", "'fcc'", "Did you mean fc?"),
    (TRAIN + "--config.optim.freeze=fc", "freeze is 'fc'", "expected a tuple"),
    (TRAIN + "--config.batch_size=0", "batch_size is 0", "at least 1"),
    (TRAIN + "--config.batch_size=-8", "batch_size is -8", "at least 1"),
    (TRAIN + "--config.batch_size=2000", "batch_size 2000", "1437 examples"),
    (TRAIN + "--config.total_steps=0", "total_steps is 0", "at least 1"),
    (TRAIN + "--config.seed=-1", "seed is -1", "at least 0"),
    (TRAIN + "--config.task.microbatches=3", "microbatches is 3", "a divisor"),
    (TRAIN + "--config.task.ema_decay=1.5", "ema_decay is 1.5", "expected 0 <="),
    (TRAIN + "--config.task.ema_every=0", "ema_every is 0", "at least 1"),
    (TRAIN + "--config.task.mix_per=elem", "'elem'", "'batch' or 'example'"),
    (TRAIN + "--config.task.mix_probability=2", "mix_probability is 2", "0 to 1"),
    (TRAIN + "--config.task.l1=-1", "l1 is -1", "expected 0 (off) or more"),
    (TRAIN + "--config.task.bce_threshold=0.2", "'cross_entropy'", "drop one of them"),
    (TRAIN + "--config.patience=-1", "patience is -1", "at least 0"),
    (TRAIN + "--config.patience=few", "patience is 'few'", "a whole number"),
    (TRAIN + "--config.teacher.weight=0.5", "source is None", "expected a run folder"),
    (TRAIN + "--config.task.label_smoothing=1.5", "smoothing is 1.5", "expected 0 <="),
    (TRAIN + "--config.task.mixup=-1", "mixup is -1", "expected 0 (off) or more"),
    (TRAIN + "--config.model.num_classes=5", "is 5", "10 classes", "at least as many"),
    (TRAIN + "--config.model.width=0", "is 0", "1 or more"),
    (
        TRAIN + "--config.model.norm.name=batch --config.model.norm.group_size=3",
        "group_size 3",
        "take a divisor",
    ),
    (TRAIN + "--config.data.mean=(0.1,0.2)", "not 2", "one per channel"),
    (TRAIN + "--config.data.mean=(128,)", "(128.0,)", "divide by 255"),
    (TRAIN + "--config.data.on_bad_example=skp", "'skp'", "'stop' or 'skip'"),
    (TRAIN + "--config.best=\"('test/acuracy','max')\"", "'test/acuracy'", "Did you m"),
    (TRAIN + "--config.best=\"('test/loss','low')\"", "low", "'max' or 'min'"),
    (TRAIN + "--config.best=\"('test/loss',)\"", "('test/loss',)", "tuple of 2 values"),
    (TRAIN + "--config.best=loss", "best is 'loss'", "expected a tuple"),
    (TRAIN + "--config.run.parallel=pjit", "'pjit'", "expected 'jit' or 'pmap'"),
    (TRAIN + "--config.run.fsdp=3 --config.run.parallel=pmap", "run.fsdp is 3", "set"),
    (TRAIN + "--config.run.fsdp=3 --config.run.parallel=fsdp", "a divisor of", "0 for"),
    (TRAIN + "--config.run.on_nonfinite=ignore", "'ignore'", "'stop' or 'rollback'"),
    (TRAIN + "--config.run.keep=0", "keep is 0", "at least 1"),
    (TRAIN + "--config.run.profile=(3,1)", "(3, 1)", "the first and the last step"),
    (TRANSFORM + "resize.size=big", "size is 'big'", "a whole number or a tuple"),
    (TRANSFORM + "center_crop.size=64", "64 pixels", "put a resize before it"),
    (TRANSFORM + "color_jitter.hue=2", "not 2", "from 0 to 0.5"),
]
DATA = [
    (TRAIN + "--config.data.source.name=npz", "'npz'", "needs path"),
    (NPZ + "3", "path is 3", "expected text"),
    (NPZ + "none.npz", "none.npz", "No such file"),
    (NPZ + "text.npz", "text.npz", "expected one that np.savez has written"),
    (NPZ + "keys.npz", "pictures", "keys like x_train and y_train are expected"),
    (NPZ + "floats.npz", "float64", "must be stored as uint8"),
    (NPZ + "lengths.npz", "32 images and 5 values", "one per image"),
    (NPZ + "labels.npz", "label -3", "outside [0, 4)"),
    (NPZ + "unlabeled.npz", "has no labels", "choose another data.source"),
    (NPZ + "good.npz --config.data.train.split=valid", "'valid'", "only train, test"),
    (TRAIN + "--config.data.train.split=trian", "'trian'", "Did you mean train?"),
    (TFDS, "'tfds'", "needs dataset"),
    (
        TFDS + "--config.data.source.dataset=mnist --config.data.source.data_dir=empty",
        "'mnist' is not prepared in empty",
        "resnet-jax prepare --dataset=mnist",
    ),
    (
        TFDS + "--config.data.source.dataset=imags --config.data.source.data_dir=.",
        "'imags' is not prepared in .;",
        "`tfds build imags --file_format=array_record`",
        "Did you mean images?",
    ),
    (FOLDER + "nowhere", "no folder nowhere", "nowhere/<split>/<class>/<image>"),
    (FOLDER + "empty", "empty has no folders", "<split>/<class>/<image> is expected"),
    (FOLDER + "images/train", "no split 'train'", "'all': its folders are the classes"),
    (FOLDER + "flat", "no class folders", "flat/train/<class>/<image> is expected"),
    (FOLDER + "hollow", "hollow/train/c", "remove it or fill it"),
    (FOLDER + "corrupt", "corrupt/train/a/0.png is damaged", "on_bad_example='skip'"),
    (FOLDER + "zero", "zero/train/a/0.png is empty", "on_bad_example='skip'"),
    (FOLDER + "truncated", "0.png is damaged: image file is truncated", "='skip'"),
    (FOLDER + "huge", "56,000,000 pixels", "scale it down"),
]
RUNS = [
    (TRAIN + "--workdir=file", "'file' is a file", "name a folder"),
    (TRAIN + "--workdir=file/run", "'file/run'", "name another with --workdir"),
    (TRAIN + "--workdir=/proc/run", "'/proc/run'", "name another with --workdir"),
    (TRAIN + "--workdir=images", "'images' is not empty", "name a new folder"),
    (TRAIN + "--workdir=broken", "broken/config.json' is not JSON", "restore it"),
    (
        TRAIN + "--workdir=run --config.optim.name=adam",
        "optim.name is 'sgd' there and 'adam' here",
        "Use another workdir, or --allow-changes",
    ),
    (
        TRAIN + "--workdir=run --config.total_steps=8",
        "total_steps is 4 there and 8 here",
        "--allow-changes",
    ),
    (
        TRAIN + "--workdir=run --config.model.width=8 --allow-changes",
        "checkpoint 4 is of another network",
        "use its own config, or another workdir",
    ),
    (
        TRAIN + "--workdir=edited --config.model.width=8",
        "checkpoint 4 is of another network",
        "use its own config, or another workdir",
    ),
    (
        TRAIN + "--config.init_from=nowhere",
        "no pretrained weights 'nowhere'",
        "Closest",
    ),
    (TRAIN + "--config.init_from=images", "'images' has no weights", "or a run of"),
    (TRAIN + "--config.init_from=text.npz", "'text.npz'", "neither safetensors nor"),
    (TRAIN + "--config.teacher.source=runs/a", "no file or folder 'runs/a'"),
    (
        TRAIN + "--config.teacher.source=run --config.teacher.weight=2",
        "teacher.weight is 2",
        "at most 1",
    ),
    (
        TRAIN + "--config.teacher.source=run --config.teacher.wieght=1",
        "no 'wieght'",
        "Did you mean weight?",
    ),
    (
        TRAIN + "--config.teacher.source=run --config.model.num_classes=11",
        "tells 10 classes apart and the student 11",
        "choose a teacher of the same",
    ),
    (
        TRAIN + "--config.init_from=run --config.model.width=8",
        "'run' holds another network",
        "use the model",
    ),
    ("convert", "needs SOURCE", "usage: resnet-jax convert SOURCE"),
    ("convert run", "convert needs --out", "--to=timm --out=DIR"),
    ("convert run --out=images", "'images' is not an empty folder", "name a new one"),
    ("convert run --out=text.npz", "'text.npz' is not an empty folder", "a new one"),
    ("convert run --out=out --to=keras", "--to is 'keras'", "expected 'timm'"),
    ("convert run --out=out --private", "--private needs --push", "user/name"),
    ("convert run --out=out --checkpoint=7", "'7'", "of which there are: 4, 2"),
    ("convert text.npz --out=out", "'text.npz'", "neither safetensors"),
    ("convert images --out=out", "'images' has no weights", "or a run of"),
    ("convert resnet5O --out=out", "no pretrained weights 'resnet5O'", "resnet50"),
    ("convert resnet200 --out=out", "nobody published weights", "create_model"),
    ("evaluate", "needs SOURCE", "usage: resnet-jax evaluate SOURCE"),
    ("evaluate nowhere", "'nowhere' holds no run", "expected a --workdir"),
    ("evaluate images", "'images' has no weights", "or a run of `resnet-jax train`"),
    ("evaluate run --severity=3", "--severity needs --corruptions", "such as all"),
    ("evaluate run --corruptions=fogg", "unknown corruption 'fogg'", "mean fog?"),
    ("evaluate run --corruptions=fog --severity=6", "severity is 6", "1 to 5"),
    ("evaluate run --skip-bad", "are for --folder=FOLDER", "--config.data"),
    ("evaluate run --out=run", "'run' holds a run", "name another folder"),
    ("evaluate run --folder=nowhere", "no folder nowhere", "<class>/<image>"),
    ("evaluate run --folder=images --split=test", "has 10 classes", "--classes=FILE"),
    ("evaluate run --folder=images --classes=none", "no file 'none'", "--classes"),
    ("evaluate run --split=tst", "'tst'", "Did you mean test?"),
    ("evaluate run --checkpoint=7", "'7'", "of which there are: 4, 2"),
    ("evaluate run --checkpoint=last", "'last'", "'newest', 'best'"),
    ("evaluate run --batch_size=-1", "batch_size is -1", "at least 1"),
    ("evaluate run --batch-size=x", "--batch_size=x", "a whole number"),
    ("evaluate run --config=digits_resnet", "--config", "Known: batch_size"),
    (
        "evaluate run --config.model.width=3",
        "model.width",
        "only config.data, config",
    ),
    (
        "evaluate run --config.data.source.name=npz --config.data.source.path=good.npz",
        "0, 1, 2 and 1 more",
        "choose data with the same",
    ),
    (
        "evaluate run --config.data.source=none --config.data.source.name=folder "
        "--config.data.source.root=images --config.run.workers=0 --batch_size=4",
        "image (8, 8, 3)",
        "(8, 8, 1); choose data with as many channels",
    ),
    ("classify", "needs SOURCE", "usage: resnet-jax classify SOURCE IMAGES..."),
    ("classify run", "needs IMAGES", "usage: resnet-jax classify SOURCE IMAGES..."),
    ("classify nowhere good.png", "'nowhere' holds no run", "expected a --workdir"),
    ("classify run none.png", "no file or folder 'none.png'", "expected images"),
    ("classify run empty", "'empty' holds no .png", ".tiff file"),
    ("classify run text.png", "text.png", "not a readable PNG, JPEG, WebP or TIFF"),
    ("classify run huge.png", "huge.png has 56,000,000", "scale it down"),
    ("classify run text.png huge.png", "text.png", "None of the 2 images"),
    ("classify run good.png --top=11", "--top is 11", "expected 1 to 10"),
    ("classify run good.png --top=x", "--top=x", "expected a whole number"),
    ("classify run good.png --explain=gradcam", "=gradcam", "Did you mean grad_cam"),
    ("classify run good.png --out=x", "--out=x is for pictures", "with --explain"),
    ("models resnet2 --layers", "not 'resnet2'", "Did you mean"),
    ("classify run good.png --config.seed=1", "no --config.seed", "usage"),
    ("models resnet21", "'resnet21'", "Did you mean"),
    ("models 'vit*'", "'vit*'", "Known: airbench94"),
    ("models resnet18 resnet34", "'resnet34'", "usage: resnet-jax models [PATTERN]"),
    (PREPARE, "needs --dataset", "--from=FOLDER"),
    (PREPARE + "--dataset=mnist", "needs --from", "--from=FOLDER"),
    (PREPARE + "--dataset=minst --from=empty", "'minst'", "Did you mean mnist?"),
    (PREPARE + "--dataset=mnist --from=nowhere", "no folder nowhere", "the files of m"),
    (PREPARE + "--dataset=mnist --from=empty", "empty lacks", "t10k-labels-idx1-ubyte"),
    (PREPARE + "--dataset=cifar10 --from=empty", "empty lacks", "binary.tar.gz"),
    (
        "prepare --dataset=mnist --from=empty --data_dir=file",
        "file is",
        "name a folder",
    ),
    ("benchmark", "needs --config", "such as --config=digits_resnet"),
    ("benchmark --config=digits_resnet:smoke --steps=1", "--steps is 1", "at least 2"),
    ("benchmark --config=digits_resnet:smoke --steps=x", "--steps=x", "a whole number"),
]
MISTAKES = [*VERBS, *CONFIG, *VALUES, *DATA, *RUNS]


@pytest.fixture(scope="module")
def place(tmp_path_factory, finished_run) -> pathlib.Path:
    """A folder with a finished run and with files that something is wrong with."""
    folder = tmp_path_factory.mktemp("place")
    shutil.copytree(finished_run, folder / "run")
    shutil.copytree(finished_run, folder / "edited")
    config = json.loads((folder / "edited" / "config.json").read_text())
    config["model"]["width"] = 8
    (folder / "edited" / "config.json").write_text(json.dumps(config))
    save_texts(folder)
    save_arrays(folder)
    save_images(folder)
    return folder


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m[0].replace(TRAIN, ""))
def test_a_mistake_gets_one_sentence_and_costs_nothing(
    mistake, place, monkeypatch, capsys
):
    monkeypatch.chdir(place)
    gets_one_sentence_and_costs_nothing(mistake, place, capsys)


@pytest.mark.parametrize(
    "mistake", [VERBS[1], VERBS[7], CONFIG[4], VALUES[10], DATA[2], RUNS[12]]
)
def test_the_command_ends_with_code_2_and_one_line(mistake, place):
    line, *says = mistake
    command = [sys.executable, "-m", "resnet_jax", *shlex.split(line)]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True)
    assert done.returncode == 2
    one_sentence(done.stderr, tuple(says))
    assert done.stdout == ""


def test_two_trainings_in_one_folder_are_refused(place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    with open(place / "run" / "lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert main(shlex.split(TRAIN + "--workdir=run")) == 2
    one_sentence(capsys.readouterr().err, ("another process", "wait for it"))


def test_a_good_image_among_bad_ones_is_classified(place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    assert main(["classify", "run", "text.png", "good.png"]) == 0
    output = capsys.readouterr()
    assert output.err.startswith("warning: text.png is not a readable")
    assert output.err.count("\n") == 1 and "good.png" in output.out


def test_errors_in_a_configs_own_code_keep_their_traceback(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("def get_config():\n    return 1 / 0\n")
    with pytest.raises(ZeroDivisionError):
        main(["train", f"--config={file}"])
