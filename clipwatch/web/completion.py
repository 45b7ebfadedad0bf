"""Completion: what could be meant by what is being typed into a search."""

import asyncio
from collections import Counter

from aiohttp import web

from clipwatch.pipeline.frequent import frequent_terms
from clipwatch.query import (
    Candidate,
    FieldKind,
    FieldSpec,
    Typed,
    choices_for,
    fields_for,
    pixels,
    tag_for,
    typed_at,
    value_for,
    words_for,
)
from clipwatch.store.base import Store
from clipwatch.web.asking import CompleteParameters
from clipwatch.web.incoming import read_parameters
from clipwatch.web.replies import json_reply
from clipwatch.web.services import SERVICES
from clipwatch.web.wire_counts import completion_dict

#: Fields that stand before tags where a word is typed: more would leave no room for those.
MOST_FIELDS = 4
#: Sizes whose sides are offered.
SIZES = 200
#: Fields whose values are counted nowhere, or are few that are all known.
_WRITTEN_OUT = (FieldKind.CHOICE, FieldKind.DATE, FieldKind.RATIO, FieldKind.SEED)


async def complete(request: web.Request) -> web.Response:
    """Candidates for what stands at ``at``, and the span of ``q`` that one of them replaces."""
    asked = read_parameters(request, CompleteParameters)
    at = len(asked.q) if asked.at is None else min(asked.at, len(asked.q))
    typed = typed_at(asked.q, at)
    found = [] if typed is None else await _candidates(request.app[SERVICES].store, typed, asked)
    return json_reply(completion_dict(typed or Typed("", at, at), found[: asked.limit]))


async def _candidates(store: Store, typed: Typed, asked: CompleteParameters) -> list[Candidate]:
    match typed.field:
        case None:
            fields = fields_for(typed)
            if typed.is_name or not typed.text.strip():
                return fields
            return fields[:MOST_FIELDS] + await _tags(store, typed, asked.limit)
        case FieldSpec(name="tag"):
            return await _tags(store, typed, asked.limit)
        case FieldSpec(name="prompt"):
            return words_for(typed, await _prompt_terms(store, typed, asked.limit))
        case FieldSpec(name="negative"):
            negatives = await store.late_negatives()
            # Many long ones take a while to be taken apart.
            terms = await asyncio.to_thread(frequent_terms, negatives, typed.text, asked.limit)
            return words_for(typed, terms)
        case FieldSpec(name="width" | "height") as spec:
            sides = await _sides(store, spec, typed.text)
            return [value_for(spec, side, images) for side, images in sides[: asked.limit]]
        case FieldSpec(kind=FieldKind.FOLDER | FieldKind.PATH as kind) as spec:
            below = "/*" * (kind is FieldKind.PATH)
            folders = await store.folders_like(typed.text, limit=asked.limit)
            return [value_for(spec, folder + below) for folder in folders]
        case FieldSpec(name=name, kind=kind) as spec if kind in _WRITTEN_OUT or name == "drift":
            counted = await store.top_values(spec.name, "", limit=asked.limit)
            images = {each.value: each.images for each in counted}
            return [_counted(each, images.get(each.label)) for each in choices_for(typed)]
        case spec:
            values = await store.top_values(spec.name, typed.text, limit=asked.limit)
            return [value_for(spec, each.value, each.images) for each in values]


async def _prompt_terms(store: Store, typed: Typed, limit: int) -> list[str]:
    tags = await store.tags_like(typed.text, limit=limit * 2)
    return [tag.name for tag in tags if tag.embedded and tag.category != "lora"][:limit]


async def _sides(store: Store, spec: FieldSpec, begin: str) -> list[tuple[str, int]]:
    """Widths or heights of the most frequent sizes."""
    sizes = await store.top_values("size", "", limit=SIZES)
    images: Counter[str] = Counter()
    for size in sizes:
        width, height = pixels(size.value) or (0, 0)
        images[str(width if spec.name == "width" else height)] += size.images
    return [each for each in images.most_common() if each[0].startswith(begin)]


async def _tags(store: Store, typed: Typed, limit: int) -> list[Candidate]:
    tags = await store.tags_like(typed.text, limit=limit)
    uses: dict[str, int] = {}
    for tag in tags:  # the same name may stand in two categories
        uses[tag.name] = uses.get(tag.name, 0) + tag.uses
    return [tag_for(typed, name, number) for name, number in uses.items()]


def _counted(candidate: Candidate, images: int | None) -> Candidate:
    return Candidate(candidate.text, candidate.label, candidate.kind, images, candidate.help)
