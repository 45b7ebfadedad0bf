"""ComfyUI: the graph that made the picture, as JSON.

PNG ``prompt``; in WebP the EXIF fields Model, Make ... with the text ``prompt:{...}``. It is the
graph as it was run, so that groups, bypassed and muted nodes are gone already; ``workflow`` is the
editor's drawing of it and not read. Samplers are known by their inputs, not by their names, which
every extension makes up anew.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import islice
from typing import Any

from clipwatch.embedded.base import Text, Texts, parse_json
from clipwatch.embedded.conditioning import Passage, passages, value_of
from clipwatch.embedded.graph import Graph, Node, along, parse, sinks, upstream_first
from clipwatch.embedded.parameters import MAX_LORAS
from clipwatch.model import Embedded, Outcome, Part

GENERATOR = "ComfyUI"
EXIF_FIELDS = ("EXIF Model", "EXIF Make", "EXIF ImageDescription")
MAX_SAMPLERS = 20  #: whose texts are looked at
SAMPLER_INPUTS = {
    "seed": "seed",
    "noise_seed": "seed",
    "steps": "steps",
    "cfg": "cfg",
    "sampler_name": "sampler",
    "scheduler": "scheduler",
    "denoise": "denoise",
}
#: SamplerCustom and SamplerCustomAdvanced leave these settings to nodes of their own.
HELPERS = ("noise", "sigmas", "sampler", "guider")
MODEL_NAMES = ("ckpt_name", "unet_name", "model_name")


@dataclass(frozen=True, slots=True)
class Sampling:
    """One sampler with the texts that reach it."""

    node: Node
    positive: Sequence[Passage]
    negative: Sequence[Passage]

    @property
    def prompt(self) -> str:
        return _joined(self.positive)

    @property
    def part(self) -> Part:
        return Part("sampler", self.prompt, _joined(self.negative))


def read(texts: Texts) -> Embedded | None:
    """What the graph says, or only that there is one. Raises ``Damaged``."""
    for text, raw, body in _carriers(texts, "prompt"):
        if graph := parse(parse_json(body)):
            return _understood(graph, text, raw)
        if body.startswith("{") and '"class_type"' in body:
            return _uncertain(text, raw)
    for text, raw, body in _carriers(texts, "workflow"):
        if body.startswith("{") and '"nodes"' in body:
            return _uncertain(text, raw)
    return None


def _carriers(texts: Texts, name: str) -> Iterator[tuple[Text, str, str]]:
    """Each field that may hold ``name``: the field, its text, and the JSON in it."""
    if text := texts.get(name):
        raw = text.load()
        yield text, raw, raw.strip()
    for field in EXIF_FIELDS:
        if text := texts.get(field):
            raw = text.load()
            prefix, _, body = raw.partition(":")
            if prefix.lower() == name:
                yield text, raw, body.strip(" \r\n\t\0")


def _uncertain(text: Text, raw: str) -> Embedded:
    return Embedded(Outcome.NO_PROMPT, generator=GENERATOR, found_in=text.found_in, raw=raw)


def _understood(graph: Graph, text: Text, raw: str) -> Embedded:
    ends = sinks(graph)
    order = list(upstream_first(graph, ends))
    samplers = [node for node in order if _is_sampler(node)]
    main = _main(graph, ends, _bases(order, {node.node_id for node in samplers}))
    if main is None or not main.prompt:
        return _uncertain(text, raw)
    return Embedded(
        outcome=Outcome.PROMPT,
        prompt=main.prompt,
        negative=main.part.negative,
        parts=_parts(graph, samplers, main),
        parameters=_parameters(graph, main.node),
        generator=GENERATOR,
        found_in=f"{text.found_in}, node {main.node.node_id} -> {main.positive[0].node_id}",
        raw=raw,
    )


def _main(graph: Graph, ends: Sequence[Node], bases: Mapping[str, str]) -> Sampling | None:
    """The sampler that everything kept begins with; later ones refine what it made.

    Where the pictures that were saved begin with different prompts, nothing tells which of them
    this file is.
    """
    first = {bases[end.node_id]: None for end in ends if end.node_id in bases}
    samplings = [_sampling(graph, graph[node_id]) for node_id in islice(first, MAX_SAMPLERS)]
    prompts = {sampling.prompt if sampling else None for sampling in samplings}
    return samplings[0] if len(prompts) == 1 else None


def _bases(order: Sequence[Node], samplers: Set[str]) -> dict[str, str]:
    """For each node that depends on a sampler, the most upstream one, by the first input to it."""
    bases: dict[str, str] = {}
    for node in order:
        for target, _ in node.links.values():
            if target in bases:
                bases[node.node_id] = bases[target]
                break
        else:
            if node.node_id in samplers:
                bases[node.node_id] = node.node_id
    return bases


def _is_sampler(node: Node) -> bool:
    if "guider" in node.links:
        return True
    conditioned = "positive" in node.links or "text_embeds" in node.links
    return conditioned and not node.inputs.keys().isdisjoint(("seed", "noise_seed", "latent_image"))


def _sampling(graph: Graph, node: Node) -> Sampling | None:
    """None where the positive text is not certain; a negative that is not counts as none."""
    guide = graph[node.links["guider"][0]] if "guider" in node.links else node
    link = guide.links.get("positive") or guide.links.get("conditioning")
    positive = passages(graph, link) if link else None
    if positive is None:
        return None
    negative = passages(graph, guide.links["negative"]) if "negative" in guide.links else None
    return Sampling(node, positive, negative or ())


def _parts(graph: Graph, samplers: Sequence[Node], main: Sampling) -> tuple[Part, ...]:
    """What further samplers were told, where it differs from the main prompt."""
    parts: dict[Part, None] = {}
    for node in samplers[:MAX_SAMPLERS]:
        sampling = _sampling(graph, node) if node is not main.node else None
        if sampling and sampling.prompt and sampling.part != main.part:
            parts[sampling.part] = None
    return tuple(parts)


def _parameters(graph: Graph, sampler: Node) -> dict[str, Any]:
    helpers = [graph[sampler.links[name][0]] for name in HELPERS if name in sampler.links]
    found: dict[str, Any] = {}
    for node in (sampler, *helpers):
        for name, common in SAMPLER_INPUTS.items():
            if name in node.inputs and (value := value_of(graph, node, name)) is not None:
                found.setdefault(common, value)
    found |= _model(graph, sampler if "model" in sampler.links else (helpers or [sampler])[-1])
    return found | _size(graph, sampler)


def _model(graph: Graph, node: Node) -> dict[str, Any]:
    """The checkpoint that the chain of models begins with, and the LoRAs on the way to it."""
    found: dict[str, Any] = {}
    loras: list[dict[str, Any]] = []
    for loader in along(graph, node, ("model",)):
        if isinstance(name := loader.inputs.get("lora_name"), str) and len(loras) < MAX_LORAS:
            loras.append({"name": name, "weight": value_of(graph, loader, "strength_model")})
        for key in MODEL_NAMES:
            if isinstance(name := loader.inputs.get(key), str):
                found["model"] = name
    if loras:
        found["loras"] = loras[::-1]
    return found


def _size(graph: Graph, sampler: Node) -> dict[str, str]:
    latent = [sampler, *along(graph, sampler, ("latent_image", "samples", "samples_to"))][-1]
    width, height = (value_of(graph, latent, name) for name in ("width", "height"))
    if isinstance(width, int) and isinstance(height, int) and "latent" in latent.kind.lower():
        return {"size": f"{width}x{height}"}
    return {}


def _joined(found: Sequence[Passage]) -> str:
    return "\n".join(passage.text for passage in found if passage.text)
