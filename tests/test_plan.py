"""Periods, keys, and values out of range."""

import jax
import numpy as np
import pytest

from resnet_jax.plan import Options, Plan, keys

FIELDS = {
    "seed": 0,
    "batch_size": 4,
    "total_steps": 10,
    "best": ("test/accuracy", "max"),
    "options": Options(),
    "description": {},
}


def test_what_is_periodic_is_due_at_its_steps_and_at_the_end():
    plan = Plan(**FIELDS)
    assert [step for step in range(1, 11) if plan.due(step, 4)] == [4, 8, 10]
    assert [step for step in range(1, 11) if plan.due(step, 0)] == [10]


def test_keys_differ_by_purpose_and_by_seed():
    data = [jax.random.key_data(k) for s in (0, 1) for k in keys(s).values()]
    assert len(np.unique(data, axis=0)) == 6
    assert keys(0).keys() == {"init", "train", "eval"}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"log_every": -1}, "run.log_every is -1"),
        ({"keep": 0}, "run.keep is 0; expected at least 1"),
        (
            {"parallel": "pjit"},
            "run.parallel is 'pjit'; expected 'jit' or 'pmap' or 'fsdp'",
        ),
        ({"fsdp": -1}, "run.fsdp is -1; expected at least 0"),
        ({"fsdp": 4}, "run.fsdp is 4 and run.parallel 'jit'"),
        ({"fsdp": 4, "parallel": "pmap"}, "set run.parallel='fsdp'"),
        ({"on_nonfinite": "ignore"}, "expected 'stop' or 'rollback'"),
    ],
)
def test_options_out_of_range(fields, sentence):
    with pytest.raises(ValueError, match=sentence):
        Options(**fields)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"total_steps": 0}, "total_steps is 0"),
        ({"best": ("test/accuracy", "highest")}, "expected a metric and 'max'"),
        ({"best": ("test/accuracy",)}, "expected a metric and 'max'"),
    ],
)
def test_plans_out_of_range(fields, sentence):
    with pytest.raises(ValueError, match=sentence):
        Plan(**{**FIELDS, **fields})
