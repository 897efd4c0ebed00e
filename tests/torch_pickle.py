"""Files in the layout of torch.save, made by hand to be wrong in one way."""

import io
import pickle
import zipfile


def plain(value) -> bytes:
    """The opcodes of a value, without a pickle's beginning and end."""
    return pickle.dumps(value, 2)[2:-1]


def tensor(key, size, shape, strides, offset=0, kind="FloatStorage") -> bytes:
    """The opcodes of one tensor."""
    storage = (
        b"(" + plain("storage") + f"ctorch\n{kind}\n".encode()
        + plain(key) + plain("cpu") + plain(size) + b"tQ"
    )  # fmt: skip
    view = plain(offset) + plain(shape) + plain(strides) + b"\x89"
    hooks = b"ccollections\nOrderedDict\n)R"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + view + hooks + b"tR"


def state_dict(**tensors: bytes) -> bytes:
    """A pickle of tensors by name."""
    items = b"".join(plain(key) + value for key, value in tensors.items())
    return b"\x80\x02}(" + items + b"u."


def archive(pickled: bytes, compression=zipfile.ZIP_STORED, **storages: bytes) -> bytes:
    """The zip archive with the pickle and its storages."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as made:
        made.writestr("archive/data.pkl", pickled)
        made.writestr("archive/version", "3\n")
        for name, content in storages.items():
            name = name if name == "byteorder" else f"data/{name.strip('_')}"
            made.writestr(f"archive/{name}", content)
    return file.getvalue()
