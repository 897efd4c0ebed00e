"""Distances across two domains, by hand in features of one number."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.features import Pixels
from resnet_jax.tasks.translation import Translation


@dataclasses.dataclass(frozen=True)
class Brightness:
    """The mean as the only feature; the class is 0, 1 or 2, by thirds of it."""

    name = "brightness"
    resize = "none"

    def __call__(self, variables, images):
        mean = images.astype(jnp.float32).mean((1, 2, 3)) / 255
        return {
            "features": mean[:, None],
            "logits": jax.nn.one_hot((3 * mean).astype(int).clip(0, 2), 3),
        }

    def named(self, values):
        return dict(values)


BRIGHTNESS = Brightness()


def make(**fields):
    return Translation(**{"network": BRIGHTNESS, **fields})


def flat(*levels):
    """An image of four pixels per grey level."""
    image = jnp.uint8(levels)[:, None, None, None]
    return jnp.broadcast_to(image, (len(levels), 2, 2, 1))


def sums(task, *batches):
    found = {key: metric.empty() for key, metric in task.metrics.items()}
    for name, image, there, back in batches:
        rows = jax.device_get(task.rows({}, name, image, there, back))
        found = {k: m.add(found[k], rows) for k, m in task.metrics.items()}
    return found


DARK, BRIGHT = flat(0, 51), flat(204, 255)
# Of dark images, one comes out bright, and of bright ones, one dark; all come back.
EVALS = (
    ("horse", ("a", DARK, flat(255, 51), DARK)),
    ("zebra", ("b", BRIGHT, flat(0, 255), flat(204, 204))),
)


def evals(task):
    return {name: sums(task, batch) for name, batch in EVALS}


def frechet(a, b):
    """Of numbers: squared differences of means and of deviations."""
    mean = (np.mean(a) - np.mean(b)) ** 2
    return mean + (np.std(a, ddof=1) - np.std(b, ddof=1)) ** 2


def test_translations_are_compared_with_images_of_their_new_domain():
    found = make(classes=(0, 2)).summarize(evals(make(classes=(0, 2))))
    wanted = {
        "zebra/frechet_distance": frechet([1, 0.2], [0.8, 1]),
        "zebra/untranslated_frechet_distance": frechet([0, 0.2], [0.8, 1]),
        "horse/frechet_distance": frechet([0, 1], [0, 0.2]),
        "horse/untranslated_frechet_distance": frechet([0.8, 1], [0, 0.2]),
        "horse/cycle_error": 0,
        "zebra/cycle_error": 0.1,
        # One of two dark images is taken for bright, and one of the bright for dark.
        "horse/class_share": 0.5,
        "zebra/class_share": 0.5,
        "horse/real_class_share": 1,
        "zebra/real_class_share": 1,
        "horse/examples": 2,
        "zebra/examples": 2,
    }
    assert found == pytest.approx(wanted, abs=1e-6)


def test_rows_of_one_evaluation_may_come_in_any_batches():
    task = make()
    whole = evals(task)["horse"]
    (_, (name, image, there, back)), _ = EVALS
    halves = [(name, *(x[i : i + 1] for x in (image, there, back))) for i in (1, 0)]
    other = {"horse": sums(task, *halves), "zebra": evals(task)["zebra"]}
    wanted = task.summarize({"horse": whole, "zebra": other["zebra"]})
    assert task.summarize(other) == pytest.approx(wanted)


@pytest.mark.parametrize("measure", ["kernel", "prdc", "mind"])
def test_other_measures_are_crossed_too(measure):
    task = make(measures=(measure,))
    found = task.summarize(evals(task))
    extra = {key for key in found if not key.endswith(("examples", "cycle_error"))}
    assert len(extra) >= 4
    assert len({key for key in extra if "/untranslated_" in key}) == len(extra) / 2


def test_one_way_measures_one_domain():
    task = make(returns=False, classes=(0, 2))
    (_, there), (_, (name, image, *_)) = EVALS
    found = task.summarize(
        {
            "horse": sums(task, (*there[:3], None)),
            "zebra": sums(task, (name, image, None, None)),
        }
    )
    assert "horse/frechet_distance" not in found
    assert found["zebra/frechet_distance"] == pytest.approx(frechet([1, 0.2], [0.8, 1]))
    assert found["horse/class_share"] == 0.5 and np.isnan(found["zebra/class_share"])
    assert not [key for key in found if "cycle_error" in key]


def test_names_are_known_before_an_example_is():
    task = make(classes=(0, 2))
    nothing = {key: metric.empty() for key, metric in task.metrics.items()}
    found = task.summarize({"horse": nothing, "zebra": nothing})
    assert {*found} == {*task.summarize(evals(task))}
    rows = task.figures({"horse": nothing})["protocol"].rows
    assert rows == (("horse", "?", 0, "brightness", "none"),)


def test_one_domain_alone_has_no_distance():
    task = make()
    found = task.summarize({"horse": evals(task)["horse"]})
    assert np.isnan(found["horse/frechet_distance"])
    assert found["horse/cycle_error"] == 0


def test_without_measures_the_cycle_remains():
    task = make(measures=(), network=Pixels())
    assert {*task.metrics} == {"means"}
    found = task.summarize(evals(task))
    assert {*found} == {
        f"{name}/{key}"
        for name in ("horse", "zebra")
        for key in ("cycle_error", "examples")
    }


def test_figures_say_how_it_was_measured():
    table = make().figures(evals(make()))["protocol"]
    assert table.rows[1] == ("zebra", "b", 2, "brightness", "none")


def test_mistakes():
    with pytest.raises(ValueError, match="'classifier', the score of images of many"):
        make(measures=("classifier",))
    with pytest.raises(ValueError, match="unknown metric 'fid'"):
        make(measures=("fid",))
    for classes in ((7,), (7, -1), (1, 2, 3)):
        with pytest.raises(ValueError, match="expected the numbers of two classes"):
            make(classes=classes)
    with pytest.raises(ValueError, match=r"brightness is not loaded.*features'\]"):
        make().rows(None, "a", DARK)
