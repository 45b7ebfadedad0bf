"""Nodes that hand on one of their inputs: reroutes, and switches by a truth value or a number.

Every extension brings its own, so they are known by what their inputs are called.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from clipwatch.embedded.graph import Node

#: What is handed on when the condition is true, and when it is false.
BRANCHES = (
    ("on_true", "on_false"),
    ("tt_value", "ff_value"),
    ("if_true", "if_false"),
    ("true_value", "false_value"),
    ("true", "false"),
    ("ANY_TRUE", "ANY_FALSE"),
)
CONDITIONS = ("switch", "boolean", "cond", "condition", "bool", "boolean_value", "select", "value")
SELECTORS = ("select", "index", "Input", "input", "selected", "choice", "switch", "selection")
BRANCHING = frozenset(name for branches in BRANCHES for name in branches)
ROLES = re.compile(
    r"(?P<only>reroute|^setnode$)"
    r"|(?P<first>(?:any|context|ctx) ?switch|first.?(?:any|valid|available)|coalesce)"
    r"|(?P<selected>switch|index|select|choose)"
)
NUMBERED = re.compile(r"_?0*([0-9]{1,6})$")

ValueOf = Callable[[Node, str], Any]  #: an input's value, None where it is not certain


def chosen(node: Node, value_of: ValueOf) -> str | None:
    """The name of the input that a node hands on; None where it is none of these or unclear."""
    if not BRANCHING.isdisjoint(node.inputs):
        return _branch(node, value_of)
    role = _role(node.kind)
    if role is None:
        return None
    if role == "only":
        return next(iter(node.links)) if len(node.links) == 1 else None
    if "boolean" in node.inputs:
        return _lettered(node, value_of)
    if any(name in node.inputs for name in SELECTORS):
        return _numbered(node, value_of)
    return next(iter(node.links), None) if role == "first" else None


@lru_cache(maxsize=1024)
def _role(kind: str) -> str | None:
    """What a node does with its inputs by its name; the same few names come again and again."""
    match = ROLES.search(kind.lower())
    return match.lastgroup if match else None


def _branch(node: Node, value_of: ValueOf) -> str | None:
    branches = next(names for names in BRANCHES if any(name in node.inputs for name in names))
    there = [name for name in branches if name in node.inputs]
    if len(there) == 1:
        return there[0]
    condition = next((name for name in CONDITIONS if name in node.inputs), None)
    value = value_of(node, condition) if condition else None
    return branches[not value] if isinstance(value, (bool, int)) else None


def _lettered(node: Node, value_of: ValueOf) -> str | None:
    """WAS's switches have inputs that end in "_a", handed on when it is true, and "_b"."""
    value = value_of(node, "boolean")
    if not isinstance(value, (bool, int)):
        return None
    ending = "_a" if value else "_b"
    names = [name for name in node.inputs if name.endswith(ending)]
    return names[0] if len(names) == 1 else None


def _numbered(node: Node, value_of: ValueOf) -> str | None:
    """The input whose number is the one selected."""
    selector = next(name for name in SELECTORS if name in node.inputs)
    number = value_of(node, selector)
    if isinstance(number, str) and number.isdecimal():
        number = int(number[:9])
    if isinstance(number, bool) or not isinstance(number, int):
        return None
    numbered = {
        name: int(match[1])
        for name in node.inputs
        if name != selector and (match := NUMBERED.search(name))
    }
    if selector == "index" and 0 not in numbered.values():  # an index may begin with 0 all the same
        return None
    names = [name for name, own in numbered.items() if own == number]
    return names[0] if len(names) == 1 else None
