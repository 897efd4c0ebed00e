import numpy as np
import pytest
from streams import assert_a_function_of_the_step, assert_same, make, save, take

from resnet_jax.data.sources import load_source

RNG = np.random.default_rng(5)
NUM_A, NUM_B = 13, 6


@pytest.fixture
def folders(tmp_path):
    for split in ("train", "test"):
        for name, count in (("A", NUM_A), ("B", NUM_B)):
            for i in range(count):
                save(tmp_path / f"{split}{name}" / f"{i:02d}.png", 10, 12)
    return {"name": "domains", "root": str(tmp_path)}


@pytest.fixture
def classes(tmp_path):
    arrays = {}
    for split in ("train", "test"):
        arrays[f"x_{split}"] = RNG.integers(0, 256, (30, 8, 8, 3), np.uint8)
        arrays[f"y_{split}"] = np.repeat([0, 1, 2], (NUM_A, NUM_B, 30 - NUM_A - NUM_B))
    np.savez(tmp_path / "pets.npz", **arrays)
    names = ("horse", "deer", "frog")
    path = str(tmp_path / "pets.npz")
    source = {"name": "npz", "path": path, "class_names": names}
    return {"name": "domains", "source": source, "a": "horse", "b": "deer"}


@pytest.fixture(params=["folders", "classes"])
def source(request):
    return request.getfixturevalue(request.param)


def section(source, **more):
    return {
        "source": source,
        "train": {
            "split": "train",
            "transforms": {"random_crop": {"size": 6}, "flip": {}},
        },
        "evals": {side: {"split": f"test{side.upper()}"} for side in "ab"},
        **more,
    }


def test_batches_are_a_function_of_the_step(source):
    assert_a_function_of_the_step(section(source, evals={}))


