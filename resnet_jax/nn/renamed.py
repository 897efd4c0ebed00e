"""Parts of a network under names that its own fields and methods have taken."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn


class Renamed(nn.Module):
    """A part whose variables lie where `name` says, beside those of its network.

    A module cannot call a part `norm` that already has a field of that name, and yet
    the weights may be called so. With `nn.share_scope(network, renamed)` they are.

    Args:
        make: constructor of the part.
        label: what its variables are to be called.
    """

    make: Callable
    label: str

    @nn.compact
    def __call__(self, *args: Any) -> Any:
        """Calls the part."""
        return self.make(name=self.label)(*args)
