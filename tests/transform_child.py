"""Transforms files with a tiny network, and prints the peak of memory in MiB.

python transform_child.py SCALE OUT FILE...
"""

import pathlib
import re
import sys
import types

import tiny_translators as tiny

from resnet_jax import translators
from resnet_jax.verbs.transform import transform


class Task:
    """As much of a task as the verb asks for."""

    def prepare_eval(self, state, batches, key):
        return state

    def translator(self, state, direction):
        return tiny.restorer(int(sys.argv[1]))


if __name__ == "__main__":
    run = types.SimpleNamespace(task=Task(), state=None)
    translators.is_run = lambda name: True
    translators.load = lambda *arguments: run
    table = transform("run", sys.argv[3:], out=sys.argv[2])
    print(table, file=sys.stderr)
    # getrusage would count the process that this one was forked from.
    status = pathlib.Path("/proc/self/status").read_text()
    print(int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) // 1024)
