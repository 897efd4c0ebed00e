import itertools
import logging
import threading

import numpy as np
import pytest
from PIL import Image

from resnet_jax import config as configs
from resnet_jax.data import Data
from resnet_jax.data.batches import prefetched
from resnet_jax.verbs.train import train

RNG = np.random.default_rng(3)
AUGMENT = {"pad_crop_flip": {"pad": 2}, "color_jitter": {"hue": 0.2}}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    for split, count in (("train", 12), ("val", 5)):
        for name in ("cat", "dog"):
            (root / split / name).mkdir(parents=True)
            for i in range(count):
                x = RNG.integers(0, 255, (9 + i % 3, 8, 3), np.uint8)
                Image.fromarray(x).save(root / split / name / f"{i:02d}.png")
    return root


def folder_section(root, **more):
    return {
        "source": {"name": "folder", "root": str(root)},
        "train": {
            "split": "train",
            "transforms": {"random_resized_crop": {"size": 8}, "flip": {}},
        },
        "evals": {"val": {"split": "val", "transforms": {"center_crop": {"size": 8}}}},
        **more,
    }


DIGITS = {
    "source": "digits",
    "train": {"split": "train", "transforms": AUGMENT},
    "evals": {"test": {"split": "test"}},
}
PHOTOS = {
    "source": {"name": "photos", "patch": 8, "samples_per_example": 6},
    "train": {"split": "train", "transforms": {"flip": {}}},
    "evals": {"test": {"split": "test"}},
}


@pytest.fixture(params=["arrays", "files", "patches"])
def section(request, tree):
    sections = {"arrays": DIGITS, "files": folder_section(tree), "patches": PHOTOS}
    return sections[request.param]


def take(data, count, step=0, attempt=0):
    batches = data.train(step, attempt)
    try:
        return list(itertools.islice(batches, count))
    finally:
        batches.close()


def assert_same(a, b):
    assert a.keys() == b.keys()
    for key in a:
        assert a[key].dtype == b[key].dtype
        np.testing.assert_array_equal(a[key], b[key], err_msg=key)


def make(section, **arguments):
    return Data(section, **{"batch_size": 8, "seed": 0, **arguments})


def test_batches_match_the_spec(section):
    data = make(section)
    (batch,) = take(data, 1)
    assert batch.keys() == data.spec.shapes.keys()
    for key, value in data.spec.batch(8).items():
        assert batch[key].shape == value.shape and batch[key].dtype == value.dtype
    (first,) = itertools.islice(data.evals[next(iter(data.evals))](), 1)
    assert first.keys() == {*batch, "mask"} and first["mask"].dtype == bool


def test_resume_is_the_same_stream(section):
    straight = take(make(section), 9)
    for a, b in zip(straight[4:], take(make(section), 5, step=4), strict=True):
        assert_same(a, b)


def test_two_processes_hold_the_global_batch(section):
    whole = make(section)
    parts = [make(section, process_index=i, process_count=2) for i in range(2)]
    streams = [[take(d, 5)] for d in (whole, *parts)]
    name = next(iter(whole.evals))
    for stream, data in zip(streams, (whole, *parts), strict=True):
        stream.append(list(data.evals[name]()))
    for batches in zip(*map(itertools.chain.from_iterable, streams), strict=True):
        joined = {
            key: np.concatenate([b[key] for b in batches[1:]]) for key in batches[0]
        }
        assert_same(batches[0], joined)


def test_seed_and_attempt_change_the_stream(section):
    first = take(make(section), 1)[0]
    for other in (
        take(make(section, seed=1), 1),
        take(make(section), 1, attempt=1),
    ):
        assert (other[0]["index"] != first["index"]).any()


def test_epochs_are_whole_permutations():
    data = make(DIGITS, batch_size=100)
    epochs = [np.concatenate([b["index"] for b in take(data, 14, s)]) for s in (0, 14)]
    for indices in epochs:
        assert len(set(indices)) == 1400 and indices.max() < 1437
    assert (epochs[0] != epochs[1]).any()
    assert set(epochs[0]) != set(epochs[1])  # another remainder is dropped


def test_augmentation_differs_between_epochs():
    section = {**PHOTOS, "source": {**PHOTOS["source"], "samples_per_example": 2}}
    data = make(section, batch_size=20)
    a, b = take(data, 2)
    order_a, order_b = np.argsort(a["index"]), np.argsort(b["index"])
    np.testing.assert_array_equal(a["index"][order_a], b["index"][order_b])
    assert (a["image"][order_a] != b["image"][order_b]).any((1, 2, 3)).mean() > 0.8


