"""Pickles are read as data; what could run code is refused by name."""

import io
import os
import pickle
import random
import time

import pytest

from resnet_jax.pretrained.unpickle import Refused, unpickle

VALUES = {
    "numbers": [0, -1, 300, 70_000, 2**31, -(2**70), 0.5, True, False, None],
    "text": "é" * 300,
    "bytes": b"x" * 300,
    "nested": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), {"a": {}, 1: []}],
    "long": list(range(3000)),
}


class Touch:
    """What a hostile pickle does: creates a file when it is loaded."""

    def __init__(self, path, call):
        self.path, self.call = str(path), call

    def __reduce__(self):
        calls = {"system": os.system, "eval": eval, "open": open}
        arguments = {
            "system": (f"touch {self.path}",),
            "eval": (f"open({self.path!r}, 'w')",),
            "open": (self.path, "w"),
        }
        return calls[self.call], arguments[self.call]


def read(data, constructors=(), persistent=lambda identity: identity):
    return unpickle(io.BytesIO(data), dict(constructors), persistent)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_values(protocol):
    values = dict(VALUES, bytes=b"" if protocol == 2 else VALUES["bytes"])
    if protocol == 2:  # bytes are a call of codecs there
        values.pop("bytes")
    shared = [values, values]
    back = read(pickle.dumps(shared, protocol))
    assert back == shared
    assert back[0] is back[1]


def test_two_pickles_one_after_the_other():
    file = io.BytesIO(pickle.dumps(1, 2) + pickle.dumps("two", 2) + b"rest")
    assert unpickle(file, {}, id) == 1
    assert unpickle(file, {}, id) == "two"
    assert file.read() == b"rest"


def test_constructors_and_persistent_ids():
    data = b"\x80\x02cshop\nBox\nK\x02\x85R}K\x01K\x02sb."
    assert read(data, {"shop.Box": lambda size: [size]}) == [2]
    assert read(b"\x80\x02K\x05Q.", persistent=lambda i: i + 1) == 6


@pytest.mark.parametrize("call", ["system", "eval", "open"])
@pytest.mark.parametrize("protocol", range(6))
def test_code_is_refused_and_does_not_run(tmp_path, call, protocol):
    victim = tmp_path / "victim"
    data = pickle.dumps({"model": Touch(victim, call)}, protocol)
    ran = pickle.loads(data)["model"]
    assert victim.exists(), "the pickle is harmless"
    if call != "system":
        ran.close()
    victim.unlink()
    with pytest.raises(Refused) as caught:
        read(data)
    assert not victim.exists()
    text = str(caught.value)
    assert "\n" not in text
    if protocol >= 2:
        assert f".{call}'" in text and "could run code" in text


@pytest.mark.parametrize(
    "data",
    [
        b"(S'touch x'\nios\nsystem\n.",  # INST
        b"\x80\x02(cos\nsystem\nS'touch x'\no.",  # OBJ
        b"\x80\x02\x82\x01.",  # EXT1
        b"\x80\x02cbuiltins\nobject\n)\x81.",  # NEWOBJ
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",  # STACK_GLOBAL
    ],
)
def test_other_ways_to_code(data):
    with pytest.raises(Refused):
        read(data)


def test_damage_is_a_value_error():
    """Cut off anywhere, or with a byte changed: a sentence or a value, no crash."""
    whole, draw = pickle.dumps(VALUES, 4)[:1200], random.Random(0)
    for stop in range(0, len(whole), 7):
        with pytest.raises(ValueError):
            read(whole[:stop])
    for _ in range(300):
        data = bytearray(pickle.dumps({"a": [1, (2.5, "b")], "c": {}}, 4))
        data[draw.randrange(len(data))] = draw.randrange(256)
        try:
            read(bytes(data))
        except ValueError as error:
            assert str(error)


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02Nr\xff\xff\xff\xff0j\xff\xff\xff\xff.",  # a memo of 4 billion
        b"\x80\x04\x8d" + (2**60).to_bytes(8, "little") + b"x.",  # BINUNICODE8
        b"\x80\x02\x8b" + (2**31 - 1).to_bytes(4, "little") + b"x.",  # LONG4
        b"\x80\x02}" + b"K\x01" + b"\x86".join([b"2"] * 60) + b"K\x01s.",  # nested key
    ],
)
def test_bombs_cost_nothing(data):
    start = time.monotonic()
    try:
        assert read(data) is None
    except ValueError as error:
        assert len(str(error)) < 200
    assert time.monotonic() - start < 1
