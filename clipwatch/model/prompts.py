"""Prompts, and the captions that some of them were made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from clipwatch.model.observations import Part, Tag


class PromptType(StrEnum):
    """Where a prompt comes from, most trusted first: the order that picks the current one."""

    MANUAL = "manual"
    EMBEDDED = "embedded"
    INHERITED = "inherited"
    SIDECAR = "sidecar"
    CLIP_GENERATED = "clip_generated"


@dataclass(frozen=True, slots=True)
class Caption:
    """An interrogator's raw answer."""

    text: str
    model: str  #: the one that the server really used
    tags: tuple[Tag, ...] = ()
    mode: str = ""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One row of an image's ledger of prompts: added, never overwritten."""

    prompt_id: UUID
    image_id: UUID
    revision: int
    type: PromptType
    text: str
    created_at: int
    negative: str = ""
    parts: tuple[Part, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[Tag, ...] = ()
    backend: str | None = None
    kind: str | None = None
    model_asked: str | None = None
    model_used: str | None = None
    mode: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)  #: asked for beside the model
    duration_ms: int | None = None
    cached: bool = False  #: repeats what was answered for the same picture before
    current: bool = False
