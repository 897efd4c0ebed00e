"""Devices and processes: the mesh, placement of arrays, compiled steps."""

import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from resnet_jax.sharding import DATA, FSDP, begin_step, end_step

AXIS = DATA
MODES = ("jit", "pmap", "fsdp")


def make_mesh(batch_size: int, mode: str = "jit", fsdp: int = 0) -> Mesh:
    """A mesh over the devices that share a batch.

    One process takes the largest number of its devices that divides batch_size.

    Args:
        batch_size: examples of a step.
        mode: one axis, 'data'; under 'fsdp' two, 'data' and 'fsdp'.
        fsdp: devices along the axis 'fsdp', neighbors; 0 for all.

    Raises:
        ValueError: several processes, and their devices do not divide batch_size; or
            fsdp does not divide the devices.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; expected at least 1.")
    # In the order of the processes, each of which holds its own rows of a batch.
    devices = sorted(jax.devices(), key=lambda d: (d.process_index, d.id))
    size = next(n for n in range(len(devices), 0, -1) if batch_size % n == 0)
    if size < len(devices) and jax.process_count() > 1:
        raise ValueError(
            f"batch_size {batch_size} is not divisible by the {len(devices)} devices "
            f"of {jax.process_count()} processes; choose a multiple of {len(devices)}."
        )
    shape = {DATA: size}
    if mode == "fsdp":
        if size % (group := fsdp or size):
            raise ValueError(
                f"run.fsdp is {fsdp} and {size} devices share a batch of {batch_size}; "
                f"choose a divisor of {size}, or 0 for all of them."
            )
        shape = {DATA: size // group, FSDP: group}
    types = (AxisType.Auto,) * len(shape)
    used = np.array(devices[:size]).reshape(*shape.values())
    return Mesh(used, tuple(shape), axis_types=types)


def barrier(name: str) -> None:
    """Waits for the other processes of the run to come to the same point."""
    if jax.process_count() > 1:
        from jax.experimental import multihost_utils

        multihost_utils.sync_global_devices(name)


def is_first() -> bool:
    """Whether this is the process that speaks and writes."""
    return jax.process_index() == 0


def replicated(mesh: Mesh) -> NamedSharding:
    """Every device holds the whole array."""
    return NamedSharding(mesh, P())


def split(mesh: Mesh) -> NamedSharding:
    """The devices share the first axis."""
    return NamedSharding(mesh, P(mesh.axis_names))


def place(
    batch: Mapping[str, np.ndarray], mesh: Mesh, mode: str = "jit", draws: int = 1
) -> dict:
    """A host batch as arrays that span the mesh.

    Args:
        batch: this process's rows [B / processes, ...], the processes in order.
        mesh: where to.
        mode: under 'pmap' the arrays become [devices, B / devices, ...], and device d
            holds rows d, d + devices, ...: strided, as statistics groups are.
        draws: rows that stay together, one of each of a step's batches: those batches
            hold the same examples in both modes.

    Returns:
        The same keys as global arrays.
    """

    def put(x):
        if mode == "pmap":
            x = x.reshape(-1, mesh.size, draws, *x.shape[1:]).swapaxes(0, 1)
            x = x.reshape(mesh.size, -1, *x.shape[3:])
        return jax.make_array_from_process_local_data(split(mesh), x)

    return {key: put(np.asarray(x)) for key, x in batch.items()}


def one_device(tree: Any) -> Any:
    """Replicated arrays as one device of this process holds them."""
    return jax.tree.map(
        lambda x: x.addressable_data(0) if isinstance(x, jax.Array) else x, tree
    )


def compile_step(step: Callable, mesh: Mesh, mode: str = "jit") -> "jax.stages.Wrapped":
    """step(state, batch, key) -> state, scalars, compiled for the mesh.

    The state is donated. Under 'jit' and 'pmap' it is replicated, the same arrays;
    under 'fsdp' it lies as sharding.layout says before and after. But under 'pmap' the
    batch may be a tuple of those of several steps: the scalars are then [steps].

    Args:
        step: pure; under 'pmap' it takes means over the axis 'data' itself.
        mesh: of make_mesh, whose devices share the batch.
        mode: 'jit', 'pmap' or 'fsdp'.

    Raises:
        ValueError: the mode is unknown, or pmap is asked for on several processes.
    """
    if mode not in MODES:
        raise ValueError(f"run.parallel is '{mode}'; expected one of {MODES}.")
    if mode != "pmap":
        whole = replicated(mesh)
        state_place = None if mode == "fsdp" else whole  # None: as it comes

        def one(state, batch, key):
            if mode == "jit":
                return step(state, batch, key)
            state, scalars = step(begin_step(state), batch, key)
            return end_step(state), scalars

        def some(state, batch, key):
            with jax.sharding.use_abstract_mesh(mesh.abstract_mesh):
                if not isinstance(batch, tuple):
                    return one(state, batch, key)
                batches = jax.tree.map(lambda *x: jnp.stack(x), *batch)
                return jax.lax.scan(partial(one, key=key), state, batches)

        return jax.jit(
            some,
            in_shardings=(state_place, split(mesh), whole),
            out_shardings=(state_place, whole),
            donate_argnums=0,
        )
    if jax.process_count() > 1:
        raise ValueError(
            "run.parallel='pmap' runs on one process; use 'jit' on several."
        )
    return jax.pmap(
        step,
        axis_name=AXIS,
        in_axes=(None, 0, None),
        out_axes=None,
        devices=list(mesh.devices.flat),
        donate_argnums=0,
    )


def compile_once(function: Callable, sharding: Any) -> "jax.stages.Wrapped":
    """A function that is called once: compiled in a sixth of the time on CPUs.

    Drawing a network's weights runs for milliseconds, and is slow to optimize. What it
    returns lies as `sharding` says, one for all or a tree of them.
    """
    quick = {"xla_backend_optimization_level": 1}
    options = quick if jax.default_backend() == "cpu" else None
    return jax.jit(function, out_shardings=sharding, compiler_options=options)


def axis_size(axis_name: str | None) -> int:
    """How many devices share a batch inside a step; under jit (None) it is whole."""
    return 1 if axis_name is None else jax.lax.axis_size(axis_name)


def rows(x: jax.Array, axis_name: str | None) -> jax.Array:
    """This device's rows of an array drawn at global batch shape [B, ...].

    Under jit (axis_name None) that is all of it, shared by the devices of the mesh;
    under pmap device d of D holds rows d, d + D, ..., so both modes see the same draws.
    """
    if axis_name is None:
        # What is drawn has no device; without a hint each would draw and use all.
        axes = jax.sharding.get_abstract_mesh().axis_names
        return jax.lax.with_sharding_constraint(x, P(axes)) if axes else x
    num_devices = axis_size(axis_name)
    x = x.reshape(-1, num_devices, *x.shape[1:])
    return jax.lax.dynamic_index_in_dim(
        x, jax.lax.axis_index(axis_name), axis=1, keepdims=False
    )


def whole(x: jax.Array, axis_name: str | None) -> jax.Array:
    """The global batch [B, ...] that this device's rows are part of: rows undone."""
    if axis_name is None:
        return x
    x = jax.lax.all_gather(x, axis_name, axis=1)
    return x.reshape(-1, *x.shape[2:])


