"""How a number came about: without it, two distances cannot be compared."""

import dataclasses
from typing import Any

from resnet_jax.metrics.quantization import QUANTIZER


@dataclasses.dataclass(frozen=True)
class Protocol:
    """What is stored with every distance and score of generated images.

    Attributes:
        reference: the real images: a split such as 'train', a folder, a file.
        num_real, num_fake: how many of each; distances fall as these grow.
        features: the name of the feature network.
        digest: of its weights.
        resize: how images came to the network's size: 'legacy', 'clean', or 'none'.
        size: height and width of the images before that.
        quantizer: how generated images became uint8; 'stored' for files.
        ema: the weights were averages over training; None where that is not known.
        seed: of the latents or of the order of files; None where that is not known.
        sampled: how many features of each side KID, PRDC and MIND saw at most.
    """

    reference: str
    num_real: int
    num_fake: int
    features: str
    digest: str
    resize: str
    size: tuple[int, int]
    quantizer: str = QUANTIZER
    ema: bool | None = None
    seed: int | None = None
    sampled: int | None = None

    def record(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**dataclasses.asdict(self), "size": list(self.size)}

    def __str__(self) -> str:
        """In one sentence."""
        height, width = self.size
        resized = "as they are" if self.resize == "none" else f"resize {self.resize}"
        weights = {None: "", True: ", averaged weights", False: ", last weights"}
        seed = "" if self.seed is None else f", seed {self.seed}"
        return (
            f"{self.num_fake:,} images against {self.num_real:,} of {self.reference}, "
            f"{height} x {width}, {resized}, in features of {self.features} "
            f"({self.digest}), pixels {self.quantizer}{weights[self.ema]}{seed}."
        )
