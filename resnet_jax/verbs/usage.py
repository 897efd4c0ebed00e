"""What the command line takes, and its help pages."""

import textwrap
from collections.abc import Sequence
from typing import NamedTuple


class Flag(NamedTuple):
    """A flag of a verb: its type follows the default.

    Attributes:
        name: with underscores; dashes are taken too.
        default: its value where it is not given.
        help: one line.
        bare: the value of a text flag that is typed without one, '' where it needs one.
    """

    name: str
    default: bool | int | str
    help: str
    bare: str = ""

    @property
    def usage(self) -> str:
        """As it is typed."""
        name = self.name.replace("_", "-")
        if isinstance(self.default, bool):
            return f"--no{name}" if self.default else f"--{name}"
        value = f"={'N' if isinstance(self.default, int) else 'TEXT'}"
        return f"--{name}[{value}]" if self.bare else f"--{name}{value}"


class Verb(NamedTuple):
    """What can be asked for.

    Attributes:
        summary: one line of help.
        positional: names of the positional arguments; one that ends in '?' may be
            missing, one that ends in '...' takes all that follow.
        flags: of this verb.
        config: whether it takes --config=NAME.
        fields: the help of --config.FIELD=VALUE, '' where that is not taken.
    """

    summary: str
    positional: tuple[str, ...]
    flags: tuple[Flag, ...]
    config: bool = False
    fields: str = ""


FIELDS = "any field of the config: --config.batch_size=64"
JSON = Flag("json", False, "print JSON instead of a table")
CHECKPOINT = Flag("checkpoint", "newest", "'newest' (the default), 'best' or a step")
MODEL = Flag("model", "", "the network of a weights file that does not say it")
PREPROCESSING = Flag(
    "preprocessing", "", "JSON, or a file of it, for weights that do not say theirs"
)
VERBS = {
    "train": Verb(
        "train an experiment, or go on where it stopped",
        (),
        (
            Flag("workdir", "", "the run folder; by default runs/<config>"),
            Flag("dry_run", False, "say what would happen and write nothing"),
            Flag("quiet", False, "print warnings and the last line only"),
            Flag("allow_changes", False, "go on although the config was changed"),
        ),
        config=True,
        fields=FIELDS,
    ),
    "evaluate": Verb(
        "metrics of a run on its data, or of a run or pretrained weights on a folder",
        ("source",),
        (
            Flag("folder", "", "images in class folders; by default a run's own data"),
            Flag("split", "", "a split of the data; by default the run's evaluations"),
            CHECKPOINT,
            PREPROCESSING,
            Flag("classes", "", "a file: the folder of each class, in outputs' order"),
            Flag("corruptions", "", "'all', or names: accuracy under each of them too"),
            Flag("severity", "", "of the corruptions, as 1,3,5; by default all five"),
            Flag("lpips", "", "alexnet, vgg16 or a file: LPIPS of restored images too"),
            Flag("batch_size", 0, "examples per batch; by default the run's"),
            Flag("workers", 0, "processes that read a folder; by default 4 threads"),
            Flag("skip_bad", False, "leave unreadable images of a folder out"),
            Flag("out", "", "a folder to write numbers, tables and a page to"),
            JSON,
        ),
        fields="of data, run, features or lpips: --config.data.source.path=FILE",
    ),
    "classify": Verb(
        "labels and probabilities of images, by a run or by pretrained weights",
        ("source", "images..."),
        (
            CHECKPOINT,
            PREPROCESSING,
            Flag("top", 1, "labels per image; by default one"),
            Flag(
                "explain",
                "",
                "a picture per image; grad_cam or another way",
                "grad_cam",
            ),
            Flag(
                "out", "", "their folder; by default RUN/explanations, or explanations"
            ),
            JSON,
        ),
    ),
    "generate": Verb(
        "images of a run that learned to make them, as PNG files",
        ("source",),
        (
            CHECKPOINT,
            Flag("count", 64, "images; by default 64"),
            Flag("seed", 0, "of the latents, from 0"),
            Flag("labels", "", "classes by name or number, 3,5; by default all"),
            Flag("truncation", "1", "multiplies latents: 0.7 for less variety"),
            Flag("picture", "", "one file: samples, interpolation or truncation"),
            Flag("out", "", "a new folder; by default RUN/generated/STEP-seedN"),
            JSON,
        ),
    ),
    "transform": Verb(
        "restore, enlarge or translate images of any size, and show before and after",
        ("source", "images..."),
        (
            Flag("out", "", "the folder to write to; names are kept"),
            CHECKPOINT,
            Flag("direction", "", "'ab' (the default) or 'ba', between two domains"),
            MODEL,
            Flag(
                "statistics", "", "of a file's batch norm: batch (pix2pix) or running"
            ),
            Flag("tile", -1, "side in pixels, 0: whole images; by default 512/scale"),
            Flag("overlap", -1, "pixels around a tile; by default what it depends on"),
            Flag("ensemble", False, "the mean over 8 flips and turns: slower, better"),
            Flag("batch_size", 1, "tiles at once; by default one"),
            Flag("suffix", "", "is added to names: _x4 makes a_x4.png of a.png"),
            JSON,
        ),
    ),
    "score": Verb(
        "distances of a folder of images from a folder or file of reference ones",
        ("reference", "images?"),
        (
            Flag("features", "inception", "'inception[:FILE]', a run, or weights"),
            Flag("resize", "", "to the network's size: legacy or clean"),
            PREPROCESSING,
            Flag("metrics", "", "frechet,kernel,prdc,mind,classifier; by default all"),
            Flag("batch_size", 0, "images per batch; by default 64"),
            Flag("save_reference", "", "an .npz file for the features of the first"),
            Flag("reference_cache", True, "do not keep references in ~/.cache"),
            JSON,
        ),
    ),
    "models": Verb(
        "the models whose names match PATTERN, such as 'resnet*', and their sizes",
        ("pattern?",),
        (
            Flag(
                "layers", False, "a row per array of one model, or of a run's weights"
            ),
            JSON,
        ),
    ),
    "convert": Verb(
        "write the weights of a run, a file or a published name to a folder",
        ("source",),
        (
            Flag("out", "", "the folder to write, new or empty"),
            Flag("to", "", "'timm' for what timm and transformers load; else our own"),
            CHECKPOINT,
            Flag("direction", "", "of a run between two domains: 'ab' or 'ba'"),
            MODEL,
            Flag("push", "", "upload it to this repository of the hub: user/name"),
            Flag("private", False, "make a new repository private"),
            Flag("create_pr", False, "propose the upload as a pull request"),
        ),
    ),
    "prepare": Verb(
        "write a TFDS directory from files that you have, without TensorFlow",
        (),
        (
            Flag("dataset", "", "mnist, fashion_mnist, cifar10 or cifar100"),
            Flag("from", "", "the folder that holds the original files"),
            Flag("data_dir", "", "where to write; by default TFDS's own folder"),
        ),
    ),
    "resize": Verb(
        "images larger or smaller by MATLAB's bicubic, as PNG files of their names",
        ("source",),
        (
            Flag("scale", "", "1/4 or 4: sides are multiplied by it and rounded up"),
            Flag("size", "", "of all results, HEIGHTxWIDTH, in place of a scale"),
            Flag("crop", False, "first, to sides that the scale 1/N divides"),
            Flag("out", "", "the folder to write, new or empty"),
            JSON,
        ),
    ),
    "benchmark": Verb(
        "compile time, step time, images/s and memory of a config on this machine",
        (),
        (
            Flag("steps", 20, "steps to time; by default 20"),
            Flag("batch_sizes", "", "of a table, as 64,128,256; by default one size"),
            JSON,
        ),
        config=True,
        fields=FIELDS,
    ),
}
# Flags that every verb understands.
COMMON = (
    Flag("compilation_cache", True, "do not keep compiled programs in ~/.cache"),
    Flag("distributed", "auto", "'on' for a cluster, 'off', or 'auto' (the default)"),
    Flag("coordinator", "", "host:port of process 0, with the two flags below"),
    Flag("num_processes", 0, "processes of the run"),
    Flag("process_id", -1, "this process's number, from 0"),
)


