"""A ComfyUI graph in API form: nodes, links, and what stands upstream of what.

    {"3": {"class_type": "KSampler", "inputs": {"seed": 1, "positive": ["6", 0], ...}}, ...}

A link is ``[node id, output slot]``. Every walk is a loop with a set of nodes seen, so that
circles end and depth does not matter.
"""

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, TypeAlias

Link: TypeAlias = tuple[str, int]

#: Inputs that text comes in by, where others take pictures.
TEXTUAL = re.compile(r"prompt|text|string|caption|name|title|path|metadata|source")


@dataclass(slots=True)  # not frozen: that doubles the cost of making the many of them
class Node:
    """One node; ``links`` are those of its inputs that lead to a node of the graph."""

    node_id: str
    kind: str  #: its class_type
    inputs: Mapping[str, Any]
    links: Mapping[str, Link]


@dataclass(frozen=True, slots=True)
class Live:
    """What some nodes depend on, and themselves."""

    nodes: Set[str]
    noted: Sequence[str]  #: those with one of the inputs that were asked for


class Graph(dict[str, Node]):
    """The nodes by id. Each is made when first asked for: most of a graph is never looked at."""

    __slots__ = ("entries",)

    def __init__(self, entries: Mapping[str, Any]) -> None:
        super().__init__()
        self.entries = entries  #: every node as it stands in the JSON, by id

    def __missing__(self, node_id: str) -> Node:
        entry = self.entries[node_id]
        inputs = entry["inputs"]
        links = {
            name: link
            for name, value in inputs.items()
            if type(value) is list and (link := _link(value, self.entries))
        }
        node = self[node_id] = Node(node_id, entry["class_type"], inputs, links)
        return node


def parse(value: object) -> Graph:
    """The graph that a parsed JSON value is; without any entries where it is none.

    Some savers write a list of nodes that have their ``id`` inside.
    """
    if isinstance(value, list):
        value = {
            str(entry["id"]): entry for entry in value if type(entry) is dict and "id" in entry
        }
    if not isinstance(value, dict):
        return Graph({})
    return Graph(
        {
            node_id: entry
            for node_id, entry in value.items()
            if type(entry) is dict
            and type(entry.get("class_type")) is str
            and type(entry.get("inputs")) is dict
        }
    )


def sinks(graph: Graph) -> list[str]:
    """The nodes whose pictures are kept: those that save, else those that show, else the ends."""
    entries = graph.entries
    for word in ("save", "preview"):
        found = [key for key, entry in entries.items() if word in entry["class_type"].lower()]
        if kept := [node_id for node_id in found if _takes_picture(graph[node_id])]:
            return kept
    used = {link[0] for node_id in entries for link in graph[node_id].links.values()}
    return [node_id for node_id in entries if node_id not in used]


def _takes_picture(node: Node) -> bool:
    return any(not TEXTUAL.search(name.lower()) for name in node.links)


def upstream(graph: Graph, ends: Iterable[str], noted: Set[str] = frozenset()) -> Live:
    """The ends and every node that they depend on.

    This looks at every link of a graph and decides how fast a file is read.
    """
    entries = graph.entries
    stack = list(ends)
    seen = set(stack)
    marked = []
    while stack:
        node_id = stack.pop()
        inputs = entries[node_id]["inputs"]
        if not noted.isdisjoint(inputs):
            marked.append(node_id)
        for value in inputs.values():
            if type(value) is list and len(value) == 2:
                target, slot = value
                if type(target) is not str:
                    target = _text(target)
                if target not in seen and target in entries and type(slot) is int:
                    seen.add(target)
                    stack.append(target)
    return Live(seen, marked)


def upstream_first(graph: Graph, ends: Iterable[str]) -> Iterator[Node]:
    """Every node that the ends depend on, each after all that it depends on itself."""
    seen: set[str] = set()
    for end in ends:
        stack = [(graph[end], iter(graph[end].links.values()))] if end not in seen else []
        seen.add(end)
        while stack:
            node, waiting = stack[-1]
            for target, _ in waiting:
                if target not in seen:
                    seen.add(target)
                    stack.append((graph[target], iter(graph[target].links.values())))
                    break
            else:
                stack.pop()
                yield node


def along(graph: Graph, node: Node, names: Sequence[str]) -> Iterator[Node]:
    """The nodes that one reaches from this one by the first of these inputs that is a link.

    A node with a single link that is none of them is a reroute and stepped through.
    """
    seen: set[str] = set()
    while link := _onward(node, names):
        if link[0] in seen:
            return
        seen.add(link[0])
        node = graph[link[0]]
        yield node


def _onward(node: Node, names: Sequence[str]) -> Link | None:
    for name in names:
        if name in node.links:
            return node.links[name]
    if len(node.links) == 1 and len(node.inputs) == 1:
        return next(iter(node.links.values()))
    return None


def _link(value: list[Any], entries: Container[str]) -> Link | None:
    if len(value) != 2:
        return None
    node_id, slot = value
    if type(node_id) is not str:
        node_id = _text(node_id)
    return (node_id, slot) if type(slot) is int and node_id in entries else None


def _text(node_id: Any) -> str:
    """Some write ids as numbers in links; turning a very long one into text takes long."""
    is_id = type(node_id) is int and -(10**18) < node_id < 10**18
    return str(node_id) if is_id else ""
