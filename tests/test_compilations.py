"""What is compiled in the course of a run: everything once."""

import json
import pathlib
import sys

import jax.monitoring
import pytest
from command import finish, start, tiny, train_here

from resnet_jax.preemption import Preempted

CHANGES = {
    "total_steps": 9,
    "run.log_every": 1,
    "run.eval_every": 3,
    "run.save_every": 3,
    "run.keep": 1,
    "model.stage_sizes": (1,),
    # 360 test images: the last batch is partly padding.
    "batch_size": 16,
}
STOP = 7


def main(folder):
    """Trains up to STOP, or from there on; writes how much was compiled at each step.

    Both the programs that were asked for and those that the cache did not have.
    """
    asked, missed, counts = [], [], {}

    def listen(event, **_):
        asked.extend([event] * event.endswith("/compile_requests_use_cache"))
        missed.extend([event] * event.endswith("/cache_misses"))

    jax.monitoring.register_event_listener(listen)

    def stopping(step):
        counts[step] = len(asked), len(missed)
        return step == STOP and not (folder / "first").exists()

    try:
        train_here(folder / "run", tiny(CHANGES), stopping)
    except Preempted:
        (folder / "first").touch()
    counts[9] = len(asked), len(missed)
    print(json.dumps(counts))


@pytest.mark.slow
def test_everything_is_compiled_once_and_nothing_on_resume(tmp_path):
    first, second = (
        json.loads(
            finish(start(tmp_path, program=(__file__,)))[0].strip().split("\n")[-1]
        )
        for _ in range(2)
    )
    asked = {int(step): counts[0] for step, counts in first.items()}
    assert 0 < asked[0] < asked[1] == asked[2]
    # After step 3 the first evaluation, its last batch partly padding, and a save.
    assert asked[2] < asked[3]
    assert all(asked[step] == asked[3] for step in range(4, STOP + 1))
    # The second process asks for as much again, and all of it is there.
    assert second["9"][0] > 10 and second["9"][1] == 0


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
