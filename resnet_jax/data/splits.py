"""The parts of a data set: train, test and whatever else it has."""

from collections.abc import Iterable

from resnet_jax.lookup import suggest


def check_split(split: str, known: Iterable[str], what: str, note: str = "") -> None:
    """Raises ValueError unless what has this split; the note follows the known ones."""
    if split not in (known := list(known)):
        names = ", ".join(known) or "none"
        hint = suggest(split, known)
        close = "" if hint.startswith(("Known", "None")) else f" {hint}"
        raise ValueError(f"{what} has no split '{split}', only {names}{note}.{close}")
