import shutil

import numpy as np
import pytest
from streams import assert_a_function_of_the_step, assert_same, make, save, take

from resnet_jax.data.sources import load_source

SIZES = ((10, 8), (12, 8), (9, 9))
JITTER = {
    "resize": {"size": (12, 12), "filter": "bicubic"},
    "random_crop": {"size": 8},
    "flip": {},
    "dihedral": {},
}


@pytest.fixture
def beside(tmp_path):
    """root/<split>/*.png, with A on the left and B, its negative, on the right."""
    from PIL import Image

    for split in ("train", "test"):
        for i, (height, width) in enumerate(SIZES * 2):
            x = save(tmp_path / split / f"{i}.png", height, width)
            both = np.concatenate([x, 255 - x], 1)
            Image.fromarray(both).save(tmp_path / split / f"{i}.png")
    return tmp_path


@pytest.fixture
def apart(tmp_path):
    """root/trainA and root/trainB, the same names with other endings."""
    for i, size in enumerate(SIZES):
        save(tmp_path / "trainA" / f"{i}.png", *size)
        save(tmp_path / "trainB" / f"{i}.tiff", *size)
    return tmp_path


def pairs(root, **fields):
    return {"name": "pairs", "root": str(root), **fields}


def section(root, **more):
    return {
        "source": pairs(root),
        "train": {"split": "train", "transforms": JITTER},
        "evals": {"test": {"split": "test"}},
        **more,
    }


def test_side_by_side(beside):
    source = load_source(pairs(beside), "train")
    assert len(source) == 6 and source[1].keys() == {"a", "b"}
    assert source[1]["a"].shape == source[1]["b"].shape == (12, 8, 3)
    np.testing.assert_array_equal(source[1]["a"], 255 - source[1]["b"])
    swapped = load_source(pairs(beside, direction="BtoA"), "train")
    np.testing.assert_array_equal(swapped[1]["a"], source[1]["b"])
    np.testing.assert_array_equal(swapped[1]["b"], source[1]["a"])
    assert repr(swapped) == f"{beside} (train, BtoA)"


def test_two_folders(apart):
    from PIL import Image

    source = load_source(pairs(apart), "train")
    folders = {key: str(apart / f"train{key.upper()}") for key in "ab"}
    for other in (source, load_source({"name": "pairs", **folders}, "all")):
        for key, name in (("a", "trainA/2.png"), ("b", "trainB/2.tiff")):
            expected = np.asarray(Image.open(apart / name))
            np.testing.assert_array_equal(other[2][key], expected)


def test_a_pair_is_transformed_by_the_same_numbers(beside):
    section_ = section(beside)
    crops = {key: JITTER[key] for key in ("random_crop", "flip", "dihedral")}
    section_["train"] = {"split": "train", "transforms": crops}
    batches = take(make(section_), 6)
    for batch in batches:
        assert batch["a"].shape == (4, 8, 8, 3)
        np.testing.assert_array_equal(batch["a"], 255 - batch["b"])
    assert (batches[0]["a"] != batches[1]["a"]).any()


def test_spec_and_pictures(beside):
    data = make(section(beside))
    assert data.spec.shapes == {"a": (8, 8, 3), "b": (8, 8, 3), "index": ()}
    assert data.spec.dtypes["a"] == data.spec.dtypes["b"] == "uint8"
    assert data.spec == data.spec.from_json(data.spec.to_json())
    assert data.pictures("test", [0])[0].shape == (10, 16, 3)


def test_batches_are_a_function_of_the_step(beside):
    assert_a_function_of_the_step(section(beside, evals={}))


@pytest.mark.slow
def test_workers_do_not_change_the_batches(beside):
    expected = take(make(section(beside)), 4, step=1)
    found = take(make(section(beside), workers=2), 4, step=1)
    for a, b in zip(expected, found, strict=True):
        assert_same(a, b)


def test_pairs_of_different_sizes_are_evaluated_one_by_one(beside):
    batches = list(make(section(beside)).evals["test"]())
    assert [batch["a"].shape[1:3] for batch in batches] == list(SIZES * 2)
    assert all((b["a"] == 255 - b["b"]).all() and b["mask"].all() for b in batches)


def test_pairs_of_one_size_are_evaluated_in_batches(beside):
    test = {"split": "test", "transforms": {"resize": {"size": (8, 8)}}}
    first, second = make(section(beside, evals={"test": test})).evals["test"]()
    assert first["mask"].all() and second["mask"].tolist() == [True, True, False, False]
    assert second["b"].shape == (4, 8, 8, 3) and not second["b"][2:].any()


def spoil_width(root):
    save(root / "train" / "1.png", 10, 15)
    return r"train/1\.png is 15 pixels wide; A and B side by side need an even width"


def spoil_bytes(root):
    (root / "train" / "1.png").write_bytes(b"")
    return r"train/1\.png is empty"


@pytest.fixture
def sizes(tmp_path):
    """low/ and high/, the same names; high repeats each pixel twice, and has a rest."""
    from PIL import Image

    for i, (height, width) in enumerate(SIZES):
        low = save(tmp_path / "low" / f"{i}.png", height, width)
        high = np.pad(low.repeat(2, 0).repeat(2, 1), ((0, i % 2), (0, 1), (0, 0)))
        (tmp_path / "high").mkdir(exist_ok=True)
        Image.fromarray(high).save(tmp_path / "high" / f"{i}.png")
    folders = {"a": str(tmp_path / "low"), "b": str(tmp_path / "high")}
    return {"name": "pairs", **folders, "scale": 2}