def test_both_paths_give_the_same_batches(tmp_path):
    x, y = RNG.integers(0, 255, (30, 8, 8, 3), np.uint8), np.arange(30) % 2
    np.savez(tmp_path / "a.npz", x_train=x, y_train=y)
    names = ("cat", "dog")
    order = np.argsort(y, kind="stable")
    for i, row in enumerate(order):
        path = tmp_path / "train" / names[y[row]] / f"{i:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(x[row]).save(path)
    np.savez(tmp_path / "a.npz", x_train=x[order], y_train=y[order])
    part = {"split": "train", "transforms": {**AUGMENT, "cutout": {"size": 3}}}
    arrays = {"name": "npz", "path": str(tmp_path / "a.npz"), "class_names": names}
    files = {"name": "folder", "root": str(tmp_path)}
    streams = [take(make({"source": s, "train": part}), 6) for s in (arrays, files)]
    for a, b in zip(*streams, strict=True):
        assert_same(a, b)


@pytest.mark.slow
def test_workers_do_not_change_the_batches(tree):
    section = folder_section(tree)
    expected = take(make(section), 5, step=2)
    for workers in (1, 2):
        found = take(make(section, workers=workers), 5, step=2)
        for a, b in zip(expected, found, strict=True):
            assert_same(a, b)


