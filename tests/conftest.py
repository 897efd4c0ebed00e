"""Two simulated CPU devices, so that every test is also a sharding test."""

import os

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=2")

import pathlib
import tempfile

import jax
import pytest

# The same small programs are compiled in many tests; workers inherit the folder.
_CACHE = os.environ.setdefault("RESNET_JAX_TEST_CACHE", tempfile.mkdtemp())
jax.config.update("jax_compilation_cache_dir", _CACHE)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)


@pytest.fixture(scope="session")
def real_data() -> pathlib.Path:
    """The folder of real data sets, where the machine has one."""
    folder = os.environ.get("RESNET_JAX_TEST_DATA")
    if not folder:
        pytest.skip("RESNET_JAX_TEST_DATA is not set: no real data on this machine")
    return pathlib.Path(folder).resolve()
