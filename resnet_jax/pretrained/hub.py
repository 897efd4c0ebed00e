"""Files of a repository on the Hugging Face hub, or of its local cache."""

import dataclasses
import os
import pathlib

from resnet_jax import __version__

CONFIG = "config.json"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")


@dataclasses.dataclass(frozen=True)
class Access:
    """How files are fetched, as huggingface_hub's hf_hub_download takes it."""

    revision: str | None = None
    cache_dir: str | os.PathLike | None = None
    token: str | bool | None = None
    local_files_only: bool = False


class NoRepository(ValueError):
    """The hub has no such repository, or hides it."""


def fetch_repository(
    repository: str, access: Access
) -> tuple[pathlib.Path, pathlib.Path]:
    """The config.json and the weights of a repository, downloaded once.

    HF_HUB_OFFLINE=1 and the hub's cache are honored.

    Args:
        repository: 'timm/resnet50.a1_in1k'.
        access: how.

    Raises:
        NoRepository: there is none of that name.
        ValueError: huggingface_hub is not installed, a file or the revision is not
            there, or the hub cannot be reached and the cache does not have it.
    """
    config = _fetch(repository, CONFIG, access)
    if config is None:
        raise ValueError(
            f"the hub's repository '{repository}' has no {CONFIG}; expected one that "
            "timm or resnet_jax wrote."
        )
    for name in WEIGHTS:
        if path := _fetch(repository, name, access):
            return config, path
    others = _other_weights(repository, access, config.parent)
    if len(others) != 1 or not (path := _fetch(repository, others[0], access)):
        found = f"several: {', '.join(others)}" if others else "none"
        raise ValueError(
            f"the hub's repository '{repository}' should have {' or '.join(WEIGHTS)} "
            f"or one other .safetensors file; it has {found}."
        )
    return config, path


def _fetch(repository: str, file: str, access: Access) -> pathlib.Path | None:
    """A file's path in the cache; None where the repository has no such file."""
    hub = hub_library()
    errors = hub.errors
    what = f"the hub's repository '{repository}'"
    try:
        path = hub.hf_hub_download(
            repository,
            file,
            library_name="resnet-jax",
            library_version=__version__,
            **dataclasses.asdict(access),
        )
    except errors.GatedRepoError as error:
        raise ValueError(
            f"{what} is gated: accept its terms on the hub, then `hf auth login`."
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise NoRepository(
            f"there is no repository '{repository}' on the hub, or it is private (then "
            "`hf auth login`)."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise ValueError(f"{what} has no revision '{access.revision}'.") from error
    except errors.LocalEntryNotFoundError as error:
        if file != CONFIG:
            return None
        raise ValueError(
            f"{what} is not in the local cache, and the hub was not reached: go online,"
            " or give the path of a folder with its files."
        ) from error
    except errors.EntryNotFoundError:
        return None
    except errors.HFValidationError as error:
        raise ValueError(f"'{repository}' is no name on the hub: {error}") from error
    except OSError as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{what} cannot be downloaded: {reason}") from error
    return pathlib.Path(path)


def _other_weights(
    repository: str, access: Access, snapshot: pathlib.Path
) -> list[str]:
    """The .safetensors files of other names, on the hub or else in the cache."""
    names = [path.name for path in snapshot.glob("*.safetensors")]
    if not names and not access.local_files_only:
        try:
            names = hub_library().list_repo_files(
                repository, revision=access.revision, token=access.token
            )
        except OSError as error:
            reason = str(error).partition("\n")[0]
            raise ValueError(f"the hub cannot list '{repository}': {reason}") from error
    return sorted(n for n in names if n.endswith(".safetensors") and "/" not in n)


def hub_library():
    """huggingface_hub; ValueError where it is not installed."""
    try:
        import huggingface_hub
        import huggingface_hub.errors
    except ImportError as error:
        raise ValueError(
            "the hub needs `pip install 'resnet-jax[hub]'`; local files and folders do "
            "not."
        ) from error
    return huggingface_hub
