"""A step on many chips, predicted from one chip and its links: arithmetic only.

python -m resnet_jax.scaling prints the table of the README.
"""

import dataclasses
import math

# Of a link's published speed, what a collective gets: assumed.
USABLE = 0.7

# ResNet-50: weights, float32 bytes of each, and all-reduces of batch statistics, one
# forward and one backward for each of its 53 norms.
PARAMETERS, WIDTH, MESSAGES = 25_557_032, 4, 2 * 53

CHIPS = (8, 64, 512, 4096)
IMAGES = 128


@dataclasses.dataclass(frozen=True)
class Chip:
    """A chip and what connects it; speeds are of one chip in one direction.

    Attributes:
        name: for people.
        images_per_second: ResNet-50 in training, on this chip alone.
        inner: bytes per second to the chips of its domain.
        domain: how many chips are so connected.
        outer: bytes per second to other domains.
        latency: seconds of one round of a small all-reduce: assumed.
    """

    name: str
    images_per_second: float
    inner: float
    domain: int
    outer: float
    latency: float

    def compute_time(self, images: int = IMAGES) -> float:
        """Seconds of a step of so many images, alone."""
        return images / self.images_per_second

    def bytes_time(self, chips: int, bytes_: float = PARAMETERS * WIDTH) -> float:
        """Seconds in which gradients are added up and weights are known to all.

        In a domain of n chips each sends (n - 1) / n of the bytes twice: a ring's
        reduce-scatter and all-gather, for replicated weights and for split ones. Over
        k domains it then reduces its n-th part in the same way.
        """
        inside = min(chips, self.domain)
        domains = chips / inside
        within = 2 * (1 - 1 / inside) * bytes_ / self.inner
        between = 2 * (1 - 1 / domains) * bytes_ / inside / self.outer
        return (within + between) / USABLE

    def latency_time(self, chips: int, messages: int = MESSAGES) -> float:
        """Seconds of small all-reduces that wait for each other, log2(chips) rounds."""
        return messages * math.log2(chips) * self.latency

    def step_time(
        self, chips: int, images: int = IMAGES, messages: int = MESSAGES
    ) -> float:
        """Seconds of a step of so many images per chip, if nothing overlaps."""
        waiting = self.bytes_time(chips) + self.latency_time(chips, messages)
        return self.compute_time(images) + waiting


# Published: MLPerf Training v4.0, 8 x H100, divided by 8; v1.0, tpu-v4-128, by its 64
# chips with 128 images each. Of TPU v5 none is: v4's, by the bandwidth of its memory.
H100_RATE, TPU_V4_RATE, TPU_V4_MEMORY = 7190, 3450, 1200

# Published: TPU v4 all-reduces 1.1 PB/s in a pod of 4,096 chips. In both directions:
# v5e 400 GB/s, 256 chips, 6.4 Tb/s per pod to others; v5p 1,200 GB/s, 6,144 chips in a
# job, 50 Gb/s per chip to others (cloud.google.com/tpu/docs); H100 NVLink 900 GB/s, 8
# chips, and InfiniBand 400 Gb/s per chip in each direction (NVIDIA DGX H100).
TPU_V4 = Chip("TPU v4", TPU_V4_RATE, 1.1e15 / 4096, 4096, math.inf, 3e-6)
TPU_V5E = Chip(
    "TPU v5e", TPU_V4_RATE * 819 / TPU_V4_MEMORY, 200e9, 256, 6.4e12 / 256 / 8, 3e-6
)
TPU_V5P = Chip(
    "TPU v5p", TPU_V4_RATE * 2765 / TPU_V4_MEMORY, 600e9, 6144, 50e9 / 8, 3e-6
)
H100 = Chip("H100", H100_RATE, 450e9, 8, 50e9, 5e-6)


def table() -> str:
    """Milliseconds and efficiency by chips, in Markdown.

    Two efficiencies: with batch statistics of all examples, and of each chip's own.
    """
    kinds = (TPU_V5E, TPU_V5P, H100)
    lines = ["| chips | " + " | ".join(kind.name for kind in kinds) + " |"]
    lines.append("|---" * (1 + len(kinds)) + "|")
    for chips in CHIPS:
        cells = [_cell(kind, chips) for kind in kinds]
        lines.append(f"| {chips:,} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(kind: Chip, chips: int) -> str:
    step, apart = kind.step_time(chips), kind.step_time(chips, messages=0)
    whole, own = (100 * kind.compute_time() / time for time in (step, apart))
    return f"{1e3 * step:.1f} ms, {whole:.0f} % ({own:.0f} %)"


if __name__ == "__main__":
    print(table())
