"""The metrics of generated images, by name."""

from collections.abc import Callable, Iterable

from resnet_jax.lookup import suggest
from resnet_jax.metrics.accumulator import Accumulator
from resnet_jax.metrics.frechet import frechet
from resnet_jax.metrics.inception_score import inception_score
from resnet_jax.metrics.kernel import kernel
from resnet_jax.metrics.mind import sliced
from resnet_jax.metrics.prdc import precision_recall

METRICS: dict[str, Callable[..., Accumulator]] = {
    "frechet": frechet,
    "kernel": kernel,
    "prdc": precision_recall,
    "mind": sliced,
    "classifier": inception_score,
}


def generation_metrics(names: Iterable[str] = ()) -> dict[str, Accumulator]:
    """Accumulators by name, with their usual settings; all where no name is given.

    Their rows are 'real_features' and 'fake_features' [B, D] and, for 'classifier',
    'fake_logits' [B, K].

    Raises:
        ValueError: a name is unknown.
    """
    chosen = tuple(names) or tuple(METRICS)
    for name in chosen:
        if name not in METRICS:
            raise ValueError(f"unknown metric '{name}'. {suggest(name, METRICS)}")
    return {name: METRICS[name]() for name in chosen}
