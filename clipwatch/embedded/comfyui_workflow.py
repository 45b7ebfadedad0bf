"""ComfyUI's ``workflow``, the editor's drawing of a graph, turned into the graph that is run.

    {"nodes": [{"id": 3, "type": "KSampler", "mode": 0, "widgets_values": [...],
                "inputs": [{"name": "positive", "type": "CONDITIONING", "link": 4},
                           {"name": "seed", "link": null, "widget": {"name": "seed"}}]}],
     "links": [[4, 6, 0, 3, 1, "CONDITIONING"]], "definitions": {"subgraphs": [...]}}

A link is [id, origin, slot, target, slot, type] or an object. Nodes of a subgraph get the ids
"98:17", as ComfyUI gives them. Muted nodes vanish; a bypassed one hands its input on. Older editors
had group nodes, "workflow>NAME", whose inputs and values are those of several nodes under made-up
names: what was asked for cannot be told for certain then.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clipwatch.embedded.comfyui_widgets import widgets
from clipwatch.embedded.fields import mapping
from clipwatch.embedded.graph import UNNAMED

MUTED, BYPASSED = 2, 4  #: values of ``mode``
SUBGRAPH, SUBGRAPH_INPUT, SUBGRAPH_OUTPUT = "-1", "-10", "-20"  #: ids that no node has
MAX_NODES = 10_000
MAX_SUBGRAPHS = 500  #: uses of them, in all
MAX_SIZE = 50_000  #: nodes and links of all that is unfolded
MAX_HOPS = 30  #: bypassed nodes and ends of subgraphs between two nodes
MAX_INPUTS = 100  #: of a bypassed node that are looked at
GROUPED = ("workflow>", "workflow/")  #: what the type of a group node begins with
VIRTUAL = frozenset({"Note", "MarkdownNote", "GetNode"})


@dataclass(frozen=True, slots=True)
class Wire:
    """One link: the node and output that it begins at."""

    origin: str
    slot: int
    kind: str


@dataclass(slots=True)
class Sheet:
    """The nodes of the workflow, or of one use of a subgraph, whose ids begin with ``prefix``."""

    nodes: Mapping[str, Mapping[str, Any]]
    wires: Mapping[str, Wire]
    outputs: Mapping[int, Wire]  #: of a subgraph
    prefix: str = ""
    outer: "Sheet | None" = None
    inputs: Sequence[tuple[str, str]] = ()  #: of a subgraph: name, and the link outside
    typed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  #: by inner node, input
    setters: dict[str, str] = field(default_factory=dict)  #: the link that each SetNode is given
    inner: dict[str, "Sheet"] = field(default_factory=dict)  #: by the id of the subgraph's node


def to_graph(workflow: Mapping[str, Any]) -> dict[str, Any]:
    """The nodes in API form; empty where this is no workflow, or has a group node.

    A value that cannot be assigned to an input with certainty is left out.
    """
    definitions = {
        entry["id"]: entry
        for entry in _objects(mapping(workflow.get("definitions")).get("subgraphs"))
        if isinstance(entry.get("id"), str)
    }
    places: dict[str, tuple[Sheet, Mapping[str, Any]]] = {}
    sheets = [_sheet(workflow)]
    size = 0
    for sheet in sheets:
        for node_id, node in sheet.nodes.items():
            if len(places) >= MAX_NODES or node.get("mode") in (MUTED, BYPASSED):
                continue
            definition = definitions.get(_text(node.get("type")))
            if definition is None:
                places[sheet.prefix + node_id] = (sheet, node)
            elif len(sheets) <= MAX_SUBGRAPHS and size < MAX_SIZE:
                sheets.append(used := _use(sheet, node_id, node, definition))
                size += len(used.nodes) + len(used.wires)
    kinds = {node_id: _text(node.get("type")) for node_id, (_, node) in places.items()}
    if any(kind.startswith(GROUPED) for kind in kinds.values()):
        return {}
    return {
        node_id: _entry(*place)
        for node_id, place in places.items()
        if kinds[node_id] not in VIRTUAL
    }


def shown(workflow: Mapping[str, Any]) -> dict[str, str]:
    """What nodes with a single text hold, by id: those that display one keep it there.

    Without NULs and lone surrogates, for it will be taken into another text's answer.
    """
    return {
        _text(node.get("id")): text.encode("utf-8", "replace").decode().replace("\0", "")
        for node in _objects(workflow.get("nodes"))
        if (text := _single_text(node.get("widgets_values"))) is not None
    }


def _single_text(values: Any) -> str | None:
    while isinstance(values, list) and len(values) == 1:
        values = values[0]
    return values if isinstance(values, str) else None


def _entry(sheet: Sheet, node: Mapping[str, Any]) -> dict[str, Any]:
    inputs = {**widgets(node), **sheet.typed.get(_text(node.get("id")), {})}
    if not inputs and node.get("widgets_values") and node.get("type") != "SetNode":
        inputs[UNNAMED] = None
    for entry in _objects(node.get("inputs")):
        if isinstance(name := entry.get("name"), str) and entry.get("link") is not None:
            _connect(sheet, inputs, name, sheet.wires.get(_text(entry["link"])))
    return {"class_type": _text(node.get("type")), "inputs": inputs, "title": node.get("title")}


def _connect(sheet: Sheet, inputs: dict[str, Any], name: str, wire: Wire | None) -> None:
    """Note where the wire begins; a subgraph's input may end it, with a value typed in there."""
    if origin := _origin(sheet, wire):
        inputs[name] = list(origin)
    elif wire is None or wire.origin != SUBGRAPH_INPUT:
        inputs.pop(name, None)
    elif 0 <= wire.slot < len(sheet.inputs):
        typed = sheet.typed.get(SUBGRAPH, {})
        if (key := sheet.inputs[wire.slot][0]) in typed:
            inputs[name] = typed[key]


