"""What devices say to each other in a compiled program, read from its text."""

import dataclasses
import math
import re

KINDS = (
    "all-gather",
    "all-reduce",
    "reduce-scatter",
    "all-to-all",
    "collective-permute",
)

Array = tuple[str, tuple[int, ...]]
"""Element type and shape, such as ('f32', (3, 3, 64, 64))."""


@dataclasses.dataclass(frozen=True)
class Collective:
    """One operation in which devices exchange arrays.

    Attributes:
        kind: one of KINDS.
        arrays: what each device holds afterwards; before, for a reduce-scatter: so they
            are as large as what was gathered or reduced.
    """

    kind: str
    arrays: tuple[Array, ...]

    @property
    def bytes(self) -> int:
        """Of its arrays."""
        sizes = [_bits(kind) * math.prod(shape) for kind, shape in self.arrays]
        return math.ceil(sum(sizes) / 8)


def collectives(program: str) -> list[Collective]:
    """The collectives of a compiled program, those in a loop's body counted once.

    Args:
        program: HLO text, as jax.stages.Compiled.as_text() gives it.
    """
    found = []
    for result, kind, start, rest in _CALL.findall(program):
        arrays = [
            (name, tuple(map(int, filter(None, shape.split(",")))))
            for name, shape in _ARRAY.findall(result)
        ]
        if start and kind != "all-reduce":
            arrays = _results(kind, arrays)
        if kind == "reduce-scatter":
            size = _group_size(rest)
            arrays = [(name, (size, *shape)) for name, shape in arrays]
        found.append(Collective(kind, tuple(arrays)))
    return found


def moved(program: str) -> dict[str, int]:
    """Bytes by kind: how much is gathered, reduced and exchanged in one execution."""
    each = collectives(program)
    return {kind: sum(c.bytes for c in each if c.kind == kind) for kind in KINDS}


_CALL = re.compile(
    rf"^ *(?:ROOT )?%\S+ = (.*?) ({'|'.join(KINDS)})(-start)?\((.*)$", re.MULTILINE
)
_ARRAY = re.compile(r"\b([a-z]+\d*\w*)\[([\d,]*)\]")


def _results(kind: str, arrays: list[Array]) -> list[Array]:
    """A start's operands and results are one tuple; a permutation adds two counters."""
    if kind == "collective-permute":
        arrays = arrays[:2]
    return arrays[len(arrays) // 2 :]


def _bits(name: str) -> int:
    number = re.match(r"[a-z]+(\d+)", name)
    return int(number[1]) if number else 8


def _group_size(attributes: str) -> int:
    """How many devices reduce together: {{0,1},...}, [4,2]<=[8] or mesh axes."""
    if listed := re.search(r"replica_groups=\{\{([\d,]+)\}", attributes):
        return len(listed[1].split(","))
    if counted := re.search(r"replica_groups=\[\d+,(\d+)\]", attributes):
        return int(counted[1])
    named = re.search(r"replica_groups=mesh\[(.*?)\].*? \{(.*?)\}", attributes)
    assert named, f"groups of another form: {attributes}"
    sizes = dict(re.findall(r"('\w+')=(\d+)", named[1]))
    return math.prod(int(sizes[axis]) for axis in named[2].split(","))
