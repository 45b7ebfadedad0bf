"""What made the pictures of a ComfyUI graph that has no sampler: a service, or an odd node.

Nodes that call a service take the prompt themselves. Nodes that write text take one too, as do
those that look for something in a picture: neither's is the picture's prompt.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from clipwatch.embedded.comfyui_settings import last_part, settings
from clipwatch.embedded.comfyui_values import Values
from clipwatch.embedded.graph import TEXTUAL, Node, upstream
from clipwatch.model import Part

PROMPTS = ("prompt", "positive_prompt", "prompt_text", "text_prompt", "positive")
NEGATIVES = ("negative_prompt", "negative")
#: One of these tells a node that makes a picture from one that looks at it or writes about it.
MAKING = frozenset(
    re.findall(
        r"\w+",
        """seed size width aspect_ratio ratio resolution quality model steps guidance duration n
        num_images number_of_images style style_type prompt_upsampling output_format""",
    )
)
#: Those that also stand in nodes which look for something in a picture or measure it.
EITHER = frozenset({"model", "size", "quality", "n", "style"})
PICTURE = re.compile(r"image|picture|photo|pixel|video|frame")
OTHER_WORK = re.compile(
    r"llm|chat|ollama|caption|florence|vlm|describe|interrogat|tagg|segment|sam[0-9]|dino|detect"
    r"|mask|ground|wildcard|translat|enhancer|question|vqa|save|remov|eras|score"
)
#: In the name of an input or the title of a node, what tells that its text is to be avoided.
NEGATED = re.compile("neg|uncond")
#: In the name of an input, what tells that somebody typed a text into it.
TOLD = re.compile(r"text|prompt|caption|descri|^positive")
MAX_PRODUCERS = 20
ENCODING = "textencode"


@dataclass(frozen=True, slots=True)
class Told:
    """What the picture that was kept was asked to show, and how it was made."""

    prompt: str
    negative: str
    path: str  #: where the prompt stands in the graph
    parts: tuple[Part, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)


def produced(values: Values, ends: Sequence[str]) -> Told | None:
    """The prompt of the node that everything kept begins with; later ones edit what it made."""
    makers = _makers(values, ends)
    if not makers or len(makers) > MAX_PRODUCERS:
        return None
    first, name = makers[-1]
    is_base = all(
        first.node_id in upstream(values.graph, [node.node_id]).nodes for node, _ in makers
    )
    prompts = [values.text(node, prompt_name) for node, prompt_name in makers]
    prompt = prompts[-1]
    if not prompt or not (is_base or len(set(prompts)) == 1):
        return None
    parts = dict.fromkeys(Part("sampler", text.strip(), "") for text in prompts if text)
    negative_name = _named(first, NEGATIVES)
    negative = values.text(first, negative_name) if negative_name else None
    return Told(
        prompt.strip(),
        (negative or "").strip(),
        f"node {first.node_id}.{name}",
        tuple(part for part in parts if part.prompt != prompt.strip()),
        settings(values, first, ()),
    )


def before(values: Values, sampler: Node, aside: Set[str]) -> Iterator[str]:
    """What services were told that made the picture which a sampler is given to refine; "" where
    that is not known."""
    given = [link.node_id for name, link in sampler.links.items() if name not in aside]
    for node, name in _makers(values, given, aside):
        text = values.text(node, name)
        is_unknown = text is None and not name.endswith("positive")  # that may be conditioning
        if text or is_unknown:
            yield (text or "").strip()


def _makers(
    values: Values, ends: Sequence[str], aside: Set[str] = frozenset()
) -> list[tuple[Node, str]]:
    """Upstream of the ends, over links that carry pictures: those nearest to the ends first."""
    found = []
    level = list(ends)
    seen = set(level)
    while level:
        following = []
        for node_id in level:
            node = values.graph[node_id]
            if name := _prompt_name(node):
                found.append((node, name))
            for key, link in node.links.items():
                is_picture = key not in aside and not TEXTUAL.search(key.lower())
                if is_picture and link.node_id not in seen:
                    seen.add(link.node_id)
                    following.append(link.node_id)
        level = following
    return found


def _prompt_name(node: Node) -> str | None:
    is_given = any(PICTURE.search(name.lower()) for name in node.links)
    signs = MAKING - EITHER if is_given else MAKING
    if signs.isdisjoint(map(last_part, node.inputs)) or "latent_image" in node.inputs:
        return None
    if OTHER_WORK.search(node.kind.lower()):
        return None
    return _named(node, PROMPTS)


def _named(node: Node, names: Sequence[str]) -> str | None:
    """The input of the first of these names; those of a chosen model are called "model.prompt"."""
    if found := next((name for name in names if name in node.inputs), None):
        return found
    parts = {last_part(name): name for name in node.inputs}
    return next((parts[name] for name in names if name in parts), None)


def lone(values: Values, live: Iterable[str]) -> Told | None:
    """The text of the only encoder that is not a negative's, where nothing else is understood.

    None where another node was told something, because that may be the prompt, and this what to
    avoid.
    """
    graph = values.graph
    nodes = [graph[node_id] for node_id in live]
    titles = graph.titles()
    negative = {
        link.node_id
        for node in nodes
        for name, link in node.links.items()
        if NEGATED.search(name.lower())
    }
    sought = {link.node_id for node in nodes if _looks(node) for link in node.links.values()}
    found: dict[str | None, str] = {}
    for node in nodes:
        if node.node_id in negative or NEGATED.search(titles.get(node.node_id, "").lower()):
            continue
        if ENCODING in node.kind.lower():
            if node.node_id not in sought:
                found[values.text(node, "text")] = node.node_id
        elif any(isinstance(text, str) and TOLD.search(name) for name, text in node.inputs.items()):
            return None
    if len(found) != 1:
        return None
    [(text, node_id)] = found.items()
    return Told(text.strip(), "", f"node {node_id}.text") if text else None


def _looks(node: Node) -> bool:
    """Whether it is told what to look for in a picture."""
    is_given = any(PICTURE.search(name.lower()) for name in node.links)
    return is_given or OTHER_WORK.search(node.kind.lower()) is not None
