"""resnet-jax prepare: a TFDS directory from files that the user has."""

import os
import pathlib
import sys

from resnet_jax.data.prepare import prepare as write


def prepare(dataset: str, source: str, data_dir: str = "") -> str:
    """Writes a data set for the `tfds` source, without TensorFlow.

    Args:
        dataset: mnist, fashion_mnist, cifar10 or cifar100.
        source: the folder or file with the original files.
        data_dir: where to; '' for $TFDS_DATA_DIR or ~/tensorflow_datasets.

    Returns:
        The folder that was written.

    Raises:
        ValueError: the files are not there, are damaged, or the target exists.
    """
    for flag, value in (("dataset", dataset), ("from", source)):
        if not value:
            raise ValueError(
                f"prepare needs --{flag}: resnet-jax prepare --dataset=fashion_mnist "
                "--from=FOLDER."
            )
    default = os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    target = pathlib.Path(data_dir or default).expanduser()
    return str(write(dataset, source, target, progress=_progress))


def _progress(done: int, total: int) -> None:
    """One line that rewrites itself on a terminal; elsewhere a line at every tenth."""
    terminal = sys.stderr.isatty()
    if done % 1000 == 0 if terminal else done % (total // 10 or 1) == 0:
        end = "\r" if terminal and done < total else "\n"
        print(f"{done:,} of {total:,} examples", end=end, file=sys.stderr, flush=True)
