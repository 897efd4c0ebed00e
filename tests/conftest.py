"""Two simulated CPU devices, so that every test is also a sharding test."""

import os

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=2")

import pathlib

import pytest


@pytest.fixture(scope="session")
def real_data() -> pathlib.Path:
    """The folder of real data sets, where the machine has one."""
    folder = os.environ.get("RESNET_JAX_TEST_DATA")
    if not folder:
        pytest.skip("RESNET_JAX_TEST_DATA is not set: no real data on this machine")
    return pathlib.Path(folder).resolve()
