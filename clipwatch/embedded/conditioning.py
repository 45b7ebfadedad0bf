"""Which texts of a ComfyUI graph reach a sampler, as far as that is certain.

A node that is not understood ends the walk without a result: a wrong prompt is worse than none.
"""

import re
from dataclasses import dataclass

from clipwatch.embedded.graph import Graph, Link, Node

MAX_NODES = 10_000  #: that one walk visits
MAX_HOPS = 100  #: from an input to the value behind its link
MAX_PROMPT = 262_144  #: characters; many encoders may share one long text
#: Inputs of text encoders, for one text encoder model or several (SDXL, SD3, Flux).
ENCODED = ("text", "text_g", "text_l", "clip_g", "clip_l", "t5xxl", "prompt")
#: A node whose name has no other words than these only holds a value: "StringConstantMultiline".
HOLDER_WORDS = frozenset(
    re.findall(
        r"\w+",
        """primitive string text multiline constant literal simple input box value node prompt
        positive negative int integer float number seed cr was jw easy ttn rgthree o""",
    )
)
HELD = ("value", "string", "text", "prompt", "seed")
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Za-z][a-z]*")


@dataclass(frozen=True, slots=True)
class Passage:
    """A text, and the encoder that it comes from."""

    node_id: str
    text: str


def passages(graph: Graph, start: Link) -> list[Passage] | None:
    """Every text that flows into a link, in order; None where one of them cannot be told."""
    found: list[Passage] = []
    seen: set[Link] = set()
    stack = [start]
    length = 0
    while stack:
        if length > MAX_PROMPT or len(seen) > MAX_NODES:
            return None
        link = stack.pop()
        if link in seen:
            continue
        seen.add(link)
        node = graph[link[0]]
        if _is_encoder(node):
            text = _encoded(graph, node)
            if text is None:
                return None
            found.append(Passage(node.node_id, text))
            length += len(text)
        elif "ZeroOut" not in node.kind:
            following = _conditioning_of(node, link[1])
            if not following:
                return None
            stack.extend(reversed(following))
    return found


def value_of(graph: Graph, node: Node, name: str) -> str | int | float | None:
    """An input's value, through reroutes and nodes that only hold one; None if not certain."""
    held: str | None = name
    for _ in range(MAX_HOPS):
        if held is None:
            return None
        if isinstance(value := node.inputs.get(held), (str, int, float)):
            return value
        if held not in node.links:
            return None
        node = graph[node.links[held][0]]
        held = _held(node)
    return None


def _is_encoder(node: Node) -> bool:
    return "textencode" in node.kind.lower().replace("_", "").replace(" ", "")


def _encoded(graph: Graph, node: Node) -> str | None:
    """What an encoder encodes; several inputs mostly hold the same text."""
    texts = [value_of(graph, node, name) for name in ENCODED if name in node.inputs]
    known = [text.strip() for text in texts if isinstance(text, str)]
    if not known or len(known) < len(texts):
        return None
    return "\n".join(text for text in dict.fromkeys(known) if text)


def _conditioning_of(node: Node, slot: int) -> list[Link]:
    """What a node passes on: of a positive and a negative input, outputs 0 and 1 in that order."""
    if "positive" in node.links or "negative" in node.links:
        name = ("positive", "negative")[slot] if slot in (0, 1) else ""
        return [node.links[name]] if name in node.links else []
    if _is_reroute(node):
        return list(node.links.values())
    return [link for name, link in node.links.items() if name.startswith("cond")]


def _held(node: Node) -> str | None:
    """The one input whose value a node hands on unchanged."""
    if _is_reroute(node):
        return next(iter(node.links)) if len(node.links) == 1 else None
    words = {word.lower() for word in WORD.findall(node.kind)}
    if not words or not node.kind.isascii() or not words <= HOLDER_WORDS:
        return None
    if len(node.inputs) == 1:
        return next(iter(node.inputs))
    return next((name for name in HELD if name in node.inputs), None)


def _is_reroute(node: Node) -> bool:
    return "reroute" in node.kind.lower()
