import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.scan import scan


@pytest.mark.parametrize("turns", [1, 3])
def test_it_is_jaxs_scan_without_a_loop(turns):
    def body(carry, x):
        carry = {"sum": carry["sum"] + x["a"]}
        return carry, {"product": carry["sum"] * x["b"]}

    carry = {"sum": jnp.zeros(2)}
    xs = {"a": jnp.arange(2.0 * turns).reshape(turns, 2), "b": jnp.ones(turns)}
    found, wanted = scan(body, carry, xs), jax.lax.scan(body, carry, xs)
    jax.tree.map(np.testing.assert_array_equal, found, wanted)
    program = jax.jit(scan, static_argnums=0).lower(body, carry, xs)
    assert "while" not in program.as_text()


def test_turns_may_give_nothing():
    carry, none = scan(lambda carry, x: (carry + x, None), jnp.zeros(()), jnp.ones(4))
    assert carry == 4 and none is None
