"""A run or a file becomes a folder of weights that gives the same answers."""

import huggingface_hub
import jax
import numpy as np
import pytest
from pretrained_weights import drawn
from safetensors.numpy import save_file

from resnet_jax import from_pretrained
from resnet_jax.main import main
from resnet_jax.pretrained import export
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


def test_nothing_is_written_when_the_source_is_bad(tmp_path):
    with pytest.raises(ValueError, match="no file or folder 'no/run'"):
        convert("no/run", out=str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    assert export.LICENSE == "apache-2.0"
