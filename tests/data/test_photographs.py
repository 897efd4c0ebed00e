import numpy as np
import pytest
from PIL import Image
from streams import (
    assert_a_function_of_the_step,
    assert_same,
    make,
    save,
    take,
)

from resnet_jax.data.photo_files import PhotoFiles
from resnet_jax.data.sources import load_source

SIZES = ((10, 12), (16, 9), (11, 11))


@pytest.fixture
def root(tmp_path):
    for i, (height, width) in enumerate(SIZES):
        save(tmp_path / "train" / "deep" / f"{i}.png", height, width)
        save(tmp_path / "test" / f"{i}_HR.png", height, width)
        save(tmp_path / "test" / f"{i}_LR.png", 4, 4)
    return tmp_path


def source(folder, **fields):
    return {"name": "images", "root": str(folder), **fields}


def section(root, **more):
    return {
        "source": source(root, patch=8, samples_per_example=5),
        "train": {"split": "train", "transforms": {"dihedral": {}}},
        "evals": {
            "test": {
                "split": "test",
                "source": source(root, pattern="*_HR.png"),
                "transforms": {"crop_multiple": {"multiple": 4}},
            }
        },
        **more,
    }


def read(path):
    return np.asarray(Image.open(path))


def test_patches_of_files(root):
    patches = load_source(source(root, patch=8, samples_per_example=5), "train")
    assert len(patches) == 15 and patches[0].keys() == {"image"}
    corner = patches.draw(7, np.full(2, 1 - 1e-12))["image"]
    np.testing.assert_array_equal(corner, read(root / "train/deep/1.png")[-8:, -8:])
    assert repr(patches) == f"{root} (train, 5 patches of 8 x 8 each)"
    assert (patches[0]["image"] != patches[1]["image"]).any()


def test_whole_images_of_splits_and_several_folders(root):
    whole = load_source(source(root, channels=1), "all")
    assert len(whole) == 9 and whole[0]["image"].shape == (10, 12, 1)
    fields = source(root, root=(str(root / "train"), str(root / "test")))
    assert len(load_source(fields, "all")) == 9
    named = load_source(source(root, pattern="*_HR.png"), "test")
    np.testing.assert_array_equal(named[1]["image"], read(root / "test/1_HR.png"))
    assert named.sizes() == set(SIZES)


