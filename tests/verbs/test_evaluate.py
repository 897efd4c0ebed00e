"""Pretrained weights on folders: every image once, prepared as the weights ask."""

import csv
import dataclasses
import json

import jax
import numpy as np
import pytest
from PIL import Image
from weights import PREPROCESSING, save_weights

from resnet_jax.classifier import Evaluated, open_classifier
from resnet_jax.data import Evaluations
from resnet_jax.data.corruptions import corrupt
from resnet_jax.data.names import CIFAR10
from resnet_jax.evaluate import Evaluator
from resnet_jax.main import main
from resnet_jax.run import load
from resnet_jax.verbs.evaluate import evaluate, on_folder
from resnet_jax.verbs.evaluation import Evaluation
from resnet_jax.verbs.robustness import check_task, measure

NAMES = ("ant", "bee", "cow", "dog", "elk", "fox")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Eleven noisy images of any size in class folders, other than sorted by output."""
    root, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for i in range(11):
        folder = root / NAMES[i % 4]
        folder.mkdir(exist_ok=True)
        low = rng.integers(0, 256, (3, 3, 3), np.uint8)
        size = tuple(map(int, rng.integers(17, 40, 2)))
        noise = Image.fromarray(low).resize(size, Image.Resampling.BICUBIC)
        noise.save(folder / f"{i}.png")
    return root


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    backwards = NAMES[::-1]
    return save_weights(tmp_path_factory.mktemp("saved") / "w", 6, backwards)


def by_hand(weights, images, change=lambda image, index: image):
    """Labels and probabilities, one image after the other."""
    classifier = open_classifier(weights)
    files = sorted(images.rglob("*.png"), key=lambda f: (f.parent.name, f.name))
    found = [
        classifier.probabilities(change(classifier.read(file), i)[None])[0]
        for i, file in enumerate(files)
    ]
    labels = [classifier.names.index(file.parent.name) for file in files]
    return np.array(labels), np.array(found)


@pytest.mark.parametrize("batch_size", [4, 16])
def test_each_image_counts_once(weights, images, batch_size, tmp_path):
    out = tmp_path / "out"
    result = evaluate(
        str(weights), folder=str(images), batch_size=batch_size, out=str(out)
    )
    labels, probabilities = by_hand(weights, images)
    right = probabilities.argmax(-1) == labels
    metrics = result["metrics"]
    assert metrics["folder/examples"] == 11
    assert metrics["folder/accuracy"] == pytest.approx(right.mean())
    truth = probabilities[np.arange(11), labels]
    assert metrics["folder/loss"] == pytest.approx(-np.log(truth).mean(), rel=1e-4)
    assert {"folder/calibration_error", "folder/brier_score"} <= metrics.keys()
    protocol = result["protocol"]
    assert "11 of" in protocol and "4 classes of the network's 6" in protocol
    assert "18 pixels (the shorter side, bicubic)" in protocol
    assert str(result).endswith(protocol)
    assert json.loads((out / "evaluation-folder.json").read_text()) == result
    with open(out / "evaluation-folder.csv") as file:
        rows = {row["class"]: row for row in csv.DictReader(file)}
    assert [rows[n]["examples"] for n in NAMES] == ["3", "3", "3", "2", "0", "0"]
    ants = right[labels == NAMES[::-1].index("ant")]
    assert float(rows["ant"]["accuracy"]) == pytest.approx(ants.mean())
    assert rows["fox"]["accuracy"] == ""
    page = (out / "report.html").read_text()
    assert "Calibration error" in page and "folder/accuracy" in page


def test_corruptions(weights, images, tmp_path):
    ask = {"corruptions": "gaussian_noise,pixelate", "severity": "2,5"}
    result = evaluate(str(weights), folder=str(images), out=str(tmp_path), **ask)
    found = result["robustness"]["corruptions"]
    for name, severities in found.items():
        assert list(severities) == ["2", "5"]
        labels, probabilities = by_hand(
            weights,
            images,
            lambda image, i, name=name: corrupt(image, name, 5, index=i),
        )
        right = probabilities.argmax(-1) == labels
        assert severities["5"] == pytest.approx(right.mean())
    mean = np.mean([v for row in found.values() for v in row.values()])
    assert result["robustness"]["mean"] == pytest.approx(mean)
    assert "pixelate" in str(result)
    with Image.open(tmp_path / "evaluation-folder-corruptions.png") as picture:
        assert picture.width > 3 * 90 and picture.height > 2 * 90


def test_a_bad_image_is_named_or_left_out(weights, images, tmp_path):
    folder = tmp_path / "all"
    for name in NAMES[:2]:
        (folder / name).mkdir(parents=True)
        (folder / name / "good.png").write_bytes((images / "ant/0.png").read_bytes())
    for bad in ("ant/bad.png", "bee/bad.png"):  # the first image, and another
        (folder / bad).write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"bad.png is not .*--skip-bad goes on"):
        evaluate(str(weights), folder=str(folder))
    ask = {"corruptions": "pixelate", "severity": "1", "out": str(tmp_path / "out")}
    result = evaluate(str(weights), folder=str(folder), skip_bad=True, **ask)
    assert result["metrics"]["folder/examples"] == 2
    assert "2 of 4 images of 'folder' are not counted" in result["protocol"]
    assert (tmp_path / "out" / "evaluation-folder-corruptions.png").exists()


def test_corruptions_are_read_as_the_images_are(weights, images, monkeypatch):
    """The workers are asked for again; nothing is evaluated here."""
    asked = []

    class Asked(Evaluations):
        def __init__(self, readers, **given):
            super().__init__(readers, **given)
            asked.append((given["workers"], len(readers["folder"].source)))

    monkeypatch.setattr("resnet_jax.verbs.robustness.Evaluations", Asked)
    trial = on_folder(open_classifier(weights), str(images), "", 4, 3, False)
    evaluator = Evaluator(trial.task, trial.data, 4, jax.random.key(0))
    monkeypatch.setattr(Evaluator, "__call__", lambda self, state: {})
    found = {"folder/accuracy": 0.5}
    monkeypatch.setattr(type(trial.task), "summarize", lambda self, sums: found)
    kinds = (("pixelate", 1), ("pixelate", 2))
    assert measure(evaluator, None, trial.data, kinds, 4, 0, 3)["mean"] == 0.5
    assert asked == [(3, 11)] * 2


def test_a_metric_without_a_value_is_printed_and_null():
    result = Evaluation("a", 1, "How.", {"test/auroc": float("nan"), "test/loss": 2.0})
    assert str(result).splitlines()[1:3] == ["test/auroc  none", "test/loss   2"]
    assert json.loads(json.dumps(result))["metrics"]["test/auroc"] is None


@pytest.mark.parametrize("stored", ["uint8", "uint16"])
def test_an_image_of_the_other_depth_is_widened_or_narrowed(finished_run, stored):
    spec = load(finished_run).spec
    spec = dataclasses.replace(spec, dtypes={**spec.dtypes, "image": stored})
    for dtype in (np.uint8, np.uint16):
        white = np.full((8, 8, 1), np.iinfo(dtype).max, dtype)
        found = Evaluated(spec)(white)
        assert found.dtype == stored and (found == np.iinfo(stored).max).all()


def test_corruptions_are_for_classifiers():
    with pytest.raises(ValueError, match="--corruptions measures the accuracy of a"):
        check_task(object())


def test_preprocessing_is_never_guessed(images, tmp_path, capsys):
    folder = save_weights(tmp_path / "w", 4, preprocessing=None)
    line = ["classify", str(folder), str(images / "ant"), "--json"]
    assert main(line) == 2
    error = capsys.readouterr().err
    assert "never guessed: give --preprocessing=FILE.json" in error
    assert main([*line, f"--preprocessing={json.dumps(PREPROCESSING)}"]) == 0
    (tmp_path / "p.json").write_text(json.dumps(PREPROCESSING))
    inline = capsys.readouterr().out
    assert main([*line, f"--preprocessing={tmp_path / 'p.json'}"]) == 0
    assert capsys.readouterr().out == inline
    assert {row["label"] for row in json.loads(inline)} <= set("0123")
    for lacking in ({"mean": [0.5]}, {**PREPROCESSING, "interpolation": None}):
        assert main([*line, f"--preprocessing={json.dumps(lacking)}"]) == 2
        assert "--preprocessing" in capsys.readouterr().err


def test_classes_without_names(images, tmp_path):
    folder = save_weights(tmp_path / "w", 4)
    sorted_ = evaluate(str(folder), folder=str(images))
    assert "as the sorted folders" in sorted_["protocol"]
    (tmp_path / "classes.txt").write_text("\n".join(sorted(NAMES[:4])) + "\n")
    given = evaluate(
        str(folder), folder=str(images), classes=str(tmp_path / "classes.txt")
    )
    assert given["metrics"] == sorted_["metrics"]
    with pytest.raises(ValueError, match="has no data of its own: give --folder"):
        evaluate(str(folder))


def test_a_run_on_a_folder(finished_run, tmp_path):
    """Grey 8 x 8 digits from color files of another size."""
    noise = np.random.default_rng(0).integers(0, 256, (12, 10, 3), np.uint8)
    for name in "37":
        (tmp_path / "d" / name).mkdir(parents=True)
        Image.fromarray(noise).save(tmp_path / "d" / name / "a.png")
    result = evaluate(str(finished_run), folder=str(tmp_path / "d"))
    assert result["step"] == 4 and result["metrics"]["folder/examples"] == 2
    assert 0 <= result["metrics"]["folder/accuracy"] <= 0.5
    assert not (finished_run / "evaluation-folder-4.json").exists()


def test_published_cifar_weights(real_data, tmp_path):
    """The first 500 test images as files: as many right as by the saved logits."""
    name = "resnet20-12fca82f.th"
    saved = real_data / "cifar_resnets"
    logits = np.load(saved / f"torch_logits_xtest_{name.removesuffix('.th')}.npy")
    labels = np.load(real_data / "cifar10" / "labels.npz")["y_test"][:500]
    with Image.open(sorted((real_data / "cifar10").glob("test_*.webp"))[0]) as sheet:
        tiles = np.asarray(sheet.convert("RGB")).reshape(25, 32, 40, 32, 3)
    tiles = tiles.swapaxes(1, 2).reshape(-1, 32, 32, 3)[:500]
    for i, (tile, label) in enumerate(zip(tiles, labels, strict=True)):
        folder = tmp_path / CIFAR10[int(label)]
        folder.mkdir(exist_ok=True)
        Image.fromarray(tile).save(folder / f"{i:03d}.png")
    result = evaluate(str(saved / name), folder=str(tmp_path))
    expected = np.mean(logits[:500].argmax(-1) == labels)
    assert result["metrics"]["folder/examples"] == 500
    assert result["metrics"]["folder/accuracy"] == pytest.approx(expected)
