import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from resnet_jax.data.arrays import ArraySource
from resnet_jax.data.sources import SOURCES, load_source

RNG = np.random.default_rng(2)


def pixels(*shape):
    return RNG.integers(0, 255, shape, np.uint8)


def save_image(path, size=(5, 6)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels(*size, 3)).save(path)


def write_npz(path, **arrays):
    np.savez(path, **arrays)
    return {"name": "npz", "path": str(path)}


@pytest.fixture
def tree(tmp_path):
    for split in ("train", "val"):
        for name in ("cat", "dog"):
            for i in range(3):
                save_image(tmp_path / split / name / f"{i}.png")
    return tmp_path


def test_importing_is_light():
    code = (
        "import sys, resnet_jax.data; "
        "print(*[m for m in ('grain', 'tensorflow_datasets', 'sklearn', 'skimage', "
        "'jax', 'flax', 'PIL') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0 and set(run.stdout.split()) <= {"jax", "flax"}


def test_digits():
    train, test = load_source("digits", "train"), load_source("digits", "test")
    assert len(train) == 1437 and len(test) == 360
    assert train.arrays["image"].shape == (1437, 8, 8, 1)
    assert train.arrays["image"].dtype == np.uint8
    assert set(np.unique(train.arrays["image"])) == {
        round(i * 255 / 16) for i in range(17)
    }
    counts = [np.bincount(s.arrays["label"]) / len(s) for s in (train, test)]
    np.testing.assert_allclose(*counts, atol=0.003)
    assert train.class_names == tuple("0123456789")
    everything = np.concatenate([s.arrays["image"] for s in (train, test)])
    assert len(everything) == 1797


def test_photos_and_textures_are_patches():
    for name, images, channels in (("photos", 10, 3), ("textures", 3, 1)):
        section = {"name": name, "patch": 16, "samples_per_example": 5}
        source = load_source(section, "train")
        assert len(source) == images * 5
        assert source[7]["image"].shape == (16, 16, channels)
        np.testing.assert_array_equal(source[7]["image"], source[7]["image"])
        assert (source[7]["image"] != source[8]["image"]).any()
    assert source.class_names == ("brick", "grass", "gravel")
    assert [source[i]["label"] for i in (4, 5, 14)] == [0, 1, 2]
    assert "label" not in load_source("photos", "test")[0]


def test_patches_reach_every_corner_and_splits_do_not_overlap():
    train = load_source({"name": "textures", "patch": 32}, "train")
    test = load_source({"name": "textures", "patch": 32}, "test")
    assert train.images[0].shape == (512, 384, 1)
    assert test.images[0].shape == (512, 128, 1)
    last = train.draw(0, np.full(2, 1 - 1e-12))["image"]
    np.testing.assert_array_equal(last, train.images[0][-32:, -32:])
    first = train.draw(0, np.zeros(2))["image"]
    np.testing.assert_array_equal(first, train.images[0][:32, :32])


@pytest.mark.parametrize(
    "fields, message",
    [
        (
            {"patch": 200},
            "a patch of 200 pixels does not fit into the test part of bri",
        ),
        ({"patch": 0}, "must be whole numbers from 1, not 0"),
        ({"samples_per_example": 1.5}, r"is 1\.5; expected a whole number"),
        ({"size": 3}, "source 'textures' takes no 'size'"),
    ],
)
def test_patch_mistakes(fields, message):
    with pytest.raises(ValueError, match=message):
        load_source({"name": "textures", **fields}, "test")


def test_npz(tmp_path):
    x, y = pixels(6, 4, 5, 3), np.array([0, 1, 2, 0, 1, -1])
    z = pixels(2, 4, 5, 3)
    section = write_npz(
        tmp_path / "a.npz", x_train=x, y_train=y, test_images=z, test_labels=y[2:4]
    )
    train = load_source(section, "train")
    np.testing.assert_array_equal(train.arrays["image"], x)
    np.testing.assert_array_equal(train.arrays["label"], y)
    assert train.arrays["label"].dtype == np.int32
    assert train.class_names == ("0", "1", "2")
    np.testing.assert_array_equal(load_source(section, "test").arrays["image"], z)


def test_npz_grey_unlabeled_and_column_labels(tmp_path):
    section = write_npz(tmp_path / "a.npz", x_all=pixels(3, 4, 5))
    source = load_source(section, "all")
    assert source.arrays["image"].shape == (3, 4, 5, 1) and source.class_names == ()
    y = np.array([[3], [0]], np.uint8)
    section = write_npz(tmp_path / "b.npz", x_t=pixels(2, 4, 4, 3), y_t=y)
    assert load_source(section, "t").arrays["label"].tolist() == [3, 0]


def test_npz_class_names(tmp_path):
    section = write_npz(tmp_path / "a.npz", x_t=pixels(2, 4, 4, 3), y_t=[1, 0])
    names = tmp_path / "names.txt"
    names.write_text("cat\ndog\n\n")
    for given in (str(names), ("cat", "dog")):
        source = load_source({**section, "class_names": given}, "t")
        assert source.class_names == ("cat", "dog")
    with pytest.raises(ValueError, match=r"class names in .*no\.txt cannot be read"):
        load_source({**section, "class_names": str(tmp_path / "no.txt")}, "t")
    with pytest.raises(ValueError, match=r"label 1 of example 0 .* outside \[0, 1\)"):
        load_source({**section, "class_names": ("cat",)}, "t")


@pytest.mark.parametrize(
    "arrays, message",
    [
        (
            {"x_train": np.zeros((2, 4, 4, 3))},
            "are float64: pixels must be stored as u",
        ),
        ({"x_train": pixels(2, 4)}, r"have shape \(2, 4\)"),
        ({"x_train": pixels(2, 4, 4, 7)}, r"have shape \(2, 4, 4, 7\)"),
        ({"x_train": pixels(0, 4, 4, 3)}, r"have shape \(0, 4, 4, 3\)"),
        ({"x_train": pixels(2, 4, 4, 3), "y_train": [0]}, "2 images and 1 values"),
        ({"x_train": pixels(2, 4, 4, 3), "y_train": [0, -2]}, "label -2 of example 1"),
        ({"x_train": pixels(2, 4, 4, 3), "y_train": [0.0, 1.0]}, "are float64"),
        (
            {"x_train": pixels(2, 4, 4, 3), "y_train": np.eye(2, dtype=int)},
            "one integer",
        ),
        (
            {"x_train": np.array([None])},
            "'x_train' of .* cannot be read: Object arrays",
        ),
        ({"images": pixels(2, 4, 4, 3)}, "has no images: keys like .* it has images"),
        ({"x_test": pixels(2, 4, 4, 3)}, "has no split 'train', only test"),
    ],
)
def test_npz_mistakes(tmp_path, arrays, message):
    section = write_npz(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        load_source(section, "train")


def test_npz_files_that_are_none(tmp_path):
    path = tmp_path / "a.npz"
    section = {"name": "npz", "path": str(path)}
    with pytest.raises(ValueError, match=r"a\.npz cannot be read: No such file"):
        load_source(section, "train")
    for content in (b"", b"hello", b"PK\x03\x04" + bytes(30)):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"a\.npz is not a sound \.npz"):
            load_source(section, "train")
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(ValueError, match="is a single array"):
        load_source(section, "train")
    np.savez(path, x_train=pixels(9, 32, 32, 3))
    data = bytearray(path.read_bytes())
    data[3000] ^= 255
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"'x_train' of .* is damaged: Bad CRC"):
        load_source(section, "train")


