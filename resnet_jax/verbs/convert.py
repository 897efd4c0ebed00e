"""resnet-jax convert: a run, a published name or a file to a folder of weights."""

import math
import pathlib

import jax

from resnet_jax.pretrained.export import export, in_timm, upload
from resnet_jax.pretrained.load import load_pretrained
from resnet_jax.verbs.table import warn

FORMS = ("", "timm")


def convert(
    source: str,
    *,
    out: str = "",
    to: str = "",
    checkpoint: str = "newest",
    direction: str = "",
    model: str = "",
    push: str = "",
    private: bool = False,
    create_pr: bool = False,
) -> str:
    """Writes config.json, model.safetensors and README.md.

    Args:
        source: a run folder, or what from_pretrained takes.
        out: the folder to write, new or empty.
        to: 'timm' for what timm and transformers load, where timm has the network;
            '' for our own form, which from_pretrained reads.
        checkpoint: of a run: 'newest', 'best' or a step.
        direction: 'ab' or 'ba' of a run between two domains.
        model: the network of a file that does not say it.
        push: 'user/name' on the Hugging Face hub, to upload the folder to.
        private: whether a new repository there is private.
        create_pr: propose the upload instead of making it.

    Returns:
        One line that says what was written where.

    Raises:
        ValueError: the source cannot be read, the folder is not empty, an unknown
            form, or the hub refuses.
    """
    if not out:
        raise ValueError(
            "convert needs --out: resnet-jax convert runs/x --to=timm --out=DIR."
        )
    if to not in FORMS:
        raise ValueError(f"--to is '{to}'; expected 'timm', or nothing for our own.")
    for name, value in (("private", private), ("create-pr", create_pr)):
        if value and not push:
            raise ValueError(f"--{name} needs --push=user/name.")
    folder = pathlib.Path(out).expanduser()
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise ValueError(f"--out '{out}' is not an empty folder; name a new one.")
    loaded = load_pretrained(
        source, checkpoint=checkpoint, direction=direction, model=model
    )
    timm = to == "timm" and in_timm(loaded)
    if to == "timm" and not timm:
        warn("timm has no such network: written in resnet_jax's own form.")
    export(loaded, folder, name=push, timm=timm)
    params = jax.tree.leaves(loaded.variables["params"])
    text = (
        f"{loaded.description.model}, {sum(math.prod(x.shape) for x in params):,} "
        f"parameters, for {'timm and transformers' if timm else 'resnet_jax'}: "
        f"{folder.resolve()}"
    )
    if push:
        text += f"\nuploaded: {upload(folder, push, private, create_pr)}"
    return text
