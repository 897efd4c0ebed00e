"""The verb score: the numbers, what they are kept with, and every mistake."""

import json
import shlex

import jax
import numpy as np
import pytest
from PIL import Image
from weights import save_weights

from resnet_jax.data.flat import list_images, read_batches
from resnet_jax.main import main
from resnet_jax.metrics.frechet import frechet_distance, moments
from resnet_jax.scorer import open_scorer
from resnet_jax.verbs import score as module
from resnet_jax.verbs.score import score


def save(folder, seed, count=12, side=16, brighter=0, suffix="png"):
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    for i in range(count):
        noise = rng.integers(0, 200, (side, side, 3)) + brighter
        Image.fromarray(noise.astype(np.uint8)).save(folder / f"{i}.{suffix}")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Two folders of images, one of them nested, weights, and what is wrong."""
    root = tmp_path_factory.mktemp("score")
    save(root / "real" / "class", 0)
    save(root / "fake", 1, count=11, brighter=50)
    save(root / "one", 0, count=1)
    save(root / "large", 0, side=20)
    save(root / "mixed", 0)
    save(root / "mixed" / "more", 0, side=20)
    save(root / "broken", 0)
    (root / "broken" / "3.png").write_bytes(b"no image")
    (root / "empty").mkdir()
    save_weights(root / "weights", 6)
    (root / "text.npz").write_text("hello")
    return root


def given(place, *more):
    """The arguments of a score in the weights' features, as main takes them."""
    common = (f"--features={place / 'weights'}", "--noreference_cache")
    return ["score", str(place / "real"), str(place / "fake"), *common, *more]


@pytest.fixture(scope="module")
def found(place):
    folders = (str(place / name) for name in ("real", "fake"))
    weights = str(place / "weights")
    return score(*folders, features=weights, reference_cache=False)


def test_the_distance_is_that_of_the_features(place, found):
    scorer = open_scorer(place / "weights")
    sides = []
    for name in ("real", "fake"):
        (images,) = read_batches(list_images(place / name), 3, 99)
        sides.append(moments(scorer(images)["features"]))
    expected = frechet_distance(*sides)
    assert found["metrics"]["frechet_distance"] == pytest.approx(expected, rel=1e-4)
    assert expected > 0 and "fid" not in found["metrics"]


def test_every_number_has_its_protocol(place, found):
    protocol = found["protocol"]
    assert protocol["num_real"] == 12 and protocol["num_fake"] == 11
    assert protocol["features"] == "weights" and len(protocol["digest"]) == 16
    assert protocol["size"] == [16, 16] and protocol["resize"] == "none"
    assert protocol["quantizer"] == "stored"
    text = str(found)
    assert "11 images against 12" in text and "frechet_distance" in text


def test_json_and_chosen_metrics(place, found, capsys):
    more = ("--metrics=frechet,mind", "--json", "--batch-size=5")
    assert main(given(place, *more)) == 0
    output = capsys.readouterr()
    shown = json.loads(output.out)
    assert shown["protocol"] == found["protocol"]
    assert list(shown["metrics"]) == ["frechet_distance", "mind"]
    for name, value in shown["metrics"].items():
        assert value == pytest.approx(found["metrics"][name], rel=1e-4)
    assert "mostly their small number" in " ".join(output.err.split())


def test_a_saved_reference_gives_the_same(place, found, capsys):
    file = place / "new" / "reference.npz"
    real, fake = (str(place / name) for name in ("real", "fake"))
    weights = {"features": str(place / "weights"), "reference_cache": False}
    said = score(real, save_reference=str(file), **weights)
    assert said.startswith("12 images of")
    again = score(str(file), fake, **weights)
    assert again["metrics"] == pytest.approx(found["metrics"])
    assert again["protocol"] == found["protocol"]


def test_references_are_kept_by_content(place, found, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folders = [str(place / name) for name in ("real", "fake")]
    weights, metrics = str(place / "weights"), found["metrics"]
    assert score(*folders, features=weights)["metrics"] == pytest.approx(metrics)
    (kept,) = (tmp_path / "resnet_jax" / "references").iterdir()
    read = []
    monkeypatch.setattr(
        module, "extract", lambda files, *more: read.append(files) or iter(())
    )
    score(*folders, features=weights, metrics="frechet")
    assert [len(files) for files in read] == [11]
    kept.write_bytes(b"cut off")
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert score(*folders, features=weights)["metrics"] == pytest.approx(metrics)


def test_a_run_gives_features_and_images_come_to_its_size(place, finished_run, capsys):
    real, fake = (str(place / name) for name in ("real", "fake"))
    found = score(
        real, fake, features=str(finished_run), metrics="frechet", reference_cache=False
    )
    assert found["protocol"]["resize"] == "clean"
    assert np.isfinite(found["metrics"]["frechet_distance"])
    scorer = open_scorer(finished_run)
    assert scorer.network.size == (8, 8) and scorer.network.channels == 1
    assert jax.tree.leaves(scorer.variables)


def test_the_same_images_have_no_distance(place):
    real = str(place / "real")
    weights = str(place / "weights")
    found = score(real, real, features=weights, reference_cache=False)["metrics"]
    assert found["frechet_distance"] < 1e-6 and found["mind"] < 1e-9
    assert found["precision"] == found["recall"] == found["coverage"] == 1


MISTAKES = [
    ("real", "needs a second folder", "--save-reference=FILE.npz"),
    ("nowhere fake", "no folder or file", "nowhere"),
    ("real nowhere", "no folder 'nowhere'", "expected one with images"),
    ("real empty", "'empty' holds no .png", ".jpeg"),
    ("real one", "'one' holds one image", "two or more"),
    ("one fake", "'one' holds one image", "two or more"),
    ("real mixed", "has 20 x 20", "16 x 16", "bring them to one size"),
    ("real large", "'large' are 20 x 20", "the reference 16 x 16"),
    ("real broken", "3.png is not a readable PNG"),
    ("text.npz fake", "'text.npz' is no reference", "--save-reference"),
    ("other.npz fake", "made with other (digest 0)", "--features is weights"),
    ("real fake --metrics=frechte", "unknown metric 'frechte'", "Did you mean frechet"),
    ("real fake --resize=bicubic", "resize", "'bicubic'", "legacy or clean"),
    ("real fake --batch-size=-1", "--batch-size is -1", "1 or more"),
    ("real --save-reference=file.npy", "file.npy", "expected a name.npz"),
    ("real fake --features=inception", "Inception are not on", "RESNET_JAX_INCEPTION"),
    ("real fake --features=inception:no.pth", "no file", "no.pth", "download https:"),
    ("real fake --features=inception:text.npz", "text.npz", "are refused"),
    ("real fake --features=resnet51", "resnet51"),
    ("real fake --features=", "--features is empty", "inception"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake[0])
def test_a_mistake_gets_one_sentence(mistake, place, monkeypatch, capsys):
    line, *says = mistake
    monkeypatch.chdir(place)
    for name in ("RESNET_JAX_INCEPTION", "TORCH_HOME"):
        monkeypatch.delenv(name, raising=False)
    about = {"name": "x", "features": "other", "digest": "0", "resize": "none"}
    features = np.zeros((3, 2), np.float32)
    other = module.Reference(moments(features), features, {**about, "size": [16, 16]})
    other.save(place / "other.npz")
    words = shlex.split(line)
    if "--features" not in line:
        words.append("--features=weights")
    assert main(["score", *words, "--noreference_cache"]) == 2
    output = capsys.readouterr()
    assert output.err.startswith("error: ") and output.err.count("\n") == 1
    assert all(part in output.err for part in says), output.err
    assert output.out == ""
