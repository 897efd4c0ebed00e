"""Images made earlier, for a discriminator that is not to forget them."""

import jax
import jax.numpy as jnp
from jax import Array


def empty_pool(size: int, like: Array | jax.ShapeDtypeStruct) -> dict[str, Array]:
    """Room for `size` images such as those [B, H, W, C]: 'images', and 'filled'.

    The latter is how many there are.
    """
    return {
        "images": jnp.zeros((size, *like.shape[1:]), like.dtype),
        "filled": jnp.zeros((), jnp.int32),
    }


def query(
    pool: dict[str, Array], new: Array, key: Array
) -> tuple[dict[str, Array], Array]:
    """The pool after new images [B, H, W, C] came, and what the discriminator sees.

    While there is room an image is stored, and seen. Afterwards, with probability 1/2,
    it takes the place of a stored one, which is seen in its stead. Images of a batch
    meet different places. Shrivastava et al. 2016, arXiv:1612.07828, section 2.3, as in
    CycleGAN (Zhu et al. 2017, arXiv:1703.10593, section 4).
    """
    size, count = len(pool["images"]), len(new)
    assert size >= count, "a pool holds at least a batch"
    place_key, swap_key = jax.random.split(key)
    numbers = jnp.arange(size)
    # The empty places come last: an old image is drawn from those that are there.
    ranks = jax.random.uniform(place_key, (size,)) + (numbers >= pool["filled"])
    drawn = jnp.argsort(ranks)
    free = pool["filled"] + jnp.arange(count)
    storing = free < size
    swapping = ~storing & jax.random.bernoulli(swap_key, shape=(count,))
    places = jnp.where(storing, free, drawn[free - size])
    old = pool["images"][places]

    def each(condition):
        return condition.reshape(-1, *(1,) * (new.ndim - 1))

    images = (
        pool["images"].at[places].set(jnp.where(each(storing | swapping), new, old))
    )
    filled = jnp.minimum(pool["filled"] + count, size)
    return {"images": images, "filled": filled}, jnp.where(each(swapping), old, new)
