"""Mistakes with `transform`: one sentence each, exit code 2, and nothing is written."""

import dataclasses
import pathlib
import shutil
import types

import foreign
import numpy as np
import pytest
import tiny_translators as tiny
from mistakes import gets_one_sentence_and_costs_nothing
from PIL import Image
from pretrained_weights import drawn
from wrong_files import save_images, save_texts

from resnet_jax import translators
from resnet_jax.verbs import transform as module

FAKE = "transform restorer "
NET = "transform --out=out "
MISTAKES = [
    ("transform", "needs SOURCE", "usage: resnet-jax transform SOURCE IMAGES..."),
    (FAKE, "needs IMAGES", "usage: resnet-jax transform SOURCE IMAGES..."),
    (FAKE + "good.png", "needs --out=FOLDER"),
    (FAKE + "good.png --outt=out", "unknown flag --outt", "Did you mean out?"),
    (FAKE + "good.png --out=file", "'file' is a file", "name a new folder"),
    (FAKE + "good.png --out=file/new", "'file' is a file", "name a new folder"),
    (FAKE + f"good.png --out={'x' * 300}", "File name too long", "name another"),
    (FAKE + "good.png --out=.", "--out=. is where the images are", "--suffix=_new"),
    (FAKE + "images --out=images", "is where the images are", "name another folder"),
    (FAKE + "nowhere.png --out=out", "no file or folder 'nowhere.png'", "expected"),
    (FAKE + "good.png nowhere --out=out", "no file or folder 'nowhere'", "expected"),
    (FAKE + "empty --out=out", "'empty' holds no .png", ".tiff file"),
    (FAKE + "good.png --out=out --tile=2", "--tile is 2", "expected 4 or more"),
    (FAKE + "good.png --out=out --tile=-3", "--tile is -3", "expected 0 or more"),
    (FAKE + "good.png --out=out --tile=big", "--tile=big", "a whole number"),
    (FAKE + "good.png --out=out --overlap=-9", "--overlap is -9", "0 or more"),
    (FAKE + "good.png --out=out --tile=9 --overlap=20", "overlap of 20", "20 or more"),
    (FAKE + "good.png --out=out --batch-size=0", "--batch-size is 0", "1 or more"),
    (FAKE + "good.png --out=out --direction=a", "--direction=a", "expected ab or ba"),
    (FAKE + "good.png --out=out --suffix=a/b", "'a/b' names a folder", "such as _x4"),
    (FAKE + "text.png --out=out", "text.png is not a readable PNG, JPEG"),
    (FAKE + "zero.png --out=out", "zero.png is empty (0 bytes)"),
    (FAKE + "huge.png --out=out", "56,000,000 pixels", "scale it down"),
    (FAKE + "cmyk.jpg --out=out", "cmyk.jpg is in CMYK", "save it as RGB first"),
    (FAKE + "moves.png --out=out", "3 frames: it is animated", "save one of them"),
    (FAKE + "good.gif --out=out", "good.gif is not a readable PNG, JPEG, WebP"),
    (FAKE + "zero.png text.png --out=out", "(None of the 2 images can be used.)"),
    ("transform many good.png --out=out", "has 6 in_channels", "from Python"),
    ("transform run good.png --out=out", "'run' makes no images of images", "name the"),
    ("transform nowhere good.png --out=out", "no run, file or folder 'nowhere'"),
    ("transform no/x.pth good.png --out=out", "no run, file or folder 'no/x.pth'"),
    ("transform text.png good.png --out=out", "refused: it is neither safetensors nor"),
    ("transform empty good.png --out=out", "'empty' has no weights", "or a run of"),
    (
        NET + "resnet20.pth good.png",
        "are of 'resnet20', which makes no images of images",
    ),
    (NET + "other.pth good.png", "does not say which network", "put its config.json"),
    (NET + "edsr.pth good.png", "edsr_baseline_x2 or edsr_x2", "say which by --model"),
    (NET + "edsr.pth good.png --model=edsr_x9", "'edsr_x9' is unknown", "Did you"),
    (NET + "edsr.pth good.png --model=resnet20", "'resnet20' makes no images"),
    (NET + "edsr.pth good.png --model=edsr_x3", "not those of 'edsr_x3'"),
    (NET + "edsr.pth good.png --statistics=all", "statistics is 'all'", "running"),
    (NET + "edsr.pth good.png --checkpoint=2", "are for runs, and 'edsr.pth' is none"),
    (NET + "edsr.pth good.png --direction=ba", "are for runs, and 'edsr.pth' is none"),
    (NET + "five.pth good.png", "has 5 in_channels", "from Python"),
    (FAKE + "good.png --out=out --model=edsr_x2", "'restorer' is a run", "leave out"),
    ("classify edsr.pth good.png", "may hold edsr_baseline_x2 or edsr_x2"),
    ("classify edsr_x2.pth good.png", "of 'edsr_x2', which is no classifier"),
    ("transform run good.png --out=out --checkpoint=99", "'99'", "of which there are"),
]


class FakeTask:
    """As much of a task as the verb asks for."""

    def __init__(self, translator):
        self.translator = lambda state, direction: translator

    def prepare_eval(self, state, batches, key):
        return state


FAKES = {
    "restorer": tiny.restorer(2),
    "many": dataclasses.replace(tiny.same(), in_channels=6),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory, finished_run) -> pathlib.Path:
    """A folder with files that something is wrong with."""
    folder = tmp_path_factory.mktemp("place")
    shutil.copytree(finished_run, folder / "run")
    save_texts(folder)
    save_images(folder)
    (folder / "zero.png").write_bytes(b"")
    blank = Image.new("RGB", (8, 8))
    blank.save(folder / "good.gif")
    blank.convert("CMYK").save(folder / "cmyk.jpg")
    weights = drawn("edsr_x2", width=4, blocks=1)
    for name in ("edsr", "edsr_x2"):
        foreign.save(folder / f"{name}.pth", weights)
    keys = foreign.resnet_keys(6, batch=False, channels=(5, 5))
    foreign.save(folder / "five.pth", foreign.filled(keys))
    weights = drawn("resnet20")
    foreign.save(folder / "resnet20.pth", weights)
    foreign.save(folder / "other.pth", weights)
    frames = [Image.fromarray(np.full((8, 8), 9 * n, np.uint8)) for n in range(3)]
    frames[0].save(folder / "moves.png", save_all=True, append_images=frames[1:])
    return folder


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m[0][:60])
def test_a_mistake_gets_one_sentence_and_costs_nothing(
    mistake, place, monkeypatch, capsys
):
    real, is_run = translators.load, translators.is_run

    def load(source, *more):
        if source not in FAKES:
            return real(source, *more)
        return types.SimpleNamespace(task=FakeTask(FAKES[source]), state=None)

    monkeypatch.setattr(translators, "is_run", lambda x: x in FAKES or is_run(x))
    monkeypatch.setattr(translators, "load", load)
    monkeypatch.chdir(place)
    capsys.readouterr()
    gets_one_sentence_and_costs_nothing(mistake, place, capsys)


def test_a_folder_that_cannot_be_written_to(place, monkeypatch, capsys):
    """Root may write everywhere: the system's answer is given here."""
    monkeypatch.setattr(module.os, "access", lambda *arguments: False)
    monkeypatch.chdir(place)
    line = FAKE + "good.png --out=empty/new"
    mistake = (line, "nothing can be written to 'empty'", "name another folder")
    gets_one_sentence_and_costs_nothing(mistake, place, capsys)
