"""ComfyUI: the graph that made the picture, as JSON.

PNG ``prompt``; in WebP the EXIF fields Model, Make and so on with the text ``prompt:{...}``; and
what extensions made of that. It is the graph as it was run, so that groups, bypassed and muted
nodes are gone already. ``workflow`` is the editor's drawing of it and only read without the other.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from clipwatch.embedded.base import BLANK, Answer, Text, Texts, parse_json
from clipwatch.embedded.comfyui_metahub import KEYS as METAHUB_KEYS
from clipwatch.embedded.comfyui_metahub import read as read_metahub
from clipwatch.embedded.comfyui_producers import Told, before, lone, produced
from clipwatch.embedded.comfyui_samplers import (
    CONDITIONED,
    SIDEWAYS,
    is_sampler,
    main,
    parts,
)
from clipwatch.embedded.comfyui_settings import MARKS, settings
from clipwatch.embedded.comfyui_values import Values
from clipwatch.embedded.comfyui_workflow import shown, to_graph
from clipwatch.embedded.fields import mapping
from clipwatch.embedded.graph import Graph, decoded, parse, sinks, upstream
from clipwatch.model import Outcome

GENERATOR = "ComfyUI"
PLAIN_FIELDS = ("", "XMP ")  #: what stands before the name
#: Fields whose text begins with the name, or is an object with the name in it.
SHARED_FIELDS = ("EXIF Model", "EXIF Make", "EXIF ImageDescription", "EXIF UserComment")
GRAPHS = [before + name for before in PLAIN_FIELDS for name in ("prompt", "workflow")]
KEYS = (*METAHUB_KEYS, *GRAPHS, *SHARED_FIELDS)
NOTED = CONDITIONED | MARKS


def read(texts: Texts) -> Answer | None:
    """What the graph says, or only that there is one. Raises ``Damaged``."""
    if found := read_metahub(texts):
        return found
    unsure = None
    for text, body in _carried(texts, "prompt"):
        graph = decoded(body)
        if graph is None:
            graph = parse(_inner(body, "prompt"))
        if graph.entries:
            return _understood(graph, text, texts)
        if body[:1] == "{" and '"class_type"' in body:
            unsure = unsure or _uncertain(text)
    for text, body in _carried(texts, "workflow"):
        graph = parse(to_graph(mapping(_inner(body, "workflow"))))
        if graph.entries:
            return _understood(graph, text, texts, drawn=True)
        if body[:1] == "{" and '"nodes"' in body:
            unsure = unsure or _uncertain(text)
    return unsure


def _carried(texts: Texts, name: str) -> Iterator[tuple[Text, str]]:
    """Each field that may hold ``name``, and the JSON in it."""
    for start in PLAIN_FIELDS:
        if text := texts.get(start + name):
            yield text, text.load().strip(BLANK)
    for key in SHARED_FIELDS:
        if text := texts.get(key):
            prefix, _, body = text.load().partition(":")
            if prefix.strip(BLANK).lower() == name:
                yield text, body.strip(BLANK)
            elif prefix.lstrip(BLANK)[:1] == "{":
                yield text, text.load().strip(BLANK)


def _inner(body: str, name: str) -> Any:
    """The graph itself: some savers wrap it in an object, or once more in a string."""
    value: Any = parse_json(body)
    for _ in range(3):
        if isinstance(value, str):
            value = parse_json(value)
        elif isinstance(value, dict) and isinstance(value.get(name), (dict, list, str)):
            value = value[name]
    return value


def _uncertain(text: Text) -> Answer:
    return Answer(Outcome.NO_PROMPT, generator=GENERATOR, found_in=text.found_in, raw=text.load())


def _understood(graph: Graph, text: Text, texts: Texts, *, drawn: bool = False) -> Answer:
    told = _told(Values(graph, partial(_shown, texts)), drawn=drawn)
    if told is None:
        return _uncertain(text)
    return Answer(
        outcome=Outcome.PROMPT,
        prompt=told.prompt,
        negative=told.negative,
        parts=told.parts,
        parameters=told.parameters,
        generator=GENERATOR,
        found_in=f"{text.found_in}, {told.path}",
        raw=text.load(),
    )


def _shown(texts: Texts) -> Mapping[str, str]:
    """What nodes displayed stands in the drawing, which is saved after the run."""
    for _, body in _carried(texts, "workflow"):
        if isinstance(value := _inner(body, "workflow"), dict):
            return shown(value)
    return {}


def _told(values: Values, *, drawn: bool) -> Told | None:
    """By the samplers that made what was kept, else by what made it without one.

    A node that is drawn may hold texts that have no name, and so be told the prompt itself.
    """
    graph = values.graph
    ends = sinks(graph)
    live = upstream(graph, ends, NOTED)
    noted = [graph[node_id] for node_id in live.noted]
    samplers = [node for node in noted if is_sampler(node)]
    if not samplers:
        return produced(values, ends) or (None if drawn else lone(values, live.nodes))
    first = main(values, ends, samplers)
    if first is None or not first.prompt:
        return None
    if any(text != first.prompt for text in before(values, first.node, SIDEWAYS)):
        return None
    return Told(
        first.prompt,
        first.part.negative,
        f"node {first.node.node_id}.{first.way} -> {first.source}",
        parts(values, samplers, first),
        settings(values, first.node, noted),
    )
