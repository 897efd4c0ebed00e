"""Networks from images to images by weights files: recognized, in their own units."""

import json

import foreign
import jax
import numpy as np
import pytest
from drawn import FAST
from PIL import Image
from pretrained_weights import drawn
from weights import save_safetensors

import resnet_jax
from resnet_jax import create_model, from_pretrained
from resnet_jax.main import main
from resnet_jax.models.edsr import DIV2K_MEAN
from resnet_jax.pretrained import from_torch, read_weights
from resnet_jax.pretrained.recognition import candidates
from resnet_jax.translator import as_trained

SMALL = {"width": 8, "blocks": 1}
# Network, its fields, how its authors' file has it, and under which name in there.
FILES = {
    "srresnet_x2": (SMALL, lambda x: foreign.renamed(x, foreign.SRGAN), "state_dict"),
    "msrresnet_x3": (SMALL, dict, "params"),
    "edsr_x2": (SMALL, lambda x: foreign.renamed(x, foreign.EDSR), ""),
    "rcan_x3": ({**SMALL, "groups": 1, "reduction": 4}, dict, "params"),
    "rrdb_x2": (
        {**SMALL, "growth": 3},
        lambda x: foreign.renamed(x, foreign.ESRGAN),
        "params_ema",
    ),
    "dncnn20": ({"width": 4, "norm": "none"}, foreign.kair, ""),
}
BATCH = foreign.filled(foreign.resnet_keys(6, batch=True, dropout=True))


def picture(folder, height, width, channels=3):
    shape = (height, width, channels)[: 2 + (channels > 1)]
    pixels = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    Image.fromarray(pixels).save(folder / "x.png")
    return pixels.reshape(height, width, channels)


def transformed(folder, file, *flags):
    """x.png by the command line."""
    arguments = ["transform", str(file), str(folder / "x.png"), *flags]
    assert main([*arguments, f"--out={folder / 'out'}"]) == 0
    with Image.open(folder / "out" / "x.png") as image:
        return np.atleast_3d(np.asarray(image))


def applied(model, variables, images):
    apply = jax.jit(model.apply, compiler_options=FAST)
    return np.asarray(apply(variables, images.astype(np.float32)))[0]


def close(found, expected):
    """Whether stored pixels are those values of [0, 1]."""
    assert found.shape == expected.shape and np.ptp(found) > 30
    return np.abs(found - 255 * expected.clip(0, 1)).max() <= 0.51


@pytest.mark.parametrize("name", FILES)
def test_restorers_of_other_programs(name, tmp_path):
    fields, layout, wrapped = FILES[name]
    ours = drawn(name, **fields)
    for key in ours:
        if key.startswith("conv_last") or key == "conv20.weight":
            ours[key] = ours[key] * np.float32(60 if name[0] in "er" else 1)
    file = foreign.save(tmp_path / "net_g.pth", layout(ours), wrapped)
    model, variables = from_torch(name, ours)
    x = picture(tmp_path, 8, 6, model.channels)
    # Its blocks' scale is no weight, so of this size there are two networks.
    named = [f"--model={name}"] if name == "edsr_x2" else []
    found = transformed(tmp_path, file, *named)
    assert close(found, applied(model, variables, x[None] / 255))
    if not named:
        same, again, prepared = from_pretrained(file)
        assert same == model and prepared is None
        jax.tree.map(np.testing.assert_array_equal, variables, again)


def test_translators_see_images_from_minus_one_to_one(tmp_path):
    weights = foreign.filled(foreign.resnet_keys(6, batch=False))
    file = foreign.save(tmp_path / "latest_net_G_A.pth", weights)
    model, variables = from_torch("cyclegan_resnet6", weights)
    x = picture(tmp_path, 8, 12)
    found = transformed(tmp_path, file)
    expected = applied(model, variables, x[None] / 127.5 - 1)
    assert close(found, (expected + 1) / 2)
    page = (tmp_path / "out" / "gallery.html").read_text()
    assert "latest_net_G_A.pth: cyclegan_resnet6, tiles of" in page


