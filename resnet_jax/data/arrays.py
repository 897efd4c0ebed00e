"""Sources that hold all their examples in memory as arrays."""

import contextlib
import os
import zipfile
import zlib
from collections.abc import Sequence

import numpy as np

from resnet_jax.data.images import IMAGE_KEYS
from resnet_jax.data.splits import check_split


class ArraySource:
    """Examples in memory; whole batches are gathered and augmented at once.

    Attributes:
        arrays: batch key -> array whose first axis counts the examples: image (or a or
            b) uint8 or uint16 [N, H, W, C], label int32 [N] in [0, classes) or -1
            (ignored).
        class_names: one name per class, () where there are none.
    """

    def __init__(
        self,
        arrays: dict[str, np.ndarray],
        class_names: Sequence[str] = (),
        description: str = "arrays",
    ):
        """Checks the arrays.

        Raises:
            ValueError: wrong rank or dtype, different lengths, or a label out of range.
        """
        images = [arrays[key] for key in IMAGE_KEYS & arrays.keys()]
        for image in images:
            check_images(image, f"the images of {description}")
        count = len(images[0])
        for key, values in arrays.items():
            if len(values) != count:
                raise ValueError(
                    f"{description} has {count} images and {len(values)} values "
                    f"of '{key}': one per image is expected."
                )
        if "label" in arrays:
            labels = np.asarray(arrays["label"])
            check_labels(labels, len(class_names), description)
            arrays = {**arrays, "label": labels.astype(np.int32)}
        self.arrays = arrays
        self.class_names = tuple(class_names)
        self.description = description

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    @property
    def labels(self) -> np.ndarray:
        """int32 [N], where there are any."""
        return self.arrays["label"]

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        return {key: values[index] for key, values in self.arrays.items()}

    def __repr__(self) -> str:
        return self.description


def check_images(images: np.ndarray, what: str) -> None:
    """Raises ValueError unless images are uint8 or uint16 [N, H, W, C]."""
    if images.dtype not in (np.uint8, np.uint16):
        raise ValueError(
            f"{what} are {images.dtype}: pixels must be stored as uint8 in [0, 255] "
            "(or uint16 in [0, 65535]); the task scales them."
        )
    if images.ndim != 4 or 0 in images.shape or images.shape[-1] > 4:
        raise ValueError(
            f"{what} have shape {images.shape}; [N, height, width, channels] with 1 to "
            "4 channels is expected."
        )


def check_labels(labels: np.ndarray, num_classes: int, what: str) -> None:
    """Raises ValueError unless labels are integers [N] in [-1, num_classes)."""
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"the labels of {what} are {labels.dtype} {labels.shape}; one integer per "
            "image is expected."
        )
    wrong = (labels < -1) | (labels >= num_classes)
    if wrong.any():
        index = int(wrong.argmax())
        raise ValueError(
            f"label {labels[index]} of example {index} of {what} is outside "
            f"[0, {num_classes}) (-1 means: ignore)."
        )


def digits(split: str) -> ArraySource:
    """The 1,797 handwritten digits that come with scikit-learn, 8 x 8 grey.

    1,437 training and 360 test images, stratified by class (split seed 0); the grey
    values 0..16 are scaled to 0..255.
    """
    check_split(split, ("train", "test"), "digits")
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    data = load_digits()
    train, test = train_test_split(
        np.arange(len(data.target)), test_size=360, stratify=data.target, random_state=0
    )
    rows = train if split == "train" else test
    image = np.rint(data.images[rows] * (255 / 16)).astype(np.uint8)[..., None]
    arrays = {"image": image, "label": data.target[rows]}
    return ArraySource(arrays, [str(i) for i in range(10)], f"digits ({split})")


def npz(
    split: str,
    *,
    path: str | os.PathLike,
    class_names: Sequence[str] | str | None = None,
) -> ArraySource:
    """An .npz file with x_train, y_train, x_test, y_test, ... (labels optional).

    `train_images` and `train_labels` are understood too.

    Args:
        split: which of the file's splits.
        path: the file; images uint8 or uint16 [N, H, W, C] or grey [N, H, W].
        class_names: the names, or a text file with one per line; by default the
            numbers from 0 to the largest label of all splits.

    Raises:
        ValueError: the file cannot be read, or its arrays are not what is said above.
    """
    path = os.path.expanduser(path)
    with _open(path) as file:
        keys = _npz_keys(file.files)
        if not keys:
            raise ValueError(
                f"{path} has no images: keys like x_train and y_train are expected, it "
                f"has {', '.join(file.files) or 'none'}."
            )
        check_split(split, keys, path)
        image_key, label_key = keys[split]
        image = _read(file, image_key, path)
        labels = {
            key: _read(file, key, path) for _, key in keys.values() if key is not None
        }
    if image.ndim == 3:
        image = image[..., None]
    check_images(image, f"'{image_key}' of {path}")
    if label_key is None:
        return ArraySource({"image": image}, (), f"{path} ({split})")
    label = labels[label_key]
    names = _names(class_names, labels.values())
    if label.ndim == 2 and label.shape[1] == 1:
        label = label[:, 0]
    arrays = {"image": image, "label": label}
    return ArraySource(arrays, names, f"{path} ({split})")


@contextlib.contextmanager
def _open(path: str):
    try:
        with open(path, "rb") as opened:
            yield _load(opened, path)
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(f"{path} cannot be read: {reason}.") from error


def _load(opened, path: str):
    if opened.read(6) == b"\x93NUMPY":
        raise ValueError(f"{path} is a single array, not an .npz file of several.")
    if not zipfile.is_zipfile(opened):
        raise ValueError(
            f"{path} is not a sound .npz file; expected one that np.savez has written."
        )
    opened.seek(0)
    try:
        return np.load(opened, allow_pickle=False)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not a sound .npz file: {error}.") from error


def _read(file, key: str, path: str) -> np.ndarray:
    try:
        return file[key]
    except ValueError as error:
        raise ValueError(f"'{key}' of {path} cannot be read: {error}") from error
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"'{key}' of {path} is damaged: {error}.") from error


def _npz_keys(names: Sequence[str]) -> dict[str, tuple[str, str | None]]:
    """Split -> the keys of its images and of its labels, None where it has none."""
    keys = {}
    for name in names:
        if name.startswith("x_"):
            split, label = name[2:], f"y_{name[2:]}"
        elif name.endswith("_images"):
            split, label = name[:-7], f"{name[:-7]}_labels"
        else:
            continue
        keys[split] = name, label if label in names else None
    return keys


def _names(given, labels) -> tuple[str, ...]:
    if given is None:
        largest = max((int(x.max()) for x in labels if x.size), default=-1)
        return tuple(str(i) for i in range(largest + 1))
    if not isinstance(given, str):
        return tuple(given)
    try:
        with open(given, encoding="utf-8") as file:
            return tuple(line.strip() for line in file if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(
            f"the class names in {given} cannot be read "
            f"({getattr(error, 'strerror', None) or error}); expected one a line."
        ) from error
