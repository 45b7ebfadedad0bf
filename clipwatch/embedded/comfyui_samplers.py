"""The samplers of a ComfyUI graph: which of them made the picture, and what they were told.

Samplers are known by their inputs, not by their names, which every extension makes up anew.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import islice

from clipwatch.embedded.comfyui_values import Values
from clipwatch.embedded.conditioning import (
    NEGATIVE,
    POSITIVE,
    Passage,
    is_silent,
    passages,
    ways,
)
from clipwatch.embedded.graph import Node, upstream_first
from clipwatch.model import Part

MAX_SAMPLERS = 20  #: whose texts are looked at
#: What every sampler has one of, and what tells it from nodes that only hand conditioning on.
CONDITIONED = frozenset(
    {"guider", "positive", "conditioning", "text_embeds", "hyvid_embeds", "kolors_embeds"}
    | {"pipe", "basic_pipe", "detailer_pipe", "context", "sdxl_tuple", "base_sampler"}
)
#: Links to a node that has the conditioning in the sampler's stead.
GUIDES = ("guider", "base_sampler")
SEEDS = frozenset({"seed", "noise_seed"})
SAMPLING = frozenset({"seed", "noise_seed", "latent_image"})
#: In the name of one that turns a picture back into noise: it is told what was there before; and
#: of nodes that hand on a seed together with conditioning.
OTHER_WORK = re.compile(
    r"unsampl|^(?!.*(?:sampl|detail|upscal))(?:context|.*(?:ctx|pipe(?!line)|bus\b))"
)
#: Inputs of a sampler that paints only a part of a picture, such as a face.
PARTIAL = frozenset({"bbox_detector", "segs", "detailer_pipe"})
#: In the name of a node that makes a batch of pictures, or one picture of several.
GATHERING = re.compile(r"batch|list|grid|concat|concan|stitch|blend|compar")
#: Inputs of a sampler that an earlier picture may reach without being the one that it refines.
SIDEWAYS = frozenset(
    {"model", "positive", "negative", "conditioning", "clip", "vae"}
    | {"guider", "noise", "sigmas", "sampler"}
)


@dataclass(frozen=True, slots=True)
class Sampling:
    """One sampler with the texts that reach it."""

    node: Node
    way: str  #: the input that the positive text comes in by
    positive: Sequence[Passage]
    negative: Sequence[Passage]

    @property
    def prompt(self) -> str:
        return _joined(self.positive)

    @property
    def source(self) -> str:
        """The node and input that the prompt begins with, such as "6.text"."""
        first = next(passage for passage in self.positive if passage.text)
        return f"{first.node_id}.{first.name}"

    @property
    def part(self) -> Part:
        return Part("sampler", self.prompt, _joined(self.negative))


def is_sampler(node: Node) -> bool:
    """Whether its inputs are those of a sampler that makes or refines a picture."""
    return _has_inputs(node) and not OTHER_WORK.search(node.kind.lower())


def _has_inputs(node: Node) -> bool:
    if any(name in node.links for name in GUIDES):
        return True
    if "positive" in node.links:
        return not SAMPLING.isdisjoint(node.inputs)
    if CONDITIONED.isdisjoint(node.links) or SEEDS.isdisjoint(node.inputs):
        return False
    return "steps" in node.inputs or "conditioning" not in node.links


def sampling(values: Values, node: Node) -> Sampling | None:
    """None where the positive text is not certain; a negative that is not counts as none."""
    guide = node
    by_guide = next((name for name in GUIDES if name in node.links), None)
    if by_guide:
        guide = values.graph[values.source(node.links[by_guide]).node_id]
    told = ways(guide, POSITIVE)
    positive = passages(values, told) if told else None
    if positive is None:
        if not (told and is_silent(values, told)):
            return None
        positive = []
    name = next(name for name, link in guide.links.items() if link == told[0].link)
    negative = passages(values, ways(guide, NEGATIVE)) or ()
    if [told.text for told in negative] == [told.text for told in positive]:
        negative = ()  # one text for both has no effect
    return Sampling(node, by_guide or name, positive, negative)


def main(values: Values, ends: Sequence[str], samplers: Sequence[Node]) -> Sampling | None:
    """The sampler that everything kept begins with; later ones refine what it made.

    Where the pictures that were saved, or laid side by side in one, begin with different prompts,
    nothing tells which of them this file is. One that paints a part of a picture from elsewhere
    does not tell the whole. One that is told nothing measures or decodes what others made.
    """
    if len(samplers) == 1:
        return _base(values, samplers[0])
    telling = {node.node_id for node in samplers}
    for _ in range(MAX_SAMPLERS):
        found = _firsts(values, ends, telling)
        silent = {one.node.node_id for one in found if one and not one.positive}
        if not silent:
            prompts = {one.prompt if one else None for one in found}
            return found[0] if len(prompts) == 1 else None
        telling -= silent
    return None


def _firsts(values: Values, ends: Sequence[str], samplers: Set[str]) -> list[Sampling | None]:
    """What each picture begins with of those that were kept or make one up."""
    bases = _bases(values, ends, samplers)
    pictures = [*ends, *_gathered(values, bases)]
    first = {bases[node_id]: None for node_id in pictures if node_id in bases}
    return [_base(values, values.graph[node_id]) for node_id in islice(first, MAX_SAMPLERS)]


def _base(values: Values, node: Node) -> Sampling | None:
    return sampling(values, node) if PARTIAL.isdisjoint(node.inputs) else None


def parts(values: Values, samplers: Iterable[Node], first: Sampling) -> tuple[Part, ...]:
    """What further samplers were told, where it differs from the main prompt."""
    told: dict[Part, None] = {}
    for node in islice(samplers, MAX_SAMPLERS):
        one = sampling(values, node) if node is not first.node else None
        if one and one.prompt and one.part != first.part:
            told[one.part] = None
    return tuple(told)


def _bases(values: Values, ends: Sequence[str], samplers: Set[str]) -> Mapping[str, str]:
    """For each node that depends on a sampler, the most upstream one, by the first input to it."""
    bases: dict[str, str] = {}
    for node in upstream_first(values.graph, ends):
        sampler = node.node_id in samplers
        for name, link in node.links.items():
            if link.node_id in bases and not (sampler and name in SIDEWAYS):
                bases[node.node_id] = bases[link.node_id]
                break
        else:
            if sampler:
                bases[node.node_id] = node.node_id
    return bases


def _gathered(values: Values, bases: Iterable[str]) -> Iterator[str]:
    """What nodes are given that make one of several pictures, or a batch of them."""
    for node in map(values.graph.__getitem__, bases):
        if GATHERING.search(node.kind.lower()):
            yield from (link.node_id for link in node.links.values())


def _joined(found: Sequence[Passage]) -> str:
    return "\n".join(passage.text for passage in found if passage.text)
