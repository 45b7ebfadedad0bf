"""Which texts of a ComfyUI graph reach a sampler, as far as that is certain.

A node that is not understood ends the walk without a result: a wrong prompt is worse than none.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from clipwatch.embedded.comfyui_values import POPULATED, Values, is_template
from clipwatch.embedded.graph import Link, Node

MAX_PROMPT = 262_144  #: characters; many encoders may share one long text
POSITIVE, NEGATIVE = "positive", "negative"
#: Inputs of text encoders, for one text encoder model or several (SDXL, SD3, Flux, HunyuanDiT).
ENCODED = frozenset(
    {
        "text",
        "text_g",
        "text_l",
        "clip_g",
        "clip_l",
        "t5xxl",
        "prompt",
        "prompt_g",
        "prompt_l",
        "user_prompt",
        "bert",
        "mt5xl",
        "llama",
        "qwen25_7b",
        "caption",
        "wildcard_text",
    }
)
#: Inputs of nodes that take both texts: loaders with prompts of their own, video models.
PAIRED = {
    POSITIVE: (f"{POSITIVE}_prompt", POSITIVE, f"text_{POSITIVE}", f"prompt_{POSITIVE}"),
    NEGATIVE: (f"{NEGATIVE}_prompt", NEGATIVE, f"text_{NEGATIVE}", f"prompt_{NEGATIVE}"),
}
#: Links that one of the two comes by: "positive", "positive_cond", "base_positive".
LINKED = {want: re.compile(rf"(?:base_)?{want}(?:_|$)") for want in (POSITIVE, NEGATIVE)}
PAIR = re.compile(rf"(?:base_)?(?:{POSITIVE}|{NEGATIVE})")
#: How guiders and samplers of one conditioning, or of two with other names, call them.
UNPAIRED = {POSITIVE: ("cond",), NEGATIVE: ("neg", "uncond")}
#: Of a guider for two, the one that has everything; the other is told to the model as a negative.
FULL = "cond1"
WANTED = {want: frozenset(names) for want, names in PAIRED.items()}
TEXTS = ENCODED.union(*WANTED.values())
#: Says which of a node's texts are encoded, those for SDXL or the one for all others.
TOGGLE = "with_SDXL"
TOGGLED = {True: ["text_g", "text_l"], False: ["text"]}
#: A node that is fed by a text model encodes; so does one that loads the model itself.
MODELS = re.compile(r"clip|t5|model|encoder")
LOADED = frozenset({"ckpt_name", "unet_name", "base_ckpt_name", "model_name"})
#: In the name of an encoder that makes something else of its text, and of those that fill in
#: wildcards.
WRITING = re.compile(r"styler|blip|interrogat|schedul|translat")
FILLING = re.compile(r"wildcard|^easy |^ttn ")
#: Links that carry both conditionings and more.
BUNDLE = re.compile(r"pipe|context(?!_opt)|ctx|bus$|sdxl_tuple|(?:text|hyvid|kolors|prompt)_embeds")
#: Inputs by which a node changes what a bundle carries; settings of them are called otherwise.
CHANGED = {
    POSITIVE: re.compile(r"(?:^|_)pos(?:itive)?$"),
    NEGATIVE: re.compile(r"(?:^|_)neg(?:ative)?$"),
}
#: In the name of an input, what tells that a text may come in by it, or be made up by chance.
WORDED = re.compile(r"text|prompt|caption|descri|tags|string|seed|index")
#: Inputs of nodes that load models and pictures.
LOADING = re.compile(r"(?:ckpt|unet|vae|clip|model)_name$|dtype|device|^(?:image|upload)$|method")
#: In the name of a node that takes one conditioning away from another.
SUBTRACTING = re.compile(r"subtract|differen|minus")


@dataclass(frozen=True, slots=True)
class Passage:
    """A text, and the encoder that it comes from."""

    node_id: str
    text: str
    name: str = ""  #: of the encoder's input


class Way(NamedTuple):  # hashed on every step, which costs a dataclass three times as much
    """A link that conditioning comes over, and which of the two is looked for in it."""

    link: Link
    want: str
    bundled: bool = False  #: the link carries both


def ways(node: Node, want: str) -> list[Way]:
    """The links over which a sampler or guider is told this; none where it is not."""
    names = _named(node, want)
    if not names:
        names = [name for name in node.links if name.startswith(UNPAIRED[want])]
    if FULL in names:
        names = [FULL]
    if names:
        return [Way(node.links[name], want) for name in names]
    return [Way(link, want, True) for name, link in node.links.items() if BUNDLE.search(name)][:1]


def passages(values: Values, starts: Iterable[Way]) -> list[Passage] | None:
    """Every text that flows into these links, in order; None where one of them cannot be told."""
    found: list[Passage] = []
    seen: set[Way] = set()
    stack = list(starts)[::-1]
    length = 0
    while stack:
        if length > MAX_PROMPT or not values.spend():
            return None
        way = stack.pop()
        if way in seen:
            continue
        seen.add(way)
        node = values.graph[way.link.node_id]
        if "zeroout" in node.kind.lower():
            continue
        following = _following(values, node, way)
        if following is None:
            return None
        if following:
            stack.extend(reversed(following))
            continue
        encoded = _encoded(values, node, way)
        if encoded is None:
            return None
        found.extend(encoded)
        length += sum(len(passage.text) for passage in encoded)
    return found


def is_silent(values: Values, starts: Iterable[Way]) -> bool:
    """Whether nobody typed a text for these links: models that upscale or measure are told by
    pictures alone."""
    stack = [way.link.node_id for way in starts]
    seen = set(stack)
    while stack:
        node = values.graph[stack.pop()]
        if not values.spend() or _is_called_encoder(node.kind):
            return False
        if not all(LOADING.search(name) or _is_wordless(name, node) for name in node.inputs):
            return False
        for link in node.links.values():
            if link.node_id not in seen:
                seen.add(link.node_id)
                stack.append(link.node_id)
    return True


def _is_wordless(name: str, node: Node) -> bool:
    """Whether an input is a link or number that no text comes by, nor chance makes one of."""
    is_plain = name in node.links or isinstance(node.inputs[name], int | float)
    return is_plain and not WORDED.search(name)


def _following(values: Values, node: Node, way: Way) -> Sequence[Way] | None:
    """Where a node's conditioning comes from: nothing where it makes it, None if not known."""
    source = values.source(way.link)
    if source != way.link:
        return [Way(source, way.want, way.bundled)]
    if _is_pair(node):
        return None if _is_unmapped(node, way) else _paired(node, way)
    if names := [name for name in node.links if name.startswith(UNPAIRED[POSITIVE])]:
        if len(names) > 1 and SUBTRACTING.search(node.kind.lower()):
            return None
        if way.want == NEGATIVE:
            names = [name for name in node.links if name.startswith(UNPAIRED[NEGATIVE])] or names
        return [Way(node.links[name], way.want) for name in names]
    return () if _is_encoder(node) else _unbundled(node, way.want)


