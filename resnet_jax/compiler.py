"""What XLA is told about programs that run for long."""

import contextlib
import functools
import os
from typing import Any

import jax

# Matrix products and sums by a library of kernels: the fastest of its kinds, see
# tests/benchmarks/cpu_step.py; with ELTWISE, EDSR's inference takes 1.4 times as long.
_KINDS = "LIBRARY_FUSION_TYPE_DOT,LIBRARY_FUSION_TYPE_REDUCE"
CPU_OPTIONS = {"xla_cpu_experimental_ynn_fusion_type": _KINDS}


def compiler_options(deterministic: bool = False) -> dict[str, Any]:
    """For jax.jit's compiler_options, of programs that call no other with options.

    On CPUs those of CPU_OPTIONS that this version of XLA knows; one that is named in
    the environment variable XLA_FLAGS stays as it is there.

    Args:
        deterministic: GPU kernels shall add up in the same order each time, as those of
            CPUs and TPUs do.
    """
    if jax.default_backend() == "cpu":
        return _known_options()
    gpu = jax.default_backend() == "gpu"
    return {"xla_gpu_deterministic_ops": True} if gpu and deterministic else {}


@functools.cache
def _known_options() -> dict[str, Any]:
    known = {}
    for name, value in CPU_OPTIONS.items():
        if name not in os.environ.get("XLA_FLAGS", ""):
            with contextlib.suppress(jax.errors.JaxRuntimeError):
                jax.jit(lambda x: x, compiler_options={name: value})(0.0)
                known[name] = value
    return known
