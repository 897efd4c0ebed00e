"""Images that grow in the course of a run."""

import bisect
import dataclasses


@dataclasses.dataclass(frozen=True)
class Progressive:
    """The side of random_resized_crop as a function of the step.

    Small images first make a run cheaper; the last size is the one that counts
    (Howard et al. 2018, DAWNBench; Touvron et al. 2019, arXiv:1906.06423). A step is
    compiled for each size. FFCV's ramp from 160 to 192 pixels between epochs 65 and 76
    in multiples of 32 is sizes=(160, 192), boundaries=(71 * steps_per_epoch,).

    Attributes:
        sizes: in pixels; the last is that of random_resized_crop.
        boundaries: completed steps after which the next size begins, one fewer.

    Raises:
        ValueError: the numbers do not fit.
    """

    sizes: tuple[int, ...]
    boundaries: tuple[int, ...]

    def __post_init__(self):
        sizes, boundaries = list(self.sizes), list(self.boundaries)
        if len(sizes) != len(boundaries) + 1 or min(sizes, default=0) < 1:
            raise ValueError(
                f"data.train.progressive has the sizes {sizes} and the boundaries "
                f"{boundaries}; give sizes from 1 and one boundary fewer."
            )
        if boundaries != sorted(set(boundaries)) or min(boundaries, default=1) < 1:
            raise ValueError(
                f"data.train.progressive boundaries are {boundaries}; expected them to "
                "rise, from 1."
            )

    def size(self, step: int) -> int:
        """The side in pixels after `step` completed steps."""
        return self.sizes[bisect.bisect_right(self.boundaries, step)]
