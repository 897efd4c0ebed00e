"""Muon: momentum whose matrix is replaced by the nearest orthogonal one."""

import dataclasses
import fnmatch
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from resnet_jax.lookup import check_arguments
from resnet_jax.nn.precision import compute_dtype

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
TINY = 1e-7


@dataclasses.dataclass(frozen=True)
class Group:
    """Params that another optimizer trains in Muon's place.

    Attributes:
        match: fnmatch patterns of '/'-joined paths: 'fc/*', '*/bias'.
        optimizer: 'sgd' (Nesterov momentum, L2 in the gradient) or 'adam' (decoupled
            decay, b1 0.9, b2 0.999).
        ratio: its rate as a multiple of the learning rate.
        rate, steps: where steps is not 0, the rate is none of the schedule's: it falls
            on a line from `rate` to 0 in the first `steps` updates, and stays there.
        momentum: of SGD.
        weight_decay: of these params.

    Raises:
        ValueError: a value is out of range.
    """

    match: tuple[str, ...]
    optimizer: str = "adam"
    ratio: float = 1.0
    rate: float = 0.0
    steps: int = 0
    momentum: float = 0.9
    weight_decay: float = 0.0

    def __post_init__(self):
        if self.optimizer not in ("sgd", "adam"):
            raise ValueError(
                f"optimizer of a group of muon is '{self.optimizer}'; expected 'sgd' "
                "or 'adam'."
            )
        if self.steps < 0 or (self.steps == 0) != (self.rate == 0):
            raise ValueError(
                f"a group of muon has rate {self.rate} and steps {self.steps}; give "
                "both above 0, or neither."
            )

    def transformation(self, learning_rate) -> optax.GradientTransformation:
        """What updates the group's params."""
        rate = learning_rate * self.ratio
        if self.steps:
            rate = optax.linear_schedule(self.rate, 0.0, self.steps)
        if self.optimizer == "adam":
            return optax.adamw(rate, weight_decay=self.weight_decay)
        return optax.chain(
            optax.add_decayed_weights(self.weight_decay),
            optax.sgd(rate, self.momentum, nesterov=True),
        )

    def takes(self, path: str) -> bool:
        """Whether the group has this param."""
        return any(fnmatch.fnmatchcase(path, pattern) for pattern in self.match)


# Keller Jordan's advice: heads, biases and scales are for Adam.
GROUPS = ({"match": ("fc/*", "head/*", "*bias", "*scale"), "ratio": 0.05},)


class MuonState(NamedTuple):
    """The sum of past gradients, each momentum times less than the next."""

    momentum: optax.Updates


def muon(
    learning_rate,
    momentum: float = 0.95,
    nesterov: bool = True,
    iterations: int = 5,
    coefficients: tuple[float, float, float] = COEFFICIENTS,
    renormalize: bool = False,
    weight_decay: float = 0.0,
    groups: Sequence[Mapping] = GROUPS,
    dtype: str | None = None,
    mask=None,
) -> optax.GradientTransformation:
    """Orthogonalized momentum for kernels, another optimizer for the rest.

    Jordan et al. 2024 (Muon: An optimizer for hidden layers in neural networks). A
    kernel is a matrix [outputs, everything else].

    Args:
        learning_rate: length of a step: each is close to a matrix whose singular values
            are all one, times this.
        momentum, nesterov: of the gradients, before they are made orthogonal.
        iterations, coefficients: of `orthogonalize`.
        renormalize: before each step kernels are scaled to the norm sqrt(outputs); for
            kernels with a norm behind them, whose length does not matter.
        weight_decay: decoupled, of the kernels.
        groups: sections of Group; the first whose pattern names a param has it, and
            what none names is Muon's.
        dtype: what the orthogonalization computes in, 'bfloat16'; None: as the kernels
            are.
        mask: as in optax, of the weight decay of the kernels.

    Raises:
        ValueError: a value is out of range, or Muon is left with a vector.
    """
    if iterations < 1:
        raise ValueError(f"muon: iterations is {iterations}; expected 1 or more.")
    dtype = compute_dtype(dtype)
    for fields in groups:
        check_arguments(Group, fields, "a group of muon")
    others = {f"group{i}": Group(**fields) for i, fields in enumerate(groups)}

    def label(path, param):
        name = "/".join(str(p.key) for p in path)
        taken = [key for key, group in others.items() if group.takes(name)]
        if not taken and param.ndim < 2:
            raise ValueError(
                f"muon trains matrices, and '{name}' is a vector; name it in "
                "optim.groups."
            )
        return taken[0] if taken else "muon"

    kernels = optax.chain(
        optax.add_decayed_weights(weight_decay, mask),
        optax.scale(-learning_rate),
    )
    return optax.partition(
        {
            "muon": optax.chain(
                orthogonal_momentum(
                    momentum, nesterov, iterations, coefficients, dtype
                ),
                kernels,
                *([unit_rows()] if renormalize else []),
            ),
            **{k: group.transformation(learning_rate) for k, group in others.items()},
        },
        lambda params: jax.tree_util.tree_map_with_path(label, params),
    )


def orthogonal_momentum(
    momentum: float,
    nesterov: bool,
    iterations: int,
    coefficients: tuple[float, float, float] = COEFFICIENTS,
    dtype: Any = None,
) -> optax.GradientTransformation:
    """Gradients of kernels [..., outputs] to orthogonal updates of the same shapes."""

    def init(params):
        return MuonState(optax.tree.zeros_like(params))

    def update(grads, state, params=None):
        del params
        sums = jax.tree.map(lambda g, m: g + momentum * m, grads, state.momentum)
        ahead = sums
        if nesterov:
            ahead = jax.tree.map(lambda g, m: g + momentum * m, grads, sums)

        def straighten(kernel):
            rows = jnp.moveaxis(kernel, -1, 0)
            matrix = rows.reshape(rows.shape[0], -1).astype(dtype or kernel.dtype)
            matrix = orthogonalize(matrix, iterations, coefficients)
            matrix = matrix.astype(kernel.dtype)
            return jnp.moveaxis(matrix.reshape(rows.shape), 0, -1)

        return jax.tree.map(straighten, ahead), MuonState(sums)

    return optax.GradientTransformation(init, update)


def unit_rows() -> optax.GradientTransformation:
    """Moves kernels [..., outputs] to the norm sqrt(outputs), beside the update.

    The mean square norm of a filter is then one.
    """

    def update(updates, state, params):
        def renormalize(update, kernel):
            norm = jnp.linalg.norm(kernel.reshape(-1))
            scale = kernel.shape[-1] ** 0.5 / jnp.maximum(norm, TINY)
            return update + (scale - 1) * kernel

        return jax.tree.map(renormalize, updates, params), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def orthogonalize(
    matrix: jax.Array,
    iterations: int = 5,
    coefficients: tuple[float, float, float] = COEFFICIENTS,
) -> jax.Array:
    """Moves the singular values of a matrix towards one and keeps its singular vectors.

    Newton-Schulz: after division by the Frobenius norm, each iteration maps a singular
    value s to a s + b s^3 + c s^5. With the usual coefficients five of them bring all
    but the smallest into about 0.7 to 1.2.

    Args:
        matrix: [rows, columns].
        iterations: of the polynomial.
        coefficients: a, b and c.
    """
    a, b, c = coefficients
    x = matrix / (jnp.linalg.norm(matrix) + TINY)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(iterations):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if tall else x
