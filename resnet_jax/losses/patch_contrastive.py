"""The patch contrastive loss: a place of the output is to be told as its input's.

Park et al. 2020, arXiv:2007.15651 (CUT), sections 3.2 and 3.3.
"""

import jax
import jax.numpy as jnp
from jax import Array, lax


def patch_contrastive_loss(
    query: Array, key: Array, temperature: float = 0.07
) -> Array:
    """Cross-entropy of finding each place among the places of the same image.

    -log(exp(q_i k_i / t) / sum_j exp(q_i k_j / t)), equations 3 and 4: the input's same
    place is the positive, its other places are the negatives, other images are none.

    Args:
        query: projected features of the output, of unit length, [B, S, c].
        key: of the input at the same places; no gradient passes.
        temperature: the paper's 0.07.

    Returns:
        Scalar in nats, mean over places and images; log(S) where nothing is told apart.
    """
    logits = jnp.einsum(
        "bsc,btc->bst",
        query,
        lax.stop_gradient(key),
        precision=lax.Precision.HIGHEST,
    )
    found = jax.nn.log_softmax(logits / temperature)
    return -jnp.diagonal(found, axis1=1, axis2=2).mean()
