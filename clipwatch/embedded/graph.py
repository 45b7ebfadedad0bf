"""A ComfyUI graph in API form: nodes, links, and what stands upstream of what.

    {"3": {"class_type": "KSampler", "inputs": {"seed": 1, "positive": ["6", 0], ...}}, ...}

A link is ``[node id, output slot]``. Every walk is a loop with a set of nodes seen, so that
circles end and depth does not matter.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Link: TypeAlias = tuple[str, int]


@dataclass(slots=True)  # not frozen: that doubles the cost of making the many of them
class Node:
    """One node; ``links`` are those of its inputs that lead to a node of the graph."""

    node_id: str
    kind: str  #: its class_type
    inputs: Mapping[str, Any]
    links: Mapping[str, Link]


Graph: TypeAlias = Mapping[str, Node]


def parse(value: object) -> Graph:
    """The nodes of a parsed JSON value; empty where it is no graph."""
    if not isinstance(value, dict):
        return {}
    entries = {node_id: entry for node_id, entry in value.items() if _is_node(entry)}
    return {
        node_id: Node(
            node_id, entry["class_type"], inputs := entry["inputs"], _links(entries, inputs)
        )
        for node_id, entry in entries.items()
    }


def sinks(graph: Graph) -> list[Node]:
    """The nodes whose pictures are kept: those that save, else those that show, else the ends."""
    for word in ("save", "preview"):
        if found := [node for node in graph.values() if word in node.kind.lower()]:
            return found
    used = {target for node in graph.values() for target, _ in node.links.values()}
    return [node for node in graph.values() if node.node_id not in used]


def upstream_first(graph: Graph, ends: Iterable[Node]) -> Iterator[Node]:
    """Every node that the ends depend on, each after all that it depends on itself."""
    seen: set[str] = set()
    for end in ends:
        stack = [(end, iter(end.links.values()))] if end.node_id not in seen else []
        seen.add(end.node_id)
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


def along(graph: Graph, node: Node, names: Iterable[str]) -> Iterator[Node]:
    """The nodes that one reaches from this one by the first of these inputs that is a link."""
    seen: set[str] = set()
    while link := next((node.links[name] for name in names if name in node.links), None):
        if link[0] in seen:
            return
        seen.add(link[0])
        node = graph[link[0]]
        yield node


def _is_node(entry: Any) -> bool:
    return (
        type(entry) is dict
        and type(entry.get("class_type")) is str
        and type(entry.get("inputs")) is dict
    )


def _links(entries: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Link]:
    links = {}
    for name, value in inputs.items():
        if type(value) is list and len(value) == 2:
            node_id, slot = value
            if type(node_id) is int:
                node_id = str(node_id)
            if type(node_id) is str and type(slot) is int and node_id in entries:
                links[name] = (node_id, slot)
    return links
