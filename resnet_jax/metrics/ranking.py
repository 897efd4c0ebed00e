"""What the metrics of classification need to know of an example's logits."""

import jax
import jax.numpy as jnp
from jax import Array


def ranking(logits: Array, label: Array) -> dict[str, Array]:
    """Where the true class stands among all, and what was said instead.

    Args:
        logits: [B, K].
        label: int [B]; the values of a row with -1 have no meaning.

    Returns:
        `predicted` int [B]; `confidence` [B], its probability; `rank` int [B], how many
        classes come before the true one, in argmax's order among equals, and K where a
        logit is not finite, so that a broken network is never right; `loss` [B], the
        cross-entropy in nats; `brier` [B], the squared distance of the probabilities
        from the truth.
    """
    true = jnp.take_along_axis(logits, jnp.maximum(label, 0)[:, None], -1)
    earlier = jnp.arange(logits.shape[-1]) < label[:, None]
    before = (logits > true) | ((logits == true) & earlier)
    finite = jnp.isfinite(logits).all(-1)
    probabilities = jax.nn.softmax(logits)
    truth = jax.nn.one_hot(label, logits.shape[-1])
    return {
        "predicted": logits.argmax(-1),
        "confidence": probabilities.max(-1),
        "rank": jnp.where(finite, before.sum(-1), logits.shape[-1]),
        "loss": jax.nn.logsumexp(logits, -1) - true[:, 0],
        "brier": jnp.square(probabilities - truth).sum(-1),
    }