def test_sizes_are_those_of_upright_images(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    Image.new("RGB", (12, 10)).save(tmp_path / "a.jpg", exif=exif)
    (tmp_path / "b.png").write_bytes(b"no image")
    turned = load_source(source(tmp_path), "all")
    assert turned.sizes() == {(12, 10)} == {turned[0]["image"].shape[:2]}


def test_images_are_decoded_once_while_there_is_room(root):
    files = sorted((root / "train" / "deep").glob("*.png"))
    bytes_of_two = (10 * 12 + 16 * 9) * 3
    images = PhotoFiles(files, 3, bytes_of_two / 2**30)
    first = [images[i] for i in range(3)]
    again = [images[i] for i in range(3)]
    assert [a is b for a, b in zip(first, again, strict=True)] == [True, True, False]
    np.testing.assert_array_equal(first[2], again[2])


def test_batches_are_a_function_of_the_step(root):
    assert_a_function_of_the_step(section(root, evals={}))


@pytest.mark.slow
def test_workers_do_not_change_the_batches(root):
    expected = take(make(section(root)), 4, step=1)
    found = take(make(section(root), workers=2), 4, step=1)
    for a, b in zip(expected, found, strict=True):
        assert_same(a, b)


def test_images_of_different_sizes_are_evaluated_one_by_one(root):
    data = make(section(root))
    for _ in range(2):
        batches = list(data.evals["test"]())
        shapes = [batch["image"].shape for batch in batches]
        assert shapes == [(1, 8, 12, 3), (1, 16, 8, 3), (1, 8, 8, 3)]
        assert [batch["index"].tolist() for batch in batches] == [[0], [1], [2]]
        assert all(batch["mask"].tolist() == [True] for batch in batches)
    expected = read(root / "test/1_HR.png")[:16, :8]
    np.testing.assert_array_equal(batches[1]["image"][0], expected)
    np.testing.assert_array_equal(data.pictures("test", [1])[0], expected)
    assert data.spec.shapes["image"] == (8, 8, 3) and data.spec.sizes["test"] == 3


@pytest.mark.parametrize(
    "transforms", [{"resize": {"size": (8, 8)}}, {"center_crop": {"size": 8}}]
)
def test_images_brought_to_one_size_are_evaluated_in_batches(root, transforms):
    part = {"split": "train", "source": source(root), "transforms": transforms}
    (batch,) = make(section(root, evals={"test": part})).evals["test"]()
    assert batch["image"].shape == (4, 8, 8, 3)
    assert batch["mask"].tolist() == [True, True, True, False]


def test_images_of_one_size_are_evaluated_in_batches(root):
    part = {"split": "test", "source": source(root, pattern="*_LR.png")}
    (batch,) = make(section(root, evals={"test": part})).evals["test"]()
    assert batch["image"].shape == (4, 4, 4, 3) and batch["mask"].sum() == 3


def test_several_processes_refuse_different_sizes(root):
    message = r"evaluation 'test' differ in size .* 2 processes do not share: bring"
    with pytest.raises(ValueError, match=message):
        make(section(root), process_count=2)


def test_a_bad_image_is_masked_or_replaced_by_the_next(root):
    (root / "train/deep/0.png").write_bytes(b"")
    (root / "test/1_HR.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(ValueError, match=r"deep/0\.png is empty .*_example='skip'"):
        take(make(section(root, evals={})), 3)
    data = make(section(root, on_bad_example="skip"))
    found = np.concatenate([batch["index"] for batch in take(data, 3)])
    assert (found >= 5).all() and data.replaced > 0
    masks = [batch["mask"].tolist() for batch in data.evals["test"]()]
    assert masks == [[True], [False], [True]]


def test_an_image_that_is_too_small_for_a_patch_is_bad(root):
    large = section(root, source=source(root, patch=10), evals={})
    message = r"deep/1\.png is 16 x 9 pixels; a patch of 10 does not fit"
    with pytest.raises(ValueError, match=message):
        take(make(large, batch_size=48), 1)
    data = make({**large, "on_bad_example": "skip"}, batch_size=48)
    assert set(take(data, 1)[0]["index"] // 16) == {0, 2} and data.replaced == 16


def test_whole_images_may_be_cut_in_training(root):
    part = {"split": "train", "transforms": {"random_crop": {"size": 8}}}
    data = make({"source": source(root), "train": part}, batch_size=3)
    assert take(data, 1)[0]["image"].shape == (3, 8, 8, 3)
    assert_a_function_of_the_step({"source": source(root), "train": part}, batch_size=2)


@pytest.mark.parametrize(
    "fields, split, message",
    [
        ({"root": "nowhere"}, "all", "there is no folder 'nowhere'"),
        ({}, "tset", "no split 'tset', only test, train, all .* Did you mean test"),
        (
            {"pattern": "*.jpg"},
            "test",
            r"none of the 6 images in .* is named '\*\.jpg'",
        ),
        ({"patch": 0}, "test", "must be whole numbers from 1, not 0"),
        ({"cache_gb": -1.0}, "test", "cache_gb is -1.0; expected 0 or more"),
        ({"channels": 2}, "test", "channels must be 1, 3 or 4, not 2"),
        ({"root": 3}, "test", "root is 3; expected text or a tuple, each text"),
    ],
)
def test_mistakes(root, fields, split, message):
    with pytest.raises(ValueError, match=message):
        load_source(source(root, **fields), split)[0]


def test_photos_may_be_whole():
    train, test = (
        load_source({"name": "photos", "patch": None}, split)
        for split in ("train", "test")
    )
    assert len(train) == len(test) == 10 and repr(test) == "photos (test)"
    assert train[0]["image"].shape == (512, 384, 3)
    assert test[0]["image"].shape == (512, 128, 3)
    assert len(test.sizes()) > 1
    textures = load_source({"name": "textures", "patch": None}, "test")
    assert textures[2]["label"] == 2 and textures.sizes() == {(512, 128)}


def test_published_images(real_data):
    """Set5 and Set14, with their sides cut to multiples of the scale."""
    folders = {name: real_data / "super_resolution" / name / "x4" for name in SETS}
    parts = {
        name: {
            "split": "all",
            "source": source(folder, pattern="*_HR.png"),
            "transforms": {"crop_multiple": {"multiple": 4}},
        }
        for name, folder in folders.items()
    }
    train = source(real_data / "bsds500", patch=96)
    data = make(
        {"source": train, "train": {"split": "train"}, "evals": parts}, batch_size=16
    )
    assert len(data._train.source) == 200 * 16
    for name, shapes in SETS.items():
        batches = list(data.evals[name]())
        found = [batch["image"].shape[1:3] for batch in batches]
        assert len(found) == shapes and all(h % 4 == w % 4 == 0 for h, w in found)
        # One file of Set14 is grey, and one is grey in three channels.
        assert sum(int(batch["grey"][0]) for batch in batches) == (name == "Set14")


SETS = {"Set5": 5, "Set14": 14}