def test_folder(tree):
    source = load_source({"name": "folder", "root": str(tree)}, "train")
    assert len(source) == 6 and source.class_names == ("cat", "dog")
    assert [source[i]["label"] for i in range(6)] == [0, 0, 0, 1, 1, 1]
    expected = np.asarray(Image.open(tree / "train" / "dog" / "1.png"))
    np.testing.assert_array_equal(source[4]["image"], expected)
    assert "0x" not in repr(source)
    grey = load_source({"name": "folder", "root": str(tree), "channels": 1}, "val")
    assert grey[0]["image"].shape == (5, 6, 1)


def test_folder_of_classes_without_splits(tree):
    source = load_source({"name": "folder", "root": str(tree / "train")}, "all")
    assert len(source) == 6 and source.class_names == ("cat", "dog")


def test_folder_ignores_other_files(tree):
    (tree / "train" / ".hidden").mkdir()
    (tree / "train" / "cat" / ".DS_Store").write_bytes(b"x")
    (tree / "train" / "cat" / "notes.txt").write_bytes(b"x")
    (tree / "train" / "cat" / "folder.png").mkdir()
    save_image(tree / "train" / "cat" / "b.JPG")
    assert len(load_source({"name": "folder", "root": str(tree)}, "train")) == 7


def folder_mistakes(root):
    load_source({"name": "folder", "root": str(root)}, "train")


def test_folder_is_missing(tree):
    with pytest.raises(ValueError, match=r"there is no folder .*nowhere"):
        folder_mistakes(tree / "nowhere")
    with pytest.raises(ValueError, match="no split 'tests', only train, val, all"):
        load_source({"name": "folder", "root": str(tree)}, "tests")
    with pytest.raises(ValueError, match=r"no split 'vall', .* Did you mean val"):
        load_source({"name": "folder", "root": str(tree)}, "vall")


def test_folder_at_the_wrong_level(tree):
    with pytest.raises(ValueError, match="no split 'train', only cat, dog, all"):
        folder_mistakes(tree / "train")
    with pytest.raises(ValueError, match=r"holds folders .cat, dog. and no images"):
        load_source({"name": "folder", "root": str(tree)}, "all")
    with pytest.raises(ValueError, match="cat holds images but no class folders"):
        load_source({"name": "folder", "root": str(tree / "train")}, "cat")


def test_folder_with_odd_classes(tree):
    (tree / "train" / "eel").mkdir()
    with pytest.raises(ValueError, match="differ between train and val: eel is in"):
        folder_mistakes(tree)
    (tree / "val" / "eel").mkdir()
    with pytest.raises(ValueError, match=r"class folder .*train/eel has no images"):
        folder_mistakes(tree)
    (tree / "empty").mkdir()
    with pytest.raises(ValueError, match="empty has no class folders"):
        load_source({"name": "folder", "root": str(tree)}, "empty")


def test_names_of_sources_and_splits():
    with pytest.raises(
        ValueError, match=r"unknown source 'digit'. Did you mean digits"
    ):
        load_source("digit", "train")
    with pytest.raises(ValueError, match=r"no split 'tst', only train, test. Did you"):
        load_source("digits", "tst")
    assert sorted(SOURCES) == list(SOURCES)


def test_array_source_checks_lengths():
    with pytest.raises(ValueError, match="3 images and 2 values of 'low'"):
        ArraySource({"image": pixels(3, 4, 4, 3), "low": pixels(2, 2, 2, 3)})
