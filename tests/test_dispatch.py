"""Several steps in one program: the same run, in other portions."""

import jax
import numpy as np
import pytest
from command import metrics, tiny, train_here

from resnet_jax.plan import Options, Plan
from resnet_jax.preemption import Preempted

CHANGES = {
    "total_steps": 8,
    "run.log_every": 6,
    "run.eval_every": 6,
    "run.save_every": 0,
    "model.stage_sizes": (1,),
}


def portions(**options):
    plan = Plan(0, 4, 10, ("test/loss", "min"), Options(save_every=0, **options), {})
    step, found = 0, []
    while step < plan.total_steps:
        found.append(plan.ahead(step))
        step += found[-1]
    return found


def test_steps_go_together_up_to_where_something_is_due():
    quiet = {"log_every": 0, "eval_every": 0}
    assert portions(**quiet) == [1] * 10
    assert portions(steps_per_dispatch=4, **quiet) == [4, 4, 2]
    assert portions(steps_per_dispatch=4, log_every=0, eval_every=6) == [4, 2, 2, 2]
    # A trace of steps 3 to 5 begins before the third.
    traced = portions(steps_per_dispatch=4, profile=(3, 5), **quiet)
    assert traced == [2, 2, 1, 3, 2]
    with pytest.raises(ValueError, match="'pmap', which takes one step at a time"):
        Options(steps_per_dispatch=2, parallel="pmap")
    with pytest.raises(ValueError, match="steps_per_dispatch is 0"):
        Options(steps_per_dispatch=0)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["jit", "fsdp"])
def test_steps_together_are_the_same_steps(tmp_path, mode):
    one, three = (
        tiny({**CHANGES, "run.parallel": mode, "run.steps_per_dispatch": steps})
        for steps in (1, 3)
    )
    wanted = train_here(tmp_path / "one", one)
    found = train_here(tmp_path / "three", three)
    for a, b in zip(*map(jax.tree.leaves, (wanted, found)), strict=True):
        np.testing.assert_allclose(a, b, 1e-3, 1e-5)
    log, other = metrics(tmp_path / "one"), metrics(tmp_path / "three")
    assert log.keys() == other.keys()
    for key, value in log.items():
        assert other[key] == pytest.approx(value, 1e-3, 1e-5), key
    parts = tmp_path / "parts"
    for stop in (3, 6):
        with pytest.raises(Preempted, match=f"stopped at step {stop} of 8; saved."):
            train_here(parts, three, lambda step, stop=stop: step >= stop)
    again = train_here(parts, three)
    for a, b in zip(*map(jax.tree.leaves, (found, again)), strict=True):
        np.testing.assert_array_equal(a, b, strict=True)
    judged = {key: value for key, value in other.items() if "test/" in key[1]}
    assert judged.items() <= metrics(parts).items()
