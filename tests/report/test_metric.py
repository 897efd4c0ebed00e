import math

import pytest

from resnet_jax.report.metric import charts, direction, series, summarize

ROWS = [
    {"step": 10, "train/loss": 2.0, "train/learning_rate": 0.1},
    {"step": 20, "train/loss": 1.0, "time/images_per_second": 9.0},
    {"step": 20, "test/loss": 1.5, "test/accuracy": 0.5},
    {"step": 30, "test/loss": math.nan, "test/accuracy": 0.4},
]


def test_evaluations_come_first_and_times_last():
    names = list(series(ROWS))
    assert names[:2] == ["test/accuracy", "test/loss"]
    assert names[-1] == "time/images_per_second"


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("test/accuracy", "max"),
        ("test/top5_accuracy", "max"),
        ("a/inception_score", "max"),
        ("test/loss", "min"),
        ("reals/fid", "min"),
        ("test/frechet_distance", "min"),
        ("test/kernel_distance_deviation", None),
        ("test/real_score", None),
        ("test/examples", None),
        ("test/floss", None),
    ],
)
def test_direction(name, mode):
    assert direction(name) == mode


def test_best_values():
    points = series(ROWS)
    best = summarize("test/accuracy", points["test/accuracy"])
    assert (best.last, best.best, best.best_step) == (0.4, 0.5, 20)
    loss = summarize("test/loss", points["test/loss"])
    assert math.isnan(loss.last) and (loss.best, loss.best_step) == (1.5, 20)
    assert summarize("test/accuracy", points["test/accuracy"], "min").best == 0.4
    assert summarize("train/loss", points["train/loss"]).best is None


def test_train_and_test_share_a_chart():
    drawn = charts(series(ROWS))
    assert list(drawn) == ["loss", "accuracy"]
    assert list(drawn["loss"]) == ["train", "test"]


def test_both_sides_of_a_game_share_a_chart():
    names = ("train/real_logits", "train/fake_logits", "test/fake_score")
    names += ("train/generator_loss", "train/discriminator_loss", "train/real")
    rows = [{"step": i, **dict.fromkeys(names, float(i))} for i in (1, 2)]
    drawn = charts(series(rows))
    assert list(drawn["logits"]) == ["train fake", "train real"]
    assert list(drawn["loss"]) == ["train discriminator", "train generator"]
    assert list(drawn["score"]) == ["test fake"] and list(drawn["real"]) == ["train"]