def usage() -> str:
    """The help page."""
    lines = [(name, verb.summary) for name, verb in VERBS.items()]
    return "\n".join(
        [
            "usage: resnet-jax VERB [arguments]",
            "",
            *_columns(lines),
            "",
            "resnet-jax VERB --help says more. Exit codes: 0 done, 2 a mistake in what",
            "was asked for, 3 the run failed, 75 training stopped on request and saved",
            "(SIGTERM, Ctrl-C), 130 a second Ctrl-C, or one where nothing is trained.",
        ]
    )


def verb_line(name: str) -> str:
    """How a verb is called, in one line."""
    verb = VERBS[name]
    config = ["--config=NAME"] if verb.config else []
    words = [
        f"[{word[:-1].upper()}]" if word.endswith("?") else word.upper()
        for word in verb.positional
    ]
    return " ".join(["resnet-jax", name, *config, *words, "[--flag=value ...]"])


def verb_usage(name: str) -> str:
    """The help page of one verb."""
    verb = VERBS[name]
    lines = [(flag.usage, flag.help) for flag in (*verb.flags, *COMMON)]
    ending = []
    if verb.fields:
        lines.insert(0, ("--config.FIELD=VALUE", verb.fields))
    if verb.config:
        from resnet_jax.config import names

        lines.insert(
            0, ("--config=NAME", "a config below (NAME:smoke: a trial), or FILE.py")
        )
        ending = ["", textwrap.fill(f"Configs: {', '.join(names())}.", 79)]
    return "\n".join(
        [
            f"usage: {verb_line(name)}",
            "",
            f"{verb.summary[0].upper()}{verb.summary[1:]}.",
            "",
            *_columns(lines),
            *ending,
        ]
    )


def _columns(lines: Sequence[tuple[str, str]]) -> list[str]:
    width = max(len(left) for left, _ in lines)
    return [f"  {left:{width}}  {right}" for left, right in lines]
