"""Pickles as data: what a file of tensors needs, and nothing that could run code.

`pickle` calls whatever a file names. This reader knows the opcodes of containers and
numbers, and the few constructors it is given; all else is refused by name.
"""

import pickletools
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO


class Refused(ValueError):
    """A pickle that asks for more than data."""


PLAIN = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
LITERALS = (
    *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
    *("BINUNICODE", "SHORT_BINUNICODE", "BINSTRING", "SHORT_BINSTRING"),
    *("BINBYTES", "SHORT_BINBYTES"),
)
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_MARK = object()


def unpickle(
    file: BinaryIO,
    constructors: Mapping[str, Any],
    persistent: Callable[[Any], Any],
) -> Any:
    """Reads one pickle of protocol 2 to 5; the file stands after it then.

    Args:
        file: in memory, so that no declared length allocates more than there is.
        constructors: 'module.name' -> what stands for it, called where the pickle
            calls it.
        persistent: what to put in place of a persistent id.

    Returns:
        Dicts, lists, tuples, numbers, text, and what the constructors made.

    Raises:
        Refused: the pickle names another function or class, or an opcode beyond data.
        ValueError: it is damaged.
    """
    machine = _Machine(constructors, persistent)
    try:
        for opcode, argument, _ in pickletools.genops(file):
            if opcode.name == "STOP":
                return machine.stack.pop()
            machine.step(opcode.name, argument)
    except Refused:
        raise
    except (ValueError, TypeError, LookupError, ArithmeticError) as error:
        raise ValueError(f"its pickle is damaged ({error})") from error
    raise ValueError("its pickle is cut off")


class _Machine:
    """The stack and the memo of a pickle being read."""

    def __init__(self, constructors, persistent):
        self.constructors = constructors
        self.persistent = persistent
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        """Carries out one opcode."""
        stack = self.stack
        if name in LITERALS:
            stack.append(argument)
        elif name in CONSTANTS:
            stack.append(CONSTANTS[name])
        elif name in PLAIN:
            stack.append(PLAIN[name]())
        elif name in ("PROTO", "FRAME"):
            pass
        elif name == "MARK":
            stack.append(_MARK)
        elif name in ("BINPUT", "LONG_BINPUT"):
            self.memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            self.memo[len(self.memo)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(self.memo[argument])
        elif name in TUPLES:
            stack[-TUPLES[name] :] = [tuple(stack[-TUPLES[name] :])]
        elif name == "TUPLE":
            stack.append(tuple(self.marked()))
        elif name in ("APPEND", "APPENDS"):
            items = [stack.pop()] if name == "APPEND" else self.marked()
            self.top(list).extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            items = [stack.pop(-2), stack.pop()] if name == "SETITEM" else self.marked()
            self.set_items(items)
        elif name == "BINPERSID":
            stack.append(self.persistent(stack.pop()))
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            names = [stack.pop(-2), stack.pop()] if argument is None else [argument]
            stack.append(self.constructor(".".join(names).replace(" ", ".")))
        elif name == "REDUCE":
            arguments = stack.pop()
            stack.append(stack.pop()(*arguments))
        elif name == "BUILD":
            stack.pop()  # attributes, such as a state dict's _metadata
        else:
            raise Refused(f"its pickle has the opcode {name}, which data does not need")

    def marked(self) -> list[Any]:
        """Takes what was pushed since the last mark."""
        start = len(self.stack) - 1
        while self.stack[start] is not _MARK:
            start -= 1
            if start < 0:
                raise ValueError("no mark")
        items = self.stack[start + 1 :]
        del self.stack[start:]
        return items

    def top(self, kind: type) -> Any:
        """The container on top of the stack."""
        if type(self.stack[-1]) is not kind:
            raise ValueError(f"no {kind.__name__} to fill")
        return self.stack[-1]

    def set_items(self, items: list[Any]) -> None:
        """Keys are text or numbers: hashing nested tuples could take for ever."""
        keys, values = items[::2], items[1::2]
        if not all(isinstance(key, str | int) for key in keys):
            raise ValueError("a key is neither text nor a number")
        self.top(dict).update(zip(keys, values, strict=True))

    def constructor(self, name: str) -> Any:
        """What stands for a function or class."""
        if name not in self.constructors:
            raise Refused(
                f"its pickle asks for {name!r}, which is no part of a state dict and "
                "could run code"
            )
        return self.constructors[name]
