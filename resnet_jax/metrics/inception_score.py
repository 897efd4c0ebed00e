"""Inception score: images are sure of their class, and all classes are there."""

import numpy as np
from scipy.special import entr, log_softmax

from resnet_jax.metrics.accumulator import Accumulator, Rows

SPLITS = 10


def inception_score(splits: int = SPLITS) -> Accumulator:
    """exp(E KL(p(y | x) || p(y))) of a classifier's answers, between 1 and K.

    Salimans et al. 2016, arXiv:1606.03498, section 4, in float64. It is *the* inception
    score only for the Inception-2015 network; the summary has the general name.

    The score is computed on each of `splits` parts of the images and averaged; fewer
    images per part give a lower score, so that ten parts score below one. Image i is in
    part i mod splits: sums need not know how many images will come. The reference tools
    cut the images into runs, shuffled or not, which is as good for independent images.

    Rows: 'fake_logits' [B, K]. Sums, by part: 'examples' [S]; 'probabilities' [S, K];
    'entropy' [S] in nats.

    The summary's values: 'classifier_score', the mean over parts, and
    'classifier_score_deviation', the population's standard deviation over them. NaN
    where a part has no image.
    """

    def empty() -> dict[str, np.ndarray]:
        sums = {name: np.zeros(splits) for name in ("examples", "entropy")}
        return {**sums, "probabilities": np.zeros((splits, 1))}

    def add(sums: dict, rows: Rows) -> dict:
        logs = log_softmax(rows["fake_logits"].astype(np.float64), axis=-1)
        probabilities = np.exp(logs)
        place = (int(sums["examples"].sum()) + np.arange(len(logs))) % splits
        member = (place == np.arange(splits)[:, None]).astype(np.float64)
        new = {
            "examples": member.sum(-1),
            "entropy": member @ entr(probabilities).sum(-1),
            "probabilities": member @ probabilities,
        }
        return {name: total + new[name] for name, total in sums.items()}

    def summary(sums: dict) -> dict[str, float]:
        if not sums["examples"].all():
            return dict.fromkeys(SUMMARY, np.nan)
        share = sums["probabilities"] / sums["examples"][:, None]
        scores = np.exp(entr(share).sum(-1) - sums["entropy"] / sums["examples"])
        return dict(
            zip(SUMMARY, map(float, (scores.mean(), scores.std())), strict=True)
        )

    return Accumulator(empty, add, summary)


SUMMARY = ("classifier_score", "classifier_score_deviation")
