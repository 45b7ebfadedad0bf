"""What leaves of what is counted: tags, completion, facets, figures, roots."""

from collections.abc import Mapping, Sequence
from typing import Any

from clipwatch.counts import (
    BackendCount,
    Facets,
    RootCount,
    Statistics,
    TagCount,
    Tagged,
    ValueCount,
)
from clipwatch.query import Candidate, Typed, term
from clipwatch.web.wire import moment, shown

#: What is said of a root that nobody watches.
_UNWATCHED: Mapping[str, Any] = {"state": "unwatched"}


def tag_count_dict(tag: TagCount) -> dict[str, Any]:
    """A tag by use; ``uses`` is the sum of its origins."""
    return {
        "name": tag.name,
        "category": tag.category,
        "uses": tag.uses,
        "origins": {
            "embedded": tag.embedded,
            "generated": tag.generated,
            "manual": tag.manual,
        },
        "term": term("tag", tag.name),
    }


def tagged_dict(tagged: Tagged) -> dict[str, Any]:
    """The tags that people gave an image."""
    return {"image_id": tagged.image_id, "tags": tagged.names}


def completion_dict(typed: Typed, candidates: Sequence[Candidate]) -> dict[str, Any]:
    """The span of characters that a candidate's ``text`` replaces, and the candidates."""
    return {
        "start": typed.start,
        "end": typed.end,
        "typed": typed.text,
        "field": None if typed.field is None else typed.field.name,
        "help": "" if typed.field is None else typed.field.help,
        "candidates": [
            {
                "text": each.text,
                "label": each.label,
                "kind": each.kind,
                "count": each.images,
                "help": each.help,
            }
            for each in candidates
        ],
    }


def facets_dict(facets: Facets) -> dict[str, Any]:
    """Counts by field; a value's ``term`` is the search for it."""
    return {
        "sampled": not facets.exact,
        "sample_size": facets.sample_size,
        "exact": facets.exact,
        "facets": {
            name: [{**value_dict(each), "term": term(name, each.value)} for each in values]
            for name, values in facets.fields.items()
        },
    }


def value_dict(value: ValueCount) -> dict[str, Any]:
    """A value, and how many images have it."""
    return {"value": value.value, "images": value.images}


def statistics_dict(found: Statistics) -> dict[str, Any]:
    """Figures about everything."""
    return {
        "images": found.images,
        "missing": found.missing,
        "fields": {
            name: [value_dict(each) for each in values] for name, values in found.fields.items()
        },
        "months": [value_dict(each) for each in found.months],
        "terms": [tag_count_dict(tag) for tag in found.terms],
        "backends": [_backend(backend) for backend in found.backends],
    }


def _backend(backend: BackendCount) -> dict[str, Any]:
    return {
        "backend": backend.backend,
        "kind": backend.kind,
        "model": backend.model,
        "answers": backend.answers,
        "duration_ms": backend.duration_ms,
        "mean_ms": round(backend.duration_ms / backend.answers),
    }


def root_dict(root: RootCount, watched: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A root, how it is watched, and its files by state."""
    path = shown(root.path)
    return {
        "path": path,
        "imported_at": moment(root.imported_at),
        "files": dict(root.states),
        **watched.get(path, _UNWATCHED),
    }
