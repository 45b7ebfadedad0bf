"""ComfyUI's graphs in both forms: the one that is run, and the editor's drawing of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.pictures import node


def changed_graph(graph: Mapping[str, Any], **nodes: Any) -> dict[str, Any]:
    """A graph with nodes replaced or added; names begin with ``n``."""
    return {**graph, **{name.removeprefix("n"): value for name, value in nodes.items()}}


def encode(text: Any) -> dict[str, Any]:
    return node("CLIPTextEncode", text=text, clip=["clip", 1])


def sampled(positive: Any, negative: Any = None, **nodes: Any) -> dict[str, Any]:
    """A graph of a sampler whose conditioning is given as links, and what they lead to."""
    links = {"positive": positive} | ({"negative": negative} if negative else {})
    sampler = node("KSampler", seed=1, latent_image=["latent", 0], **links)
    ends = {
        "sampler": sampler,
        "latent": node("EmptyLatentImage", width=64, height=64),
        "save": node("SaveImage", images=["sampler", 0]),
    }
    return ends | nodes


# --- the editor's drawing --------------------------------------------------------------------


def drawn(
    node_id: int,
    kind: str,
    inputs: Sequence[tuple[str, str, int | None]] = (),
    widgets: Any = None,
    **more: Any,
) -> dict[str, Any]:
    """A node as the editor saves it; inputs are name, type and the number of a link."""
    slots = [{"name": name, "type": type_, "link": link} for name, type_, link in inputs]
    plain = {"id": node_id, "type": kind, "mode": 0, "inputs": slots, "title": kind}
    return plain | {"widgets_values": [] if widgets is None else widgets} | more


def plain_nodes() -> list[dict[str, Any]]:
    """The nodes of the workflow that ComfyUI opens with; an older editor names no widgets."""
    sampler = [
        ("model", "MODEL", 1),
        ("positive", "CONDITIONING", 4),
        ("negative", "CONDITIONING", 6),
        ("latent_image", "LATENT", 2),
    ]
    return [
        drawn(3, "KSampler", sampler, [42, "randomize", 20, 7.5, "euler", "karras", 1]),
        drawn(4, "CheckpointLoaderSimple", (), ["v1-5.safetensors"]),
        drawn(5, "EmptyLatentImage", (), [512, 768, 1]),
        drawn(6, "CLIPTextEncode", [("clip", "CLIP", 3)], ["a cat"]),
        drawn(7, "CLIPTextEncode", [("clip", "CLIP", 5)], ["a dog"]),
        drawn(8, "VAEDecode", [("samples", "LATENT", 7), ("vae", "VAE", 8)]),
        drawn(9, "SaveImage", [("images", "IMAGE", 9)], ["ComfyUI"]),
    ]


def plain_links() -> list[list[Any]]:
    return [
        [1, 4, 0, 3, 0, "MODEL"],
        [2, 5, 0, 3, 3, "LATENT"],
        [3, 4, 1, 6, 0, "CLIP"],
        [4, 6, 0, 3, 1, "CONDITIONING"],
        [5, 4, 1, 7, 0, "CLIP"],
        [6, 7, 0, 3, 2, "CONDITIONING"],
        [7, 3, 0, 8, 0, "LATENT"],
        [8, 4, 2, 8, 1, "VAE"],
        [9, 8, 0, 9, 0, "IMAGE"],
    ]


def workflow(
    nodes: Sequence[dict[str, Any]] = (), links: Sequence[Any] = (), **more: Any
) -> dict[str, Any]:
    """The plain workflow; nodes with the same id replace those of it, as do links."""
    by_id = {entry["id"]: entry for entry in (*plain_nodes(), *nodes)}
    wires = {entry[0]: entry for entry in (*plain_links(), *links)}
    return {"nodes": list(by_id.values()), "links": list(wires.values()), "version": 0.4} | more


def subgraph(**more: Any) -> dict[str, Any]:
    """A definition: a text comes in, is encoded and goes out as conditioning."""
    text = {"name": "text", "type": "STRING", "link": 1, "widget": {"name": "text"}}
    encoder = drawn(1, "CLIPTextEncode", [("clip", "CLIP", 2)], ["inside"])
    encoder["inputs"].append(text)
    link = {"target_id": 1, "origin_id": -10}
    return {
        "id": "7c0d-sub",
        "name": "Prompt",
        "nodes": [encoder],
        "inputs": [{"name": "text", "type": "STRING"}, {"name": "clip", "type": "CLIP"}],
        "outputs": [{"name": "CONDITIONING", "type": "CONDITIONING"}],
        "links": [
            link | {"id": 1, "origin_slot": 0, "target_slot": 1, "type": "STRING"},
            link | {"id": 2, "origin_slot": 1, "target_slot": 0, "type": "CLIP"},
            {"id": 3, "origin_id": 1, "origin_slot": 0, "target_id": -20, "target_slot": 0}
            | {"type": "CONDITIONING"},
        ],
    } | more
