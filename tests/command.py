"""Runs as people start them, in child processes, or here; what they leave on disk."""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import time

import jax
import numpy as np

from resnet_jax import config as configs
from resnet_jax.checkpoint import Checkpoints
from resnet_jax.report import Report
from resnet_jax.run import build_data, build_task, load, make_plan
from resnet_jax.train import train

TESTS = pathlib.Path(__file__).parent
TINY = f"--config={TESTS / 'tiny.py'}"


COMMAND_LINE = ("-m", "resnet_jax")


def start(
    *arguments, program=COMMAND_LINE, before=(), devices=1, environment=(), **options
):
    """A child process of Python; all of them share their compiled programs."""
    environment = {
        **os.environ,
        "JAX_PLATFORMS": "cpu",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "PYTHONPATH": str(TESTS.parent),
        "XDG_CACHE_HOME": os.environ["RESNET_JAX_TEST_CACHE"],
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
        **dict(environment),
    }
    return subprocess.Popen(
        [*before, sys.executable, *program, *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def finish(child, expected=0, seconds=120):
    """Its standard output and error, after the expected exit code."""
    try:
        out, err = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        out, err = child.communicate()
        raise AssertionError(f"still running after {seconds} s: {out}{err}") from None
    assert child.returncode == expected, f"exit code {child.returncode}: {out}{err}"
    return out, err


def run(*arguments, expected=0, **options):
    """start, then finish."""
    return finish(start(*arguments, **options), expected)


def tiny(changes):
    """The tiny config as a plain dict, with {'task.mixup': 0.0, ...} changed."""
    config = configs.read(str(TESTS / "tiny.py"))
    for field, value in changes.items():
        configs.override(config, field, str(value))
    return configs.from_json(configs.to_json(config))


def train_here(workdir, config, stopping=lambda step: False, wrap=lambda task: task):
    """The training loop in this process; the final state."""
    data = build_data(config)
    task = wrap(build_task(config, data.spec))
    plan = dataclasses.replace(make_plan(config), stopping=stopping)
    report = Report(workdir, config={}, title="", total_steps=plan.total_steps)
    checkpoints = Checkpoints(workdir, keep=plan.options.keep)
    try:
        return train(task, data, plan, report, checkpoints)[0]
    finally:
        checkpoints.close()
        report.close()


def wait_until(condition, child, seconds=120):
    """Returns when the condition holds; fails where the child ends before."""
    end = time.monotonic() + seconds
    while not condition():
        if child.poll() is not None or time.monotonic() > end:
            child.kill()
            out, err = child.communicate()
            raise AssertionError(f"ended early ({child.returncode}): {out}{err}")
        time.sleep(0.001)


def rows(workdir):
    """The complete lines of metrics.jsonl."""
    try:
        lines = (workdir / "metrics.jsonl").read_text().split("\n")[:-1]
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines]


def reached(workdir):
    """The last step that was logged."""
    return max((row["step"] for row in rows(workdir)), default=0)


def metrics(workdir):
    """{(step, name): value} without times; no number may be there twice."""
    pairs = [
        ((row["step"], name), value)
        for row in rows(workdir)
        for name, value in row.items()
        if name != "step" and not name.startswith("time/")
    ]
    assert len(pairs) == len(dict(pairs))
    return dict(pairs)


def leaves(workdir):
    """{path: bytes} of everything in the newest checkpoint."""
    flat, _ = jax.tree_util.tree_flatten_with_path(load(workdir).state)
    return {
        jax.tree_util.keystr(path): (str(x.dtype), np.asarray(x).tobytes())
        for path, x in flat
    }


def saved(workdir):
    """The steps of the checkpoints on disk, oldest first."""
    folder = workdir / "checkpoints"
    if not folder.exists():
        return []
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit())
