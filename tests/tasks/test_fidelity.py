"""PSNR and SSIM of answers, as rows, columns and summaries."""

import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.tasks.fidelity import Fidelity

RNG = np.random.default_rng(0)
TARGET = jnp.float32(RNG.integers(10, 240, (2, 16, 16, 3)) / 255)
# One and five grey levels away everywhere.
OUTPUT, INPUT = TARGET + 1 / 255, TARGET - 5 / 255
ONE = 20 * np.log10(255)


def test_rows_are_decibels_of_answer_and_input():
    rows = Fidelity().rows(INPUT, OUTPUT, TARGET)
    assert list(rows) == ["psnr", "ssim", "input_psnr", "input_ssim"]
    np.testing.assert_allclose(rows["psnr"], ONE, rtol=1e-5)
    np.testing.assert_allclose(rows["input_psnr"], ONE - 20 * np.log10(5), rtol=1e-5)
    assert (rows["ssim"] > rows["input_ssim"]).all()
    # What is less than half a level is rounded away.
    close = Fidelity().rows(INPUT, OUTPUT + 0.4 / 255, TARGET)
    np.testing.assert_array_equal(close["psnr"], rows["psnr"])


def test_protocol_and_crop_count():
    wrong = OUTPUT.at[:, 0].set(0.0)
    whole, inner = (Fidelity("rgb", crop).rows(INPUT, wrong, TARGET) for crop in (0, 1))
    assert (whole["psnr"] < 20).all()
    np.testing.assert_allclose(inner["psnr"], ONE, rtol=1e-5)
    # A grey level in all three channels is 219 / 255 of one in luma.
    luma = Fidelity("y").rows(INPUT, OUTPUT, TARGET)["psnr"]
    np.testing.assert_allclose(luma, ONE + 20 * np.log10(255 / 219), rtol=1e-5)


def test_columns_in_order_with_a_magnified_error():
    found = Fidelity().columns(INPUT, OUTPUT, TARGET)
    assert list(found) == [
        *("input", "output", "target", "error x 4", "input PSNR", "output PSNR"),
    ]
    np.testing.assert_allclose(found["error x 4"], 4 / 255, atol=1e-6)
    np.testing.assert_allclose(found["output PSNR"], 48.1308, atol=1e-3)
    far = Fidelity().columns(INPUT, 1 - TARGET, TARGET)["error x 4"]
    assert float(far.max()) == 1


def test_large_images_have_a_part_close_up_with_its_own_psnr():
    """Detail is in the lower right part, and there the answer is three levels off."""
    target = jnp.full((1, 96, 96, 1), 0.4)
    checks = (jnp.indices((40, 40)).sum(0) % 2)[..., None] / 5
    target = target.at[:, 56:, 56:].add(checks)
    output = (target + 1 / 255).at[:, 56:, 56:].add(2 / 255)
    found = Fidelity(crop=4, beside="bicubic").columns(target - 5 / 255, output, target)
    assert [*found][6:] == [
        *(f"{name} close up" for name in ("bicubic", "output", "target")),
        *("bicubic close up PSNR", "output close up PSNR"),
    ]
    np.testing.assert_array_equal(
        found["target close up"][:, ::4, ::4], target[:, 56:, 56:]
    )
    whole, close = found["output PSNR"], found["output close up PSNR"]
    np.testing.assert_allclose(close, ONE - 20 * np.log10(3), rtol=1e-4)
    assert close[0] < whole[0]
    np.testing.assert_allclose(
        found["bicubic close up PSNR"], ONE - 20 * np.log10(5), rtol=1e-4
    )


def test_summaries_are_means_by_evaluation():
    fidelity = Fidelity("y", 2)
    metric = fidelity.metrics["fidelity"]
    sums = metric.empty()
    for psnr in (30.0, 32.0):
        row = {"psnr": [psnr], "ssim": [0.5], "input_psnr": [9.0], "input_ssim": [0.1]}
        sums = metric.add(sums, {k: np.array(v) for k, v in row.items()})
    evals = {"set5": {"fidelity": sums}, "none": {"fidelity": metric.empty()}}
    found = fidelity.summarize(evals)
    assert found["set5/psnr"] == 31 and found["set5/examples"] == 2
    assert found["set5/input_ssim"] == pytest.approx(0.1)
    # The names of an evaluation are known before an example is.
    names = {key.partition("/")[2] for key in found if key.startswith("set5/")}
    assert {key.partition("/")[2] for key in found if key.startswith("none/")} == names
    assert np.isnan(found["none/psnr"])
    assert fidelity.figures(evals)["protocol"].rows[0] == ("set5", 2, "y", 2, 0)


def test_answers_that_are_their_target_are_counted_and_not_averaged():
    fidelity = Fidelity(crop=2)
    rows = {name: np.array([0.5, 0.7]) for name in ("ssim", "input_psnr", "input_ssim")}
    rows["psnr"] = np.array([np.inf, 30.0])
    metric = fidelity.metrics["fidelity"]
    evals = {"set5": {"fidelity": metric.add(metric.empty(), rows)}}
    assert fidelity.summarize(evals)["set5/psnr"] == 30
    assert fidelity.figures(evals)["protocol"].rows[0][-1] == 1
    measured, equal = fidelity.sentences(evals)
    assert measured == (
        "PSNR and SSIM: means over images of 8 bits, all channels, without 2 pixels at "
        "each border."
    )
    assert equal.startswith("1 of 2 answers of 'set5' are equal to their target: ")


def test_mistakes():
    with pytest.raises(ValueError, match=r"task.protocol is 'ycbcr'\. Known: grey, rg"):
        Fidelity("ycbcr")
    with pytest.raises(ValueError, match=r"task\.crop is -1; expected 0 or more"):
        Fidelity("y", -1)