def test_pix2pix_tests_as_it_trains(tmp_path):
    """Its own statistics and dropout, of each image, unless it is told otherwise."""
    save_safetensors(tmp_path / "latest_net_G.safetensors", BATCH)
    model, variables = from_torch("cyclegan_resnet6", BATCH)
    x = np.random.default_rng(0).random((2, 8, 8, 3), np.float32)
    make = resnet_jax.open_translator(tmp_path / "latest_net_G.safetensors")
    keys = jax.random.split(jax.random.key(0), 2)
    apply = jax.jit(as_trained, static_argnums=0, compiler_options=FAST)
    expected = apply(model, variables, 2 * x - 1, keys)
    np.testing.assert_allclose(make(x), (expected + 1) / 2, atol=1e-5)
    assert "own statistics" in make.name and model.dropout == 0.5
    tested = resnet_jax.open_translator(tmp_path, statistics="running")
    assert tested.name == "cyclegan_resnet6"
    assert make.halo is None and tested.halo == model.halo > 0


def test_a_colorization_takes_lightness_and_makes_color(tmp_path):
    weights = foreign.filled(foreign.resnet_keys(6, batch=False, channels=(1, 2)))
    foreign.save(tmp_path / "latest_net_G.pth", weights)
    found = resnet_jax.open_translator(tmp_path)
    assert (found.in_channels, found.out_channels) == (3, 3)
    assert found.encode is not None and found.decode is not None


@pytest.mark.parametrize(
    ("width", "blocks", "names"),
    [
        (64, 16, ("edsr_baseline_x4",)),
        (256, 32, ("edsr_x4",)),
        (64, 32, ("edsr_baseline_x4", "edsr_x4")),
    ],
)
def test_edsr_by_its_size(width, blocks, names):
    shape = {"head.0": (width, 3), "tail.0.0": (4, 1), "tail.0.2": (4, 1)}
    shape |= {f"body.{i}.body.0": (1, 1) for i in range(blocks)} | {"tail.1": (3, 9)}
    shape[f"body.{blocks}"] = (1, 1)
    weights = {f"{k}.weight": np.zeros((*s, 3, 3), "f4") for k, s in shape.items()}
    assert candidates(weights) == names


def test_the_mean_of_its_file_is_that_of_the_images(tmp_path):
    ours = drawn("edsr_x3", **SMALL)
    theirs = foreign.renamed(ours, foreign.EDSR)
    theirs["sub_mean.bias"] = -255 * np.float32([0.4, 0.5, 0.6])
    theirs["sub_mean.weight"] = np.eye(3, dtype=np.float32)[:, :, None, None]
    foreign.save(tmp_path / "model_best.pt", theirs)
    model, _, _ = from_pretrained(tmp_path / "model_best.pt", model="edsr_x3")
    assert model.mean == (0.4, 0.5, 0.6) != DIV2K_MEAN


def test_what_is_nobodys(tmp_path):
    rows = {
        "dilated.pth": {f"model.{2 * i}.weight": (4, 4, 3, 3) for i in range(7)},
        "patchgan.pth": {f"model.{i}.weight": (1, 1, 4, 4) for i in (0, 2, 5, 8, 11)},
        "timm.pth": {"conv1.1.weight": (8,), "conv1.0.weight": (8, 3, 3, 3)},
        "x6.pth": {"conv_first.weight": (1, 3, 3, 3), "conv_last.weight": (3, 1, 3, 3)}
        | {"body.0.conv1.weight": (1, 1, 3, 3), "upsample.0.weight": (36, 1, 3, 3)},
    }
    found = {
        name: candidates(
            read_weights(foreign.save(tmp_path / name, foreign.filled(row)))
        )
        for name, row in rows.items()
    }
    assert found.pop("dilated.pth") == ("dncnn17", "dncnn20")
    assert set(found.values()) == {()}


def test_what_is_written_beside_weights_comes_first(tmp_path):
    ours = drawn("dncnn17", width=2, depth=3)
    save_safetensors(tmp_path / "model.safetensors", ours)
    config = {"library": "resnet-jax", "model": {"name": "dncnn17", "depth": 3}}
    config |= {"statistics": "batch", "degradation": {"name": "noise", "sigma": 0.1}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    found = resnet_jax.open_translator(tmp_path)
    assert found.name == "dncnn17, each image's own statistics, dropout on"
    assert found.halo is None and found.encode is None
    plain = resnet_jax.open_translator(tmp_path, statistics="running")
    assert plain.halo == create_model("dncnn17", depth=3).halo == 3