@pytest.mark.parametrize("batch_size", [7, 8, 360])
def test_evaluation_sees_every_example_once(batch_size):
    data = make(DIGITS, batch_size=batch_size)
    batches = list(data.evals["test"]())
    assert len(batches) == -(-360 // batch_size)
    assert all(len(b[key]) == batch_size for b in batches for key in b)
    joined = {k: np.concatenate([b[k] for b in batches]) for k in batches[0]}
    np.testing.assert_array_equal(joined["index"][joined["mask"]], np.arange(360))
    padding = ~joined["mask"]
    assert (joined["label"][padding] == -1).all()
    assert (joined["index"][padding] == -1).all()
    assert not joined["image"][padding].any()
    assert_same(next(data.evals["test"]()), batches[0])  # and again from the start


def test_evaluation_smaller_than_a_process_share(tree):
    data = make(folder_section(tree), batch_size=24, process_index=1, process_count=2)
    (batch,) = data.evals["val"]()  # ten examples, all of them in the first half
    assert not batch["mask"].any() and batch["image"].shape == (12, 8, 8, 3)


def test_pictures(tree):
    data = make(folder_section(tree))
    (batch, _) = data.evals["val"]()
    pictures = data.pictures("val", batch["index"][[3, 1]])
    np.testing.assert_array_equal(pictures, batch["image"][[3, 1]])
    with pytest.raises(ValueError, match=r"no evaluation 'vall'\. Did you mean val"):
        data.pictures("vall", [0])


def test_spec(tree):
    spec = make(folder_section(tree)).spec
    assert spec.shapes == {"image": (8, 8, 3), "label": (), "index": ()}
    assert spec.sizes == {"train": 24, "val": 10}
    assert spec.class_names == ("cat", "dog")
    assert spec.mean == (0.485, 0.456, 0.406)
    assert spec.transforms == {"center_crop": {"size": 8}}
    assert spec == spec.from_json(spec.to_json())
    digits = make({**DIGITS, "mean": 0.25, "std": (0.5,)}).spec
    assert digits.mean == (0.25,) and digits.std == (0.5,)
    assert make({**PHOTOS, "mean": 0.25}).spec.mean == (0.25,) * 3


def test_config_dict_is_a_section():
    config_dict = pytest.importorskip("ml_collections").ConfigDict(DIGITS)
    assert_same(take(make(config_dict), 1)[0], take(make(DIGITS), 1)[0])


@pytest.mark.parametrize(
    "change, message",
    [
        ({"sorce": "digits"}, "data takes no 'sorce'. Did you mean source"),
        ({"train": {}}, "data.train needs split"),
        ({"train": "train"}, "data.train has the fields split and transforms"),
        ({"train": {"split": "train", "transform": {}}}, "Did you mean transforms"),
        ({"evals": {"a": {"split": "tset"}}}, "no split 'tset', only train, test"),
        ({"on_bad_example": "ignore"}, "'stop' or 'skip', not 'ignore'"),
        ({"mean": (0.1, 0.2)}, r"one per channel of the images \(1\), not 2"),
        ({"mean": 127.5}, r"in units of \[0, 1\]"),
        ({"std": 0.0}, r"in units of \[0, 1\]"),
        (
            {"evals": {"test": {"split": "test", "transforms": {"flip": {}}}}},
            "data.evals.test has the random transform Flip",
        ),
        (
            {"evals": {"t": {"split": "test", "source": {"name": "textures"}}}},
            "evaluation 't' has other classes .3. than training .10.",
        ),
        (
            {"evals": {"t": {"split": "test", "source": {"name": "photos"}}}},
            "evaluation 't' has uint8 images of 3 channels, training uint8 images of 1",
        ),
    ],
)
def test_mistakes(change, message):
    with pytest.raises(ValueError, match=message):
        make({**DIGITS, **change})


def test_impossible_sizes():
    with pytest.raises(ValueError, match=r"batch_size 2000 is larger than .*1437"):
        make(DIGITS, batch_size=2000)
    with pytest.raises(ValueError, match=r"batch_size 9 must be a multiple of .* 2"):
        make(DIGITS, batch_size=9, process_count=2)
    with pytest.raises(ValueError, match="seed must be 0 or more, not -1"):
        make(DIGITS, seed=-1)


def test_images_of_different_sizes_need_a_transform(tree):
    section = {**folder_section(tree), "train": {"split": "train"}}
    with pytest.raises(ValueError, match=r"the image of example \d+ of .* resize and"):
        take(make(section), 3)


def spoil(tree, tmp_path, *names):
    import shutil

    root = tmp_path / "copy"
    shutil.copytree(tree, root)
    for name in names:
        (root / name).write_bytes(b"\x89PNG\r\n\x1a\n")
    return root


def test_a_bad_example_stops_by_name(tree, tmp_path):
    data = make(folder_section(spoil(tree, tmp_path, "train/cat/05.png")))
    with pytest.raises(ValueError, match=r"cat/05\.png .*on_bad_example='skip'"):
        take(data, 3)


@pytest.mark.slow
def test_a_bad_example_in_a_worker_stops_by_name(tree, tmp_path):
    root = spoil(tree, tmp_path, "train/cat/05.png")
    with pytest.raises(ValueError, match=r"cat/05\.png .*on_bad_example='skip'"):
        take(make(folder_section(root), workers=1), 3)


def test_how_often_an_example_was_replaced_is_said_at_the_end(tree, tmp_path, capsys):
    config = configs.read("digits_resnet:smoke")
    config.update(total_steps=3, best=("", "max"))
    config.model.stage_sizes = (1,)
    root = spoil(tree, tmp_path, "train/cat/05.png")
    config.data = configs.ConfigDict(
        folder_section(root, on_bad_example="skip", evals={})
    )
    train(config, name="-", workdir=str(tmp_path / "run"))
    text = "could not be read and were replaced by the next: 1"
    assert text in capsys.readouterr().out
    assert text in (tmp_path / "run" / "log.txt").read_text()


def test_a_bad_example_is_replaced_and_counted(tree, tmp_path, caplog):
    bad = "train/cat/00.png", "train/cat/05.png", "train/cat/06.png", "val/dog/04.png"
    section = folder_section(spoil(tree, tmp_path, *bad), on_bad_example="skip")
    data, clean = make(section), make(folder_section(tree))
    with caplog.at_level(logging.WARNING):
        found, expected = take(data, 3), take(clean, 3)
    assert data.replaced == 3 and clean.replaced == 0
    assert "cat/05.png" in caplog.text
    replacement = {0: 1, 5: 7, 6: 7}
    for a, b in zip(found, expected, strict=True):
        wanted = [replacement.get(int(i), int(i)) for i in b["index"]]
        assert a["index"].tolist() == wanted
        kept = a["index"] == b["index"]
        np.testing.assert_array_equal(a["image"][kept], b["image"][kept])
    batches = list(data.evals["val"]())
    assert [int(b["mask"].sum()) for b in batches] == [8, 1]
    for a, b in zip(found, take(make(section), 3), strict=True):
        assert_same(a, b)


def test_labels_are_checked(tree):
    data = make(folder_section(tree))
    data._train.source.labels[:] = 7
    with pytest.raises(ValueError, match=r"label 7 of example \d+ of .* \[0, 2\)"):
        take(data, 1)


def test_threads_end_with_the_iterator(section):
    data = make(section)
    before = threading.active_count()
    for _ in range(3):
        take(data, 2)
        list(next(iter(data.evals.values()))())
    for thread in threading.enumerate():
        if "batches" in thread.name or "grain" in thread.name.lower():
            thread.join(5)
    assert threading.active_count() <= before


def test_an_error_is_raised_where_its_batch_is_due():
    def make_batch(k):
        if k == 3:
            raise ValueError("batch three")
        return {"index": np.array([k])}

    batches = prefetched(make_batch, 0, 10)
    assert [int(next(batches)["index"][0]) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="batch three"):
        next(batches)
    assert not any("batches" in t.name for t in threading.enumerate())


def test_prefetched_makes_each_batch_once():
    assert list(prefetched(lambda k: {"k": k}, 3, 4)) == [{"k": 3}]
    assert [b["k"] for b in prefetched(lambda k: {"k": k}, 0, 7)] == list(range(7))
    assert list(prefetched(lambda k: {"k": k}, 5, 5)) == []


def test_a_step_may_draw_several_batches():
    section = {"source": {"name": "digits"}, "train": {"split": "train"}}
    whole = next(Data(section, batch_size=12, seed=0).train(3))
    drawn = next(Data(section, batch_size=4, seed=0).train(3, draws=3))
    np.testing.assert_array_equal(drawn["index"], whole["index"])
    parts = [
        next(
            Data(section, batch_size=4, seed=0, process_index=p, process_count=2).train(
                3, draws=3
            )
        )
        for p in (0, 1)
    ]
    both = np.concatenate([part["index"] for part in parts])
    np.testing.assert_array_equal(both, whole["index"])
    with pytest.raises(ValueError, match="a step takes 400 x batch_size = 1600"):
        next(Data(section, batch_size=4, seed=0).train(0, draws=400))
