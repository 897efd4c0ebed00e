"""Numbers, and ranges that numbers are drawn from."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.degrade.span import check_span, draw


def test_a_number_stays_and_a_range_is_drawn_from_evenly():
    assert float(draw(jax.random.key(0), 3.5)) == 3.5
    keys = jax.random.split(jax.random.key(0), 2000)
    found = np.asarray(jax.vmap(lambda key: draw(key, (2, 6.0)))(keys))
    assert found.dtype == np.float32
    assert 2 <= found.min() < 2.05 and 5.95 < found.max() < 6
    np.testing.assert_allclose(found.mean(), 4, atol=0.1)
    np.testing.assert_allclose(found.std(), 4 / np.sqrt(12), atol=0.05)


def test_it_is_float32_also_where_float64_is_the_default():
    with jax.enable_x64(True):
        for span in (1.0, (1.0, 2.0)):
            assert draw(jax.random.key(0), span).dtype == jnp.float32


@pytest.mark.parametrize("span", [0, 2.5, 5, (0, 5), (2, 2), [1.0, 2.0]])
def test_what_is_within_its_ends_is_taken(span):
    check_span("sigma", span, 0, 5)


@pytest.mark.parametrize("span", [-1, 5.1, (2, 1), (-1, 1), (1, 6), (1, 2, 3), np.nan])
def test_what_is_not_gets_one_sentence(span):
    text = f"degradation.sigma is {span}; expected a number from 0 to 5, or two of them"
    with pytest.raises(ValueError, match=re.escape(text)):
        check_span("sigma", span, 0, 5)
