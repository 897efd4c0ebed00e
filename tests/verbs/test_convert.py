"""A run or a file becomes a folder of weights that gives the same answers."""

import huggingface_hub
import jax
import numpy as np
import pytest
from pretrained_weights import drawn
from safetensors.numpy import save_file
from untrained import run_of

from resnet_jax import from_pretrained, open_translator
from resnet_jax import run as run_module
from resnet_jax.main import main
from resnet_jax.pretrained import export
from resnet_jax.pretrained.load import load_pretrained
from resnet_jax.run import load
from resnet_jax.verbs.convert import convert


def test_a_run_answers_as_before(finished_run, tmp_path, capsys):
    out = tmp_path / "weights"
    command = ["convert", str(finished_run), f"--out={out}", "--to=timm"]
    assert main(command) == 0
    printed = capsys.readouterr()
    assert printed.out == f"resnet20, 75,002 parameters, for resnet_jax: {out}\n"
    assert printed.err == (
        "warning: timm has no such network: written in resnet_jax's own form.\n"
    )
    model, variables, preprocessing = from_pretrained(out)
    run = load(finished_run)
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 1), np.uint8)
    state = run.task.prepare_eval(run.state)
    theirs = run.task.predict(state, {"image": pixels[None]})["logits"]
    ours = model.apply(variables, preprocessing(pixels)[None])
    assert np.allclose(ours, theirs, atol=1e-5)
    card = (out / "README.md").read_text()
    assert "Step 4 of a run on digits (train)" in card and "test/accuracy" in card


def test_a_checkpoint_of_a_run(finished_run, tmp_path):
    for step in ("2", "newest"):
        convert(str(finished_run), out=str(tmp_path / step), checkpoint=step)
    first, last = (from_pretrained(tmp_path / step)[1] for step in ("2", "newest"))
    same = jax.tree.map(np.array_equal, first["params"], last["params"])
    assert not jax.tree.all(same)


def test_a_file_in_timms_form(tmp_path, capsys):
    file = tmp_path / "resnet18-mine.safetensors"
    save_file(drawn("resnet18", num_classes=3), file)
    text = convert(str(file), out=str(tmp_path / "out"), to="timm")
    assert text.startswith(
        "resnet18, 11,178,051 parameters, for timm and transformers:"
    )
    assert not capsys.readouterr().err
    again = tmp_path / "again"
    convert(str(tmp_path / "out"), out=str(again))
    first, second = (from_pretrained(f)[1] for f in (tmp_path / "out", again))
    assert jax.tree.all(jax.tree.map(np.array_equal, first, second))


def test_upload(finished_run, tmp_path, monkeypatch):
    asked = []

    class Api:
        def __init__(self, **_):
            pass

        def create_repo(self, name, **options):
            asked.append((name, options))
            return huggingface_hub.RepoUrl(f"https://huggingface.co/{name}")

        def file_exists(self, *_):
            return False

        def upload_folder(self, **options):
            asked.append(sorted(f.name for f in options["folder_path"].iterdir()))
            return "the commit"

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    out = str(tmp_path / "out")
    text = convert(str(finished_run), out=out, push="user/net", private=True)
    assert text.endswith("\nuploaded: the commit")
    assert asked == [
        ("user/net", {"private": True, "exist_ok": True}),
        ["README.md", "config.json", "model.safetensors"],
    ]
    assert (
        'from_pretrained("hf-hub:user/net")' in (tmp_path / "out/README.md").read_text()
    )


@pytest.fixture
def untrained(monkeypatch, tmp_path):
    """The folder of a run with random weights of a config."""

    def put(name, **changes):
        run = run_of(name, **changes)
        monkeypatch.setattr(run_module, "load", lambda *arguments: run)
        (tmp_path / "run" / "checkpoints").mkdir(parents=True)
        return run, str(tmp_path / "run")

    return put


def same(first, second):
    return jax.tree.all(jax.tree.map(np.array_equal, first, second))


def test_a_colorizing_run_comes_back_with_its_units(untrained, tmp_path):
    """As it tests: with each image's own statistics and dropout."""
    run, folder = untrained(
        "photos_colorize",
        generator__width=2,
        generator__blocks=1,
        generator__norm="batch",
        generator__dropout=0.5,
        task__test_statistics="batch",
    )
    text = convert(folder, out=str(tmp_path / "out"))
    assert text.startswith("cyclegan_resnet6, ") and "for resnet_jax" in text
    found = open_translator(tmp_path / "out")
    state = run.task.prepare_eval(run.state)
    theirs = run.task.translator(state)
    x = np.random.default_rng(0).random((1, 8, 12, 3), np.float32)
    np.testing.assert_allclose(found(x), theirs(x), atol=1e-5)
    assert found.halo is None and found.name.endswith("own statistics, dropout on")
    again = load_pretrained(tmp_path / "out")
    convert(str(tmp_path / "out"), out=str(tmp_path / "again"))
    assert again.description == load_pretrained(tmp_path / "again").description
    card = (tmp_path / "out" / "README.md").read_text()
    assert 'pipeline_tag: "image-to-image"' in card and '"colorless"' in card
    assert f"resnet-jax transform local-dir:{'out'} image.png" in card


@pytest.mark.parametrize("direction", ["", "ba"])
def test_one_direction_of_a_run_between_domains(untrained, tmp_path, direction):
    run, folder = untrained("cifar_horse2deer_cyclegan", keys=("a", "b"))
    convert(folder, out=str(tmp_path / "out"), direction=direction)
    state = run.task.prepare_eval(run.state)
    model, variables = run.task.network(state, direction)
    found = load_pretrained(tmp_path / "out")
    assert found.model == model and same(found.variables, variables)
    made, wanted = (
        open_translator(tmp_path / "out"),
        run.task.translator(state, direction),
    )
    for field in ("scale", "halo", "multiple", "in_channels", "out_channels"):
        assert getattr(made, field) == getattr(wanted, field)
    assert made.mean == made.out_mean == made.std == (0.5,)
    with pytest.raises(ValueError, match="are for runs, and"):
        open_translator(tmp_path / "out", direction="ab")


def test_a_restoring_run_and_a_foreign_file(untrained, tmp_path):
    run, folder = untrained("df2k_rrdb_x4", side=48)
    convert(folder, out=str(tmp_path / "out"))
    model, variables, preprocessing = from_pretrained(folder)
    assert model == run.task.model and preprocessing is None
    found = load_pretrained(tmp_path / "out")
    assert found.model == model and same(found.variables, variables)
    assert found.description.degradation["factor"] == 4
    (tmp_path / "out" / "config.json").unlink()
    weights = tmp_path / "out" / "model.safetensors"
    convert(str(weights), out=str(tmp_path / "foreign"), model="rrdb_x4")
    assert same(from_pretrained(tmp_path / "foreign")[1], variables)
    with pytest.raises(ValueError, match="leave it out"):
        convert(folder, out=str(tmp_path / "no"), direction="ba")


def test_nothing_is_written_when_the_source_is_bad(tmp_path):
    with pytest.raises(ValueError, match="no file or folder 'no/run'"):
        convert("no/run", out=str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    assert export.LICENSE == "apache-2.0"