def fetch(tree: Any) -> Any:
    """Arrays as NumPy on every process, those split over processes gathered."""
    if jax.process_count() == 1:
        return jax.device_get(tree)
    from jax.experimental import multihost_utils

    return jax.tree.map(
        lambda x: np.asarray(multihost_utils.process_allgather(x, tiled=True)), tree
    )


def cache_compilations(folder: os.PathLike) -> None:
    """Keeps compiled programs on disk, for the next start of the same program."""
    jax.config.update("jax_compilation_cache_dir", str(folder))


def start(
    distributed: str = "auto",
    coordinator: str = "",
    num_processes: int = 0,
    process_id: int = -1,
) -> None:
    """Joins the other processes of the run, where there are any.

    Args:
        distributed: 'on' finds the cluster (TPU pod, Slurm, Open MPI) or fails; 'auto'
            joins one that the environment names; 'off' stays alone.
        coordinator, num_processes, process_id: the cluster, where nothing names it.

    Raises:
        ValueError: the values contradict each other, or the others did not come.
    """
    if distributed not in ("auto", "on", "off"):
        raise ValueError(f"--distributed is '{distributed}'; expected auto, on or off.")
    explicit = bool(coordinator)
    if not explicit and (num_processes or process_id >= 0):
        raise ValueError(
            "--num_processes and --process_id need --coordinator=HOST:PORT."
        )
    if explicit and distributed == "off":
        raise ValueError("--coordinator contradicts --distributed=off; drop one.")
    if explicit and (num_processes < 1 or not 0 <= process_id < num_processes):
        raise ValueError(
            f"--coordinator={coordinator} needs --num_processes and --process_id from "
            f"0 to num_processes - 1; they are {num_processes} and {process_id}."
        )
    named = any(int(os.environ.get(name) or 1) > 1 for name in _CLUSTER_SIZES)
    if distributed == "off" or not (explicit or distributed == "on" or named):
        return
    print("waiting for the other processes of the run ...", file=sys.stderr, flush=True)
    where: dict[str, Any] = {
        "coordinator_address": coordinator or None,
        "num_processes": num_processes if explicit else None,
        "process_id": process_id if explicit else None,
    }
    try:
        jax.distributed.initialize(**where, initialization_timeout=300)
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"could not join the cluster ({reason}); on a TPU pod start the same "
            "command on every host (gcloud ... ssh --worker=all --command=...)."
        ) from error


# Set by Slurm, Open MPI and by hand to the number of processes.
_CLUSTER_SIZES = ("SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE")