def test_targets_that_are_larger(sizes):
    whole = load_source(sizes, "all")
    for i, (height, width) in enumerate(SIZES):
        low, high = whole[i]["a"], whole[i]["b"]
        assert low.shape == (height, width, 3)
        np.testing.assert_array_equal(high, low.repeat(2, 0).repeat(2, 1))
    patches = {**sizes, "patch": 6, "samples_per_example": 5}
    turned = {"flip": {}, "dihedral": {}}
    data = make(
        {
            "source": patches,
            "train": {"split": "all", "transforms": turned},
            "evals": {"test": {"split": "all", "source": sizes}},
        },
        batch_size=4,
    )
    batches = take(data, 4)
    assert data.spec.sizes == {"train": 15, "test": 3}
    for batch in batches:
        assert batch["a"].shape == (4, 3, 3, 3)
        wide = batch["a"].repeat(2, 1).repeat(2, 2)
        np.testing.assert_array_equal(batch["b"], wide)
    assert len({batch["a"].tobytes() for batch in batches}) == 4
    assert data.blanks()["test"]["b"].shape == (1, 20, 16, 3)
    swapped = {**sizes, "a": sizes["b"], "b": sizes["a"], "direction": "BtoA"}
    back = load_source(swapped, "all")
    np.testing.assert_array_equal(back[0]["b"], whole[0]["b"])
    assert back.sizes() == whole.sizes() == {*SIZES}


@pytest.mark.parametrize(
    "fields, message",
    [
        (
            {"scale": 3},
            r"0\.png is 10 x 8 and its partner .* 20 x 17; .* sides of one to 3",
        ),
        ({"patch": 5}, "scale of pairs is 2 and patch 5; expected a scale from 1"),
        ({"a": None, "b": None, "root": "."}, "need a and b, the folders of both"),
        ({"patch": 20}, r"0\.png is 20 x 16 pixels; a patch of 20 does not fit"),
    ],
)
def test_targets_that_are_not_larger_by_so_much(sizes, fields, message):
    with pytest.raises(ValueError, match=message):
        make({"source": {**sizes, **fields}, "train": {"split": "all"}, "evals": {}})


def test_pairs_of_two_sizes_are_not_cut_apart(sizes):
    train = {"split": "all", "transforms": {"random_crop": {"size": 4}}}
    with pytest.raises(ValueError, match=r"cut patches with data\.source\.patch"):
        make({"source": {**sizes, "patch": 8}, "train": train, "evals": {}})


@pytest.mark.parametrize("spoil", [spoil_width, spoil_bytes])
def test_bad_pairs_stop_by_name_or_are_replaced(beside, spoil):
    message = spoil(beside)
    with pytest.raises(ValueError, match=message + r".*on_bad_example='skip'"):
        take(make(section(beside)), 3)
    data = make(section(beside, on_bad_example="skip"), batch_size=6)
    (batch,) = take(data, 1)
    assert sorted(batch["index"]) == [0, 2, 2, 3, 4, 5] and data.replaced == 1


def test_sizes_that_differ_in_a_pair(apart):
    save(apart / "trainB" / "1.tiff", 5, 6)
    message = r"1\.png is 12 x 8 uint8 and its partner .*1\.tiff 5 x 6 uint8; the two"
    with pytest.raises(ValueError, match=message):
        load_source(pairs(apart), "train")[1]
    with pytest.raises(
        ValueError, match=r"12 x 8 and .* 5 x 6; .*on_bad_example='skip'"
    ):
        make(section(apart, evals={}))  # before a step is made
    data = make(section(apart, evals={}, on_bad_example="skip"), batch_size=3)
    assert sorted(take(data, 1)[0]["index"]) == [0, 2, 2]


@pytest.mark.parametrize(
    "lost, message",
    [
        ("trainB/1.tiff", r"no partner for .*trainA/1\.png in the second folder"),
        ("trainA/0.png", r"no partner for .*trainB/0\.tiff in the first folder"),
    ],
)
def test_a_missing_partner(apart, lost, message):
    (apart / lost).unlink()
    with pytest.raises(ValueError, match=message):
        load_source(pairs(apart), "train")


def test_files_of_one_name_and_folders_without_their_other(apart):
    save(apart / "trainA" / "1.jpg")
    with pytest.raises(ValueError, match=r"1\.jpg and .*1\.png have the same name"):
        load_source(pairs(apart), "train")
    shutil.rmtree(apart / "trainB")
    with pytest.raises(ValueError, match="no split 'trainB', only trainA, all"):
        load_source(pairs(apart), "train")


@pytest.mark.parametrize(
    "fields, message",
    [
        ({}, "pairs need root, or both a and b"),
        ({"a": "x"}, "pairs need root, or both a and b"),
        ({"root": ".", "a": "x", "b": "y"}, "pairs need root, or both a and b"),
        ({"root": "nowhere"}, "there is no folder 'nowhere"),
        ({"root": ".", "direction": "ab"}, "is 'AtoB' or 'BtoA', not 'ab'"),
        ({"root": ".", "cache_gb": -1.0}, "cache_gb is -1.0; expected 0 or more"),
    ],
)
def test_mistakes(fields, message):
    with pytest.raises(ValueError, match=message):
        load_source({"name": "pairs", **fields}, "train")
