"""Two simulated CPU devices, so that every test is also a sharding test."""

import ctypes
import gc
import os

os.environ["JAX_PLATFORMS"] = "cpu"
# Notebooks that take minutes are run in a short form.
os.environ["RESNET_JAX_QUICK"] = "1"
os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=2")

import pathlib
import tempfile

import jax
import pytest

# The same small programs are compiled in many tests; workers inherit the folder, and
# the command line finds it where it looks for its own.
_CACHE = os.environ.setdefault("RESNET_JAX_TEST_CACHE", tempfile.mkdtemp())
os.environ["XDG_CACHE_HOME"] = _CACHE
jax.config.update("jax_compilation_cache_dir", f"{_CACHE}/resnet_jax/xla")
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)

SMALL = (
    "--config=digits_resnet:smoke",
    "--config.model.stage_sizes=(1,1,1)",
    "--config.best=('test/loss', 'min')",
    "--config.run.eval_every=2",
)


@pytest.fixture(autouse=True, scope="module")
def bounded_memory():
    """Drops the compiled programs of a process that has grown large (on Linux).

    After most of the tests one of two workers held 6 GB of them.
    """
    yield
    statistics = pathlib.Path("/proc/self/statm")
    if not statistics.exists():
        return
    pages = int(statistics.read_text().split()[1])
    if pages * os.sysconf("SC_PAGE_SIZE") > 2 * 2**30:
        jax.clear_caches()
        gc.collect()
        if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
            trim(0)  # else glibc keeps what was freed


@pytest.fixture(scope="session")
def real_data() -> pathlib.Path:
    """The folder of real data sets, where the machine has one."""
    folder = os.environ.get("RESNET_JAX_TEST_DATA")
    if not folder:
        pytest.skip("RESNET_JAX_TEST_DATA is not set: no real data on this machine")
    return pathlib.Path(folder).resolve()


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory) -> pathlib.Path:
    """The folder of a run of SMALL, trained to its end: not to be written to."""
    from resnet_jax.main import main

    folder = tmp_path_factory.mktemp("finished") / "run"
    assert main(["train", *SMALL, f"--workdir={folder}", "--quiet"]) == 0
    return folder
