"""A ComfyUI graph in API form: nodes, links, and what stands upstream of what.

    {"3": {"class_type": "KSampler", "inputs": {"seed": 1, "positive": ["6", 0], ...}}, ...}

A link is ``[node id, output slot]``. Every walk is a loop with a set of nodes seen, so that
circles end and depth does not matter.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from clipwatch.embedded.base import MAX_JSON, parse_json
from clipwatch.embedded.fields import mapping

#: Inputs that text comes in by, where others take pictures.
TEXTUAL = re.compile(r"prompt|text|string|caption|name|title|path|metadata|source")


#: The input, without a value, of a drawn node with typed values whose names are not known.
UNNAMED = "widgets_values"
#: Characters of a node's class_type: it is searched each time that somebody comes by.
MAX_KIND = 200
#: Inputs by which other things than pictures are saved.
OTHER_MEDIA = re.compile(r"audio|mesh|^model")


class Link(msgspec.Struct, array_like=True, forbid_unknown_fields=True, frozen=True, gc=False):
    """The output of a node, as an input of another names it."""

    node_id: str
    slot: int


class Entry(msgspec.Struct, gc=False):
    """A node as it stands in the JSON, of which nothing else is parsed."""

    class_type: str
    inputs: dict[str, Link | str | int | float | bool | dict[str, Any] | None]


#: Nearly all graphs are of this form; one that is not is parsed as any JSON and taken apart then.
#: ``gc=False``: what comes out of JSON has no circles, so that the collector need not look at it.
WELL_FORMED = msgspec.json.Decoder(dict[str, Entry])


@dataclass(slots=True)  # not frozen: that doubles the cost of making the many of them
class Node:
    """One node; ``links`` are those of its inputs that lead to a node of the graph."""

    node_id: str
    kind: str  #: its class_type, or as much of it as names have
    inputs: Mapping[str, Any]
    links: Mapping[str, Link]


@dataclass(frozen=True, slots=True)
class Live:
    """What some nodes depend on, and themselves."""

    nodes: Set[str]
    noted: Sequence[str]  #: those with one of the inputs that were asked for


class Graph(dict[str, Node]):
    """The nodes by id. Each is made when first asked for: most of a graph is never looked at."""

    __slots__ = ("entries", "titles")

    def __init__(
        self, entries: Mapping[str, Entry], titles: Callable[[], Mapping[str, str]] = dict
    ) -> None:
        super().__init__()
        self.entries = entries  #: every node, by id
        self.titles = titles  #: what their owner called them; rarely asked, so not parsed before

    def __missing__(self, node_id: str) -> Node:
        entry = self.entries[node_id]
        links = {
            name: value
            for name, value in entry.inputs.items()
            if type(value) is Link and value.node_id in self.entries
        }
        node = self[node_id] = Node(node_id, entry.class_type[:MAX_KIND], entry.inputs, links)
        return node


def decoded(text: str) -> Graph | None:
    """The graph that a JSON text is as ComfyUI writes it, in half the time that ``parse`` takes.

    None for everything else, which may be a graph all the same.
    """
    if len(text) > MAX_JSON:
        return None
    try:
        return Graph(WELL_FORMED.decode(text), lambda: _titles(mapping(parse_json(text))))
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None


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
    entries = {
        node_id: Entry(entry["class_type"], _linked(entry["inputs"]))
        for node_id, entry in value.items()
        if type(entry) is dict
        and type(entry.get("class_type")) is str
        and type(entry.get("inputs")) is dict
    }
    return Graph(entries, partial(_titles, value))


def sinks(graph: Graph) -> list[str]:
    """The nodes whose pictures are kept: those that save, else those that show, else the ends."""
    entries = graph.entries
    found = [  # all others are sorted out without a copy of their names: this looks at every node
        key
        for key, entry in entries.items()
        if "ave" in entry.class_type
        or "filename_prefix" in entry.inputs
        or "AVE" in entry.class_type
    ]
    if kept := [key for key in found if _saves(graph[key]) and _takes_picture(graph[key])]:
        return kept
    found = [key for key, entry in entries.items() if "preview" in entry.class_type.lower()]
    if kept := [node_id for node_id in found if _takes_picture(graph[node_id])]:
        return kept
    used = {link.node_id for node_id in entries for link in graph[node_id].links.values()}
    return [node_id for node_id in entries if node_id not in used]


def _saves(node: Node) -> bool:
    """By its name, or as one that is told what to call the file and not told to keep none."""
    if "save" in node.kind.lower():
        return True
    return "filename_prefix" in node.inputs and node.inputs.get("save_output") is not False


def _takes_picture(node: Node) -> bool:
    names = [name.lower() for name in node.links]
    return any(not (TEXTUAL.search(name) or OTHER_MEDIA.search(name)) for name in names)


def upstream(graph: Graph, ends: Iterable[str], noted: Set[str] = frozenset()) -> Live:
    """The ends and every node that they depend on.

    This looks at every link of a graph and decides how fast a file is read.
    """
    entries = graph.entries
    found = list(ends)
    seen = set(found)
    marked = []
    for node_id in found:  # which grows on the way
        inputs = entries[node_id].inputs
        if not noted.isdisjoint(inputs):
            marked.append(node_id)
        for value in inputs.values():
            if type(value) is Link and (origin := value.node_id) not in seen and origin in entries:
                seen.add(origin)
                found.append(origin)
    return Live(seen, marked)


def upstream_first(graph: Graph, ends: Iterable[str]) -> Iterator[Node]:
    """Every node that the ends depend on, each after all that it depends on itself."""
    seen: set[str] = set()
    for end in ends:
        stack = [(graph[end], iter(graph[end].links.values()))] if end not in seen else []
        seen.add(end)
        while stack:
            node, waiting = stack[-1]
            for link in waiting:
                if link.node_id not in seen:
                    seen.add(link.node_id)
                    node = graph[link.node_id]
                    stack.append((node, iter(node.links.values())))
                    break
            else:
                stack.pop()
                yield node


def _linked(inputs: dict[str, Any]) -> dict[str, Any]:
    """The inputs with a ``Link`` for each list that is one."""
    return {
        name: _link(value) if type(value) is list and len(value) == 2 else value
        for name, value in inputs.items()
    }


def _link(value: list[Any]) -> Link | list[Any]:
    """Some write ids as numbers in links; turning a very long one into text takes long."""
    node_id, slot = value
    if type(node_id) is int and -(10**18) < node_id < 10**18:
        node_id = str(node_id)
    return Link(node_id, slot) if type(node_id) is str and type(slot) is int else value


def _titles(nodes: Mapping[str, Any]) -> Mapping[str, str]:
    """A node has its title in ``_meta``; one that was drawn has it itself."""
    found = {}
    for node_id, node in nodes.items():
        title = mapping(mapping(node).get("_meta")).get("title", mapping(node).get("title"))
        if isinstance(title, str):
            found[node_id] = title
    return found
