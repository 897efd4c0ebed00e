"""Examples of a source as a network takes them."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from resnet_jax.data.folder import FolderSource
from resnet_jax.data.images import BadImage


@dataclasses.dataclass(frozen=True)
class View:
    """A folder's images prepared, its classes numbered as the network's outputs are.

    Attributes:
        source: the folder.
        prepare: a decoded image -> an image of the network's size.
        outputs: for each class of the source the network's number of it.
        class_names: of the network.
    """

    source: FolderSource
    prepare: Callable[[np.ndarray], np.ndarray]
    outputs: tuple[int, ...]
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> dict[str, Any]:
        example = self.source[index]
        try:
            image = self.prepare(example["image"])
        except ValueError as error:
            raise BadImage(f"{self.source.files[index]}: {error}") from error
        return {"image": image, "label": np.int32(self.outputs[example["label"]])}

    def __repr__(self) -> str:
        return repr(self.source)


def match_classes(
    folders: Sequence[str], names: Sequence[str], named: bool, what: str
) -> tuple[tuple[int, ...], str]:
    """Which output of a network each class folder stands for.

    Folders named as the network's classes go by their names, also where there are
    fewer of them. As many folders as classes go by their sorted order if the classes
    have no names, or if the folders are WordNet ids ('n01440764'), whose sorted order
    is ImageNet's.

    Args:
        folders: names of the class folders, sorted.
        names: of the network's classes.
        named: False where they are only numbers.
        what: the network, for the message.

    Returns:
        An output per folder, and in words how it was found.

    Raises:
        ValueError: they do not fit.
    """
    number_of = {name: number for number, name in enumerate(names)}
    if all(folder in number_of for folder in folders):
        return tuple(number_of[folder] for folder in folders), "by their names"
    wordnet = all(f[:1] == "n" and f[1:].isdigit() and len(f) == 9 for f in folders)
    if len(folders) == len(names) and (wordnet or not named):
        kind = "WordNet ids" if wordnet else "folders"
        return tuple(range(len(folders))), f"as the sorted {kind}"
    unknown = [folder for folder in folders if folder not in number_of]
    theirs = ", ".join(names[:3]) if named else "without names"
    raise ValueError(
        f"{what} has {len(names)} classes ({theirs}{', ...' if named else ''}), which "
        f"the {len(folders)} class folders ({', '.join(unknown[:3])}, ...) do not fit: "
        "name the folders as the classes, or give --classes=FILE with the folder of "
        "each class in a line, in the order of the outputs."
    )
