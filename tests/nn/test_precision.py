import jax.numpy as jnp
import pytest

from resnet_jax.nn.precision import at_least_float32, compute_dtype


def test_names_become_types():
    assert compute_dtype("bfloat16") is jnp.bfloat16
    assert compute_dtype(None) is None
    assert compute_dtype("none") is None
    with pytest.raises(ValueError, match="Did you mean bfloat16"):
        compute_dtype("bfloat")


def test_sums_are_at_least_float32():
    assert at_least_float32(jnp.bfloat16) == jnp.float32
    assert at_least_float32(jnp.float32) == jnp.float32