def test_each_domain_has_its_own_order_and_epochs(source):
    batches = take(make(section(source), batch_size=3), 12)
    for key, count, epoch in (("index", NUM_A, 4), ("index_b", NUM_B, 2)):
        numbers = np.stack([batch[key] for batch in batches])
        epochs = numbers.reshape(12 // epoch, -1)
        assert all(len(set(one)) == 3 * epoch <= count for one in epochs)
        assert len({tuple(one) for one in epochs}) == len(epochs)
    assert any((b["index"] % NUM_B != b["index_b"]).any() for b in batches)


def test_equal_domains_are_read_in_different_orders(classes):
    classes["b"] = "horse"
    batch = take(make(section(classes, evals={}), batch_size=12), 1)[0]
    assert (batch["index"] != batch["index_b"]).any()
    place = {key: np.argsort(batch[key]) for key in ("index", "index_b")}
    both = np.intersect1d(batch["index"], batch["index_b"])
    a = batch["a"][place["index"]][np.isin(np.sort(batch["index"]), both)]
    b = batch["b"][place["index_b"]][np.isin(np.sort(batch["index_b"]), both)]
    assert len(both) > 9 and (a != b).any()  # cut and flipped in other ways


def test_spec_counts_the_longer(source):
    spec = make(section(source)).spec
    shapes = {"a": (6, 6, 3), "b": (6, 6, 3), "index": (), "index_b": ()}
    assert spec.shapes == shapes and spec.class_names == ()
    assert spec.sizes == {"train": NUM_A, "a": NUM_A, "b": NUM_B}
    assert spec == spec.from_json(spec.to_json())


def test_evaluation_has_one_direction_an_entry(source):
    data = make(section(source))
    for key, count in (("a", NUM_A), ("b", NUM_B)):
        batches = list(data.evals[key]())
        assert all(batch.keys() == {key, "index", "mask"} for batch in batches)
        joined = {k: np.concatenate([b[k] for b in batches]) for k in batches[0]}
        assert len(joined[key]) == -(-count // 4) * 4
        np.testing.assert_array_equal(joined["index"][joined["mask"]], np.arange(count))
        assert not joined[key][~joined["mask"]].any()
        picture = data.pictures(key, [count - 1])[0]
        np.testing.assert_array_equal(picture, joined[key][count - 1])


def test_directions(source):
    forth, back = (
        load_source({**source, "direction": way}, "train") for way in ("AtoB", "BtoA")
    )
    assert [len(x) for x in forth.domains] == [NUM_A, NUM_B]
    assert [len(x) for x in back.domains] == [NUM_B, NUM_A]
    np.testing.assert_array_equal(back.domains[1][0]["b"], forth.domains[0][0]["a"])
    assert back.domains[0][0].keys() == {"a"}
    one = load_source({**source, "direction": "BtoA"}, "testA")
    assert one[0].keys() == {"b"} and len(one) == NUM_A
    with pytest.raises(ValueError, match="'AtoB' or 'BtoA', not 'there'"):
        load_source({**source, "direction": "there"}, "train")


def test_classes_are_the_chosen_ones(classes):
    path = classes["source"]["path"]
    with np.load(path) as file:
        images, labels = file["x_test"], file["y_test"]
    for split, label in (("testA", 0), ("testB", 1)):
        domain = load_source(classes, split)
        (key,) = domain.arrays
        np.testing.assert_array_equal(domain.arrays[key], images[labels == label])


def test_classes_of_sources_that_are_read_one_by_one(tmp_path):
    for name, count in (("horse", 3), ("deer", 2)):
        for i in range(count):
            save(tmp_path / "train" / name / f"{i}.png")
    folder = {"name": "folder", "root": str(tmp_path)}
    both = load_source(
        {"name": "domains", "source": folder, "a": "horse", "b": "deer"}, "train"
    )
    assert [len(domain) for domain in both.domains] == [3, 2]
    expected = load_source(folder, "train")
    for domain, rows in zip(both.domains, ((2, 3, 4), (0, 1)), strict=True):
        for i, row in enumerate(rows):
            image = domain[i][domain.key]
            np.testing.assert_array_equal(image, expected[row]["image"])


def test_patches_are_drawn():
    textures = {"name": "textures", "patch": 8, "samples_per_example": 5}
    fields = {"name": "domains", "source": textures, "a": "brick", "b": "grass"}
    part = {"split": "train", "transforms": {"flip": {}}}
    data = make({"source": fields, "train": part})
    a, b = (domain.source for domain in data._train.source.domains)
    assert [len(d) for d in data._train.source.domains] == [5, 5] and len(a) == 15
    first, second = (take(data, 1, step)[0]["a"][0] for step in (0, 1))
    assert (first != second).any() and len(b) == 15


def test_folders_by_path_and_other_sources(folders, tmp_path):
    root = folders["root"]
    by_path = {"name": "domains", "a": f"{root}/trainA", "b": f"{root}/trainB"}
    images = {"name": "images", "root": root}
    expected = load_source(folders, "train")
    for fields, split in (
        (by_path, "all"),
        ({"name": "domains", "source": images}, "train"),
    ):
        found = load_source(fields, split)
        for mine, theirs in zip(found.domains, expected.domains, strict=True):
            np.testing.assert_array_equal(mine[3][mine.key], theirs[3][mine.key])


@pytest.mark.slow
def test_workers_do_not_change_the_batches(folders):
    expected = take(make(section(folders)), 4, step=1)
    found = take(make(section(folders), workers=2), 4, step=1)
    for a, b in zip(expected, found, strict=True):
        assert_same(a, b)


def test_different_sizes_are_evaluated_one_by_one(folders, tmp_path):
    save(tmp_path / "testB" / "03.png", 9, 9)
    data = make(section(folders))
    assert len(list(data.evals["b"]())) == NUM_B
    assert len(list(data.evals["a"]())) == -(-NUM_A // 4)


def test_bad_images_are_replaced_and_counted_in_both(folders, tmp_path):
    clean = take(make(section(folders), batch_size=6), 2)
    for name in ("trainA/02.png", "trainB/05.png", "testB/01.png"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(ValueError, match=r"trainB/05\.png is empty .*='skip'"):
        take(make(section(folders), batch_size=6), 1)
    data = make(section(folders, on_bad_example="skip"), batch_size=6)
    batches = take(data, 2)
    assert all(sorted(b["index_b"]) == [0, 0, 1, 2, 3, 4] for b in batches)
    bad = sum((b["index"] == 2).sum() + (b["index_b"] == 5).sum() for b in clean)
    assert data.replaced == bad >= 3
    mask = np.concatenate([b["mask"] for b in data.evals["b"]()])
    assert mask[:NUM_B].tolist() == [True, False, True, True, True, True]


def test_the_smaller_domain_bounds_the_batch(source):
    with pytest.raises(ValueError, match=r"batch_size 8 is larger than .*, 6 examples"):
        make(section(source), batch_size=8)
    with pytest.raises(ValueError, match=r"takes 2 x batch_size = 8 .* the 6 of"):
        next(make(section(source)).train(0, draws=2))


def test_batches_of_arrays_need_no_grain(classes, monkeypatch):
    monkeypatch.setattr("resnet_jax.data.pipeline.read_ahead", None)
    assert len(take(make(section(classes)), 2)) == 2


def test_an_evaluation_takes_one_domain(source):
    evals = {"test": {"split": "test"}}
    message = "data.evals.test has both domains, .* 'testA' or 'testB'"
    with pytest.raises(ValueError, match=message):
        make(section(source, evals=evals))
    other = {"test": {"split": "test", "source": "digits"}}
    message = "evaluation 'test' has the images 'image', training 'a' and 'b'"
    with pytest.raises(ValueError, match=message):
        make(section(source, evals=other))


@pytest.mark.parametrize(
    "fields, message",
    [
        ({}, "domains need root, or source, or both a and b"),
        ({"a": "x"}, "domains need root, or source, or both a and b"),
        ({"root": ".", "source": "digits"}, "take root alone, without source"),
        ({"root": "nowhere"}, "there is no folder 'nowhere"),
        (
            {"source": "digits", "a": "1", "b": "x"},
            r"digits \(train\) has no class 'x'",
        ),
        ({"source": "digits"}, "digits has no split 'trainA', only train, test"),
        ({"source": "digit", "a": "1", "b": "2"}, "'digit'. Did you mean digits"),
        ({"source": {"name": "photos"}, "a": "1", "b": "2"}, "no class '1'. It takes"),
    ],
)
def test_mistakes(fields, message):
    with pytest.raises(ValueError, match=message):
        load_source({"name": "domains", **fields}, "train")
