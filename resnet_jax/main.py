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
from typing import Any

from absl import flags

from resnet_jax.files import cache_folder
from resnet_jax.lookup import describe, suggest
from resnet_jax.verbs.usage import (
    COMMON,
    VERBS,
    Flag,
    Verb,
    usage,
    verb_line,
    verb_usage,
)

# Exit codes, beside 0 and Python's 1 for a fault of ours.
MISTAKE, FAILED, PREEMPTED, INTERRUPTED = 2, 3, 75, 130


def main(argv: Sequence[str]) -> int:
    """Runs a command line without the program's name; returns the exit code."""
    quiet_libraries()
    try:
        if not argv:
            raise ValueError(f"name a verb ({', '.join(VERBS)}), or --help.")
        if argv[0] in ("-h", "--help", "help"):
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
        return INTERRUPTED
    except Exception as error:
        failures = dict.fromkeys(("NonFiniteError", "LostError", "SaveError"), FAILED)
        code = {"Preempted": PREEMPTED, **failures}.get(type(error).__name__)
        if code is None:
            raise
        return _say(error, code)
    return 0


def _say(error: BaseException, code: int) -> int:
    word = "preempted" if code == PREEMPTED else "error"
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, OSError) and error.filename:
        text = f"'{error.filename}': {error.strerror}."
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
    overrides, plain = {}, []
    bare = {f"--{flag.name}": flag.bare for flag in verb.flags if flag.bare}
    for argument in rest:
        if match := re.fullmatch(r"--config\.([\w.]+)=(.*)", argument, re.DOTALL):
            overrides[match[1]] = match[2]
        elif match := re.fullmatch(r"--(no)?config\.([\w.]+)", argument):
            overrides[match[2]] = "false" if match[1] else "true"
        else:
            flag, equals, text = argument.partition("=")
            dashed = flag.startswith("--")
            flag = "--" + flag[2:].replace("-", "_") if dashed else flag
            if flag in bare and not equals:
                equals, text = "=", bare[flag]
            plain.append(flag + equals + text)
    values = flags.FlagValues()
    _define(values, (*verb.flags, *COMMON))
    if verb.config:
        flags.DEFINE_string("config", None, "", flag_values=values)
    try:
        positional = values([name, *plain])[1:]
    except flags.UnrecognizedFlagError as error:
        hint = suggest(error.flagname, values)
        raise ValueError(f"unknown flag --{error.flagname}. {hint}") from error
    except flags.IllegalFlagValueError as error:
        given = str(error).partition(":")[0].removeprefix("flag ")
        kind = describe(type(values[given[2:].partition("=")[0]].default))
        raise ValueError(f"{given}: expected {kind}.") from error
    except flags.Error as error:
        raise ValueError(f"{error}; usage: {verb_line(name)}") from error
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
            raise ValueError(f"{name} needs {key.upper()}; usage: {verb_line(name)}")
    if given:
        raise ValueError(f"unexpected '{given[0]}'; usage: {verb_line(name)}")
    return arguments


def call(name: str, arguments: dict[str, Any]) -> None:
    """Starts JAX as asked, builds what the verb needs, and calls it."""
    from resnet_jax import parallel

    common = {flag.name: arguments.pop(flag.name) for flag in COMMON}
    if common.pop("compilation_cache"):
        parallel.cache_compilations(cache_folder("xla"))
    parallel.start(**common)
    verb, overrides = VERBS[name], arguments.pop("overrides")
    if verb.config:
        from resnet_jax import config as configs

        if not arguments["config"]:
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
    elif verb.fields:
        arguments["overrides"] = overrides
    elif overrides:
        field = next(iter(overrides))
        raise ValueError(f"{name} takes no --config.{field}; usage: {verb_line(name)}")
    function = getattr(importlib.import_module(f"resnet_jax.verbs.{name}"), name)
    as_json = arguments.pop("json", False)
    if "from" in arguments:
        arguments["source"] = arguments.pop("from")
    result = function(**arguments)
    if name != "train" and parallel.is_first():
        print(json.dumps(result, indent=2) if as_json else result)


def quiet_libraries() -> None:
    """What our dependencies note for their developers is not for our users."""
    warnings.simplefilter("ignore")
    for library in ("absl", "asyncio", "jax", "orbax", "tensorflow_datasets"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