def _unbundled(node: Node, want: str) -> list[Way] | None:
    """The bundle that a node hands on; None where it puts something else into it, or has several
    that override one another."""
    bundles = [link for name, link in node.links.items() if BUNDLE.search(name)]
    is_changed = any(node.inputs[name] for name in filter(CHANGED[want].search, node.inputs))
    if not bundles or is_changed or (len(bundles) > 1 and "merge" in node.kind.lower()):
        return None
    return [Way(bundles[0], want, True)]


def _is_pair(node: Node) -> bool:
    """Whether it hands on a positive and a negative; a loader with strings makes them."""
    if not any(map(PAIR.match, node.links)):
        return False
    return LOADED.isdisjoint(node.inputs) and not _is_paired_encoder(node)


def _is_paired_encoder(node: Node) -> bool:
    return any(name in node.inputs for name in (PAIRED[POSITIVE][0], PAIRED[NEGATIVE][0]))


def _is_unmapped(node: Node, way: Way) -> bool:
    """Outputs behind the first two are no conditioning, unless the model goes before them."""
    return way.link.slot > 1 and not (way.bundled or "model" in node.links or _carries(node))


def _paired(node: Node, way: Way) -> list[Way] | None:
    """Of a positive and a negative input, outputs 0 and 1 in that order, else by what is wanted."""
    by_slot = not (way.bundled or "model" in node.links or _carries(node))
    want = (POSITIVE, NEGATIVE)[way.link.slot] if by_slot else way.want
    if names := _named(node, want):
        return [Way(node.links[name], want) for name in names]
    return _unbundled(node, want)


def _carries(node: Node) -> bool:
    """Whether its first output is a bundle itself."""
    return BUNDLE.search(node.kind.lower()) is not None


def _named(node: Node, want: str) -> list[str]:
    return list(filter(LINKED[want].match, node.links))


def _is_encoder(node: Node) -> bool:
    if _is_called_encoder(node.kind):
        return True
    if TEXTS.isdisjoint(node.inputs):
        return False
    return not LOADED.isdisjoint(node.inputs) or any(map(MODELS.search, node.links))


@lru_cache(maxsize=1024)
def _is_called_encoder(kind: str) -> bool:
    return "textencode" in kind.lower().replace("_", "").replace(" ", "")


def _encoded(values: Values, node: Node, way: Way) -> list[Passage] | None:
    """What an encoder encodes; several inputs mostly hold the same text."""
    names = _encoded_names(node, way)
    texts = [values.text(node, name) for name in names]
    known = {
        text.strip(): name for name, text in zip(names, texts, strict=True) if text is not None
    }
    if None in texts or not (known or way.bundled):
        return None
    text = "\n".join(text for text in known if text)
    kind = node.kind.lower()
    if WRITING.search(kind) or (
        names != [POPULATED] and FILLING.search(kind) and is_template(text)
    ):
        return None
    return [Passage(node.node_id, text, "+".join(names))]


def _encoded_names(node: Node, way: Way) -> list[str]:
    """The inputs with the text that is wanted, of an encoder for one text or for both."""
    if not WANTED[way.want].isdisjoint(node.inputs):
        return [next(name for name in PAIRED[way.want] if name in node.inputs)]
    if way.bundled and way.want == NEGATIVE:
        return []
    if POPULATED in node.inputs:
        return [POPULATED]
    if TOGGLE in node.inputs:
        toggle = node.inputs[TOGGLE]
        return TOGGLED[toggle] if type(toggle) is bool else []
    return [name for name in node.inputs if name in ENCODED]
