"""The command line: parse, build, call."""

import importlib
import json
import logging
import os
import pathlib
import re
import sys
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

from absl import flags

from resnet_jax.lookup import suggest

# Exit codes, beside 0 and Python's 1 for a fault of ours.
MISTAKE, FAILED, PREEMPTED = 2, 3, 75


class Flag(NamedTuple):
    """A flag of a verb: its type follows the default."""

    name: str
    default: Any
    help: str


class Verb(NamedTuple):
    """What can be asked for.

    Attributes:
        summary: one line of help.
        positional: names of the positional arguments; one that ends in '?' may be
            missing, one that ends in '...' takes all that follow.
        flags: of this verb.
        config: whether it takes --config and --config.FIELD=VALUE.
    """

    summary: str
    positional: tuple[str, ...]
    flags: tuple[Flag, ...]
    config: bool = False


JSON = Flag("json", False, "print JSON instead of a table")
CHECKPOINT = Flag("checkpoint", "newest", "'newest', 'best' or a step")
VERBS = {
    "train": Verb(
        "train an experiment, or go on where it stopped",
        (),
        (
            Flag("workdir", "", "the run folder; default runs/<config>"),
            Flag("dry_run", False, "say what would happen and write nothing"),
            Flag("quiet", False, "print warnings and the last line only"),
            Flag("allow_changes", False, "go on although the config has changed"),
        ),
        config=True,
    ),
    "evaluate": Verb(
        "metrics of a run's checkpoint on any split",
        ("run",),
        (
            CHECKPOINT,
            Flag("split", "", "a split of the data; default the config's evaluations"),
            Flag("batch_size", 0, "examples per batch; default the config's"),
            JSON,
        ),
    ),
    "classify": Verb(
        "labels and probabilities of images; needs the run, not its data",
        ("run", "images..."),
        (CHECKPOINT, Flag("top", 1, "labels per image"), JSON),
    ),
    "models": Verb(
        "the models by name, with parameters and GFLOPs",
        ("pattern?",),
        (JSON,),
    ),
    "prepare": Verb(
        "write a TFDS directory from files that you have, without TensorFlow",
        (),
        (
            Flag("dataset", "", "mnist, fashion_mnist, cifar10 or cifar100"),
            Flag("from", "", "the folder or file that holds the original files"),
            Flag("data_dir", "", "where to write; default TFDS's own folder"),
        ),
    ),
    "benchmark": Verb(
        "compile time, step time, images/s and memory of a config on this machine",
        (),
        (Flag("steps", 20, "steps to time"), JSON),
        config=True,
    ),
}
# Flags that every verb understands.
COMMON = (
    Flag(
        "compilation_cache", True, "keep compiled programs in the user's cache folder"
    ),
    Flag("distributed", "auto", "'on' for a cluster, 'off', or 'auto'"),
    Flag("coordinator", "", "host:port of process 0, with the two flags below"),
    Flag("num_processes", 0, "processes of the run"),
    Flag("process_id", -1, "this process's number"),
)


def main(argv: Sequence[str]) -> int:
    """Runs a command line without the program's name; returns the exit code."""
    quiet_libraries()
    try:
        if not argv or argv[0] in ("-h", "--help", "help"):
            print(usage())
            return 0
        if argv[0] == "--version":
            from resnet_jax import __version__

            print(f"resnet_jax {__version__}")
            return 0
        verb, arguments = parse(list(argv))
        if verb is None:
            return 0
        call(verb, arguments)
    except (ValueError, OSError, flags.Error) as error:
        return _say(error, MISTAKE)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        code = {"Preempted": PREEMPTED, "NonFiniteError": FAILED, "SaveError": FAILED}
        if type(error).__name__ not in code:
            raise
        return _say(error, code[type(error).__name__])
    return 0


def _say(error: BaseException, code: int) -> int:
    word = "preempted" if code == PREEMPTED else "error"
    text = " ".join(str(error).split()) or type(error).__name__
    print(f"{word}: {text}", file=sys.stderr)
    return code