def _origin(sheet: Sheet, wire: Wire | None) -> tuple[str, int] | None:
    """The node that a wire really begins at: through subgraphs' ends and bypassed nodes."""
    for _ in range(MAX_HOPS):
        if wire is None:
            return None
        node = sheet.nodes.get(wire.origin, {})
        if wire.origin == SUBGRAPH_INPUT:
            if sheet.outer is None or not 0 <= wire.slot < len(sheet.inputs):
                return None
            link = sheet.inputs[wire.slot][1]
            sheet = sheet.outer
            wire = sheet.wires.get(link)
        elif node.get("mode") == BYPASSED:
            wire = _bypassed(sheet, node, wire)
        elif node.get("type") == "GetNode":
            wire = _broadcast(sheet, node)
        elif wire.origin in sheet.inner:
            sheet = sheet.inner[wire.origin]
            wire = sheet.outputs.get(wire.slot)
        else:
            is_there = node and node.get("mode") != MUTED
            return (sheet.prefix + wire.origin, wire.slot) if is_there else None
    return None


def _bypassed(sheet: Sheet, node: Mapping[str, Any], wire: Wire) -> Wire | None:
    """The input of the same type, the one at the same position before others."""
    inputs = _objects(node.get("inputs"))[:MAX_INPUTS]
    for entry in (*inputs[max(wire.slot, 0) :][:1], *inputs):
        if entry.get("type") == wire.kind and entry.get("link") is not None:
            return sheet.wires.get(_text(entry["link"]))
    return None


def _broadcast(sheet: Sheet, getter: Mapping[str, Any]) -> Wire | None:
    """What the SetNode of the same name is given."""
    name = _single_text(getter.get("widgets_values"))
    return sheet.wires.get(sheet.setters.get(name, "")) if name is not None else None


def _sheet(source: Mapping[str, Any]) -> Sheet:
    nodes = {_text(node["id"]): node for node in _objects(source.get("nodes")) if "id" in node}
    wires: dict[str, Wire] = {}
    outputs: dict[int, Wire] = {}
    for link_id, origin, slot, target, target_slot, kind in _links(source.get("links")):
        wires[link_id] = wire = Wire(origin, slot, kind)
        if target == SUBGRAPH_OUTPUT:
            outputs[target_slot] = wire
    return Sheet(nodes, wires, outputs, setters=_setters(nodes.values()))


def _setters(nodes: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Links by the names that they are given in SetNodes, for GetNodes anywhere else."""
    found = {}
    for node in nodes:
        if node.get("type") == "SetNode" and (inputs := _objects(node.get("inputs"))):
            values = node.get("widgets_values")
            if isinstance(values, list) and values and isinstance(values[0], str):
                found[values[0]] = _text(inputs[0].get("link"))
    return found


def _use(outer: Sheet, node_id: str, node: Mapping[str, Any], source: Mapping[str, Any]) -> Sheet:
    """One use of a subgraph: its nodes, joined to what stands around it."""
    sheet = _sheet(source)
    sheet.prefix = f"{outer.prefix}{node_id}:"
    sheet.outer = outer
    outside = {slot.get("name"): _text(slot.get("link")) for slot in _named(node.get("inputs"))}
    names = [slot["name"] for slot in _named(source.get("inputs"))]
    sheet.inputs = [(name, outside.get(name, "")) for name in names]
    sheet.typed = _typed(node)
    outer.inner[node_id] = sheet
    return sheet


def _typed(node: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """What was typed into a subgraph's node: for its inputs, or for widgets of nodes inside."""
    found = {SUBGRAPH: widgets(node)}
    proxies = mapping(node.get("properties")).get("proxyWidgets")
    values = node.get("widgets_values")
    if isinstance(proxies, list) and isinstance(values, list) and len(proxies) == len(values):
        for proxy, value in zip(proxies, values, strict=True):
            if isinstance(proxy, list) and len(proxy) == 2 and isinstance(value, str | int | float):
                found.setdefault(_text(proxy[0]), {})[_text(proxy[1])] = value
    return found


def _links(value: Any) -> Iterator[tuple[str, str, int, str, int, str]]:
    """Id, origin, slot, target, slot and type of each link, in either form."""
    names = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")
    for entry in _listed(value):
        fields = [entry.get(name) for name in names] if isinstance(entry, dict) else entry
        if isinstance(fields, list) and len(fields) >= 6:
            link_id, origin, slot, target, target_slot, kind = fields[:6]
            if isinstance(slot, int) and isinstance(target_slot, int):
                yield _text(link_id), _text(origin), slot, _text(target), target_slot, _text(kind)


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [entry for entry in _listed(value) if isinstance(entry, dict)]


def _named(value: Any) -> list[Mapping[str, Any]]:
    return [entry for entry in _objects(value) if isinstance(entry.get("name"), str)]


def _listed(value: Any) -> list[Any]:
    """A list, or an object's values, which some editors write instead."""
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    """An id or type as text: numbers and texts mean the same; what is neither is nobody's."""
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""
