"""What the model names that clients use mean to each kind of server."""

from collections.abc import Mapping

#: By kind: a client's name, and the server's. ``clip`` is the back end's default everywhere.
ALIASES: Mapping[str, Mapping[str, str]] = {
    "sdapi": {"clip_vit_l_14": "clip", "clip_vit_b_32": "clip", "deepdanbooru": "deepdanbooru"},
    "generic": {"clip_vit_l_14": "clip", "clip_vit_b_32": "clip"},
    "sdnext": {
        "clip_vit_l_14": "ViT-L-14/openai",
        "clip_vit_b_32": "ViT-B-32/openai",
        "deepdanbooru": "deepbooru",
    },
    "clipext": {"clip_vit_l_14": "ViT-L-14/openai", "clip_vit_b_32": "ViT-B-32/openai"},
    "tagger": {"clip_vit_l_14": "clip", "clip_vit_b_32": "clip", "deepdanbooru": "clip"},
    "local": {"clip_vit_l_14": "clip", "clip_vit_b_32": "clip", "deepdanbooru": "clip"},
    "openai": {"clip_vit_l_14": "clip", "clip_vit_b_32": "clip"},
    "comfyui": {"clip_vit_l_14": "clip", "clip_vit_b_32": "clip"},
    "koboldcpp": {"clip_vit_l_14": "clip", "clip_vit_b_32": "clip"},
}


def is_alias(kind: str, model: str) -> bool:
    """Whether a server of this kind is meant to understand this name, listed or not."""
    return is_default(model) or model in ALIASES.get(kind, {})


def is_default(model: str) -> bool:
    """Whether whoever asks leaves the model to the back end."""
    return model in ("", "clip")


def model_used(kind: str, asked: str, default: str) -> str:
    """The server's name for the model asked for; ``clip`` and nothing mean ``default``."""
    name = ALIASES.get(kind, {}).get(asked, asked)
    return default if is_default(name) else name