def parse(argv: list[str]) -> tuple[str | None, dict[str, Any]]:
    """The verb and its arguments by name; (None, {}) after printing a verb's help."""
    name, *rest = argv
    if name not in VERBS:
        raise ValueError(f"unknown verb '{name}'. {suggest(name, VERBS)}")
    verb = VERBS[name]
    if {"-h", "--help"} & set(rest):
        print(verb_usage(name))
        return None, {}
    overrides = {}
    plain = []
    for argument in rest:
        if match := re.fullmatch(r"--config\.([\w.]+)=(.*)", argument, re.DOTALL):
            overrides[match[1]] = match[2]
        elif match := re.fullmatch(r"--(no)?config\.([\w.]+)", argument):
            overrides[match[2]] = "false" if match[1] else "true"
        else:
            flag, equals, text = argument.partition("=")
            dashed = flag.startswith("--")
            flag = "--" + flag[2:].replace("-", "_") if dashed else flag
            plain.append(flag + equals + text)
    values = flags.FlagValues()
    _define(values, (*verb.flags, *COMMON))
    if verb.config:
        flags.DEFINE_string("config", None, "", flag_values=values)
    positional = values([name, *plain])[1:]
    arguments = {key: values[key].value for key in values}
    arguments |= _positional(name, verb, positional)
    return name, {**arguments, "overrides": overrides}


def _define(values: flags.FlagValues, wanted: Sequence[Flag]) -> None:
    define: dict[type, Any] = {
        bool: flags.DEFINE_boolean,
        int: flags.DEFINE_integer,
        str: flags.DEFINE_string,
    }
    for flag in wanted:
        define[type(flag.default)](
            flag.name, flag.default, flag.help, flag_values=values
        )


def _positional(name: str, verb: Verb, given: list[str]) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    for wanted in verb.positional:
        key = wanted.rstrip("?.")
        if wanted.endswith("..."):
            arguments[key], given = tuple(given), []
            missing = not arguments[key]
        else:
            missing = not given and not wanted.endswith("?")
            arguments[key], given = (given[0], given[1:]) if given else ("", [])
        if missing:
            raise ValueError(f"{name} needs {key.upper()}: {verb_line(name)}")
    if given:
        raise ValueError(f"unexpected argument '{given[0]}': {verb_line(name)}")
    return arguments


def call(name: str, arguments: dict[str, Any]) -> None:
    """Starts JAX as asked, builds what the verb needs, and calls it."""
    from resnet_jax import parallel

    common = {flag.name: arguments.pop(flag.name) for flag in COMMON}
    if common.pop("compilation_cache"):
        cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
        parallel.cache_compilations(pathlib.Path(cache) / "resnet_jax" / "xla")
    parallel.start(**common)
    overrides = arguments.pop("overrides")
    if VERBS[name].config:
        from resnet_jax import config as configs

        if arguments["config"] is None:
            raise ValueError(
                f"{name} needs --config, such as --config=digits_resnet. Known: "
                f"{', '.join(configs.names())}."
            )
        config = configs.read(arguments["config"])
        for field, text in overrides.items():
            configs.override(config, field, text)
        stem = pathlib.Path(arguments["config"].partition(":")[0]).stem
        variant = arguments["config"].partition(":")[2]
        arguments |= {"config": config, "name": "-".join(filter(None, (stem, variant)))}
    elif name == "evaluate":
        arguments["overrides"] = overrides
    elif overrides:
        raise ValueError(f"{name} takes no --config.{next(iter(overrides))}.")
    function = getattr(importlib.import_module(f"resnet_jax.verbs.{name}"), name)
    as_json = arguments.pop("json", False)
    if "from" in arguments:
        arguments["source"] = arguments.pop("from")
    result = function(**arguments)
    if name != "train":
        print(json.dumps(result, indent=2) if as_json else result)


def usage() -> str:
    """The help page."""
    width = max(map(len, VERBS))
    verbs = (f"  {name:{width}}  {verb.summary}" for name, verb in VERBS.items())
    return "\n".join(
        [
            "usage: resnet-jax VERB [arguments]",
            "",
            *verbs,
            "",
            "resnet-jax VERB --help says more. Exit codes: 0 done, 2 a mistake in what",
            "was asked for, 3 the run failed, 75 stopped on request and saved.",
        ]
    )


def verb_line(name: str) -> str:
    """How a verb is called, in one line."""
    words = [word.rstrip("?").upper() for word in VERBS[name].positional]
    config = ["--config=NAME"] if VERBS[name].config else []
    return " ".join(["resnet-jax", name, *config, *words, "[--flag=value ...]"])


def verb_usage(name: str) -> str:
    """The help page of one verb."""
    lines = [f"usage: {verb_line(name)}", "", VERBS[name].summary, ""]
    for flag in (*VERBS[name].flags, *COMMON):
        lines.append(f"  --{flag.name}={flag.default!r:<10} {flag.help}")
    if VERBS[name].config:
        lines.append("  --config.FIELD=VALUE  any field of the config")
    return "\n".join(lines)


def quiet_libraries() -> None:
    """What our dependencies note for their developers is not for our users."""
    warnings.simplefilter("ignore")
    for library in ("absl", "asyncio", "jax", "orbax", "tensorflow_datasets"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def run() -> None:
    """The console command."""
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
