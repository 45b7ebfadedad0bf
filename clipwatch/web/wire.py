"""What leaves: our values as plain dicts, and those as JSON. What enters is in ``asking.py``.

Lists of images are the hot path, so this is written by hand and not left to pydantic. Times are
RFC 3339 in UTC, durations milliseconds, sizes bytes, scores 0 to 1, ids UUIDs.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from clipwatch.interrogators.trial import Trial
from clipwatch.model import (
    Change,
    Hit,
    Image,
    Job,
    JobState,
    JobSummary,
    Location,
    Part,
    Priority,
    Prompt,
    QueueDepth,
    Said,
    Tag,
)
from clipwatch.pipeline.comparison import Comparison
from clipwatch.pipeline.diagnosis import Diagnosis
from clipwatch.pipeline.health import Health
from clipwatch.pipeline.scores import Thresholds, ratings
from clipwatch.web.asking import InterrogateBody

API = "/api/v1"
#: Characters of a file's text that an explanation repeats.
MOST_RAW = 100_000

#: What is shown where nobody says otherwise.
USUAL = Thresholds()

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def dumps(value: object) -> bytes:
    """``value`` as JSON; bytes are paths, and become text."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_UTC_Z)


def _plain(value: object) -> object:
    match value:
        case bytes():
            return shown(value)
        case Mapping():
            return dict(value)
        case _:
            raise TypeError(f"{type(value).__name__} has no JSON form")


def shown(path: bytes) -> str:
    """A path as text; what is not UTF-8 in it shows as U+FFFD."""
    return path.decode(errors="replace")


def moment(at: int | None) -> datetime | None:
    """Microseconds since the epoch as a time; None where the calendar does not reach so far."""
    if at is None:
        return None
    try:
        return _EPOCH + timedelta(microseconds=at)
    except OverflowError:
        return None


def image_dict(image: Image, least: Thresholds = USUAL) -> dict[str, Any]:
    """An image as api.md describes it, with the tags whose scores reach ``least``."""
    location = image.location
    address = f"{API}/images/{image.image_id}"
    return {
        "id": image.image_id,
        "path": shown(location.absolute),
        "root": shown(location.root),
        "locations": [location_dict(each) for each in image.locations],
        "state": image.state,
        "reason": image.reason or location.reason,
        "width": image.width,
        "height": image.height,
        "format": image.format,
        "size": location.stat.size,
        "created_at": moment(location.stat.mtime),
        "added_at": moment(image.added_at),
        "revision": image.revision,
        "generator": image.generator,
        "prompt": current_dict(image.prompt),
        "job": _summary(image.job),
        "tags": [tag_dict(tag) for tag in least.shown(image.tags)],
        "links": {
            "file": f"{address}/file",
            "thumbnail": f"{address}/thumbnail",
            "prompts": f"{API}/prompts/image/{image.image_id}",
        },
        "ratings": ratings(image.tags),
    }


def explain_dict(image: Image, said: Said, prompts: Sequence[Prompt], why: str) -> dict[str, Any]:
    """Why an image has its prompt, and all that speaks for it; ``raw`` is the file's own text, cut
    where it is long."""
    raw = said.raw or ""
    return {
        "image_id": image.image_id,
        "why": why,
        "outcome": image.outcome,
        "reason": image.reason or image.location.reason,
        "generator": image.generator,
        "version": said.version,
        "found_in": said.found_in,
        "raw": raw[:MOST_RAW] or None,
        "raw_is_cut": len(raw) > MOST_RAW,
        "job": _summary(image.job),
        "prompts": [prompt_dict(prompt) for prompt in prompts],
    }


def comparison_dict(
    image: Image, told: Prompt, answered: Prompt, found: Comparison
) -> dict[str, Any]:
    """An image's own prompt against the one that a back end gave, in terms; ``drift`` is 0 to 1."""
    return {
        "image_id": image.image_id,
        "embedded": current_dict(told),
        "generated": current_dict(answered),
        "shared": found.shared,
        "missing": found.missing,
        "extra": found.extra,
        "drift": found.drift,
    }


def location_dict(location: Location) -> dict[str, Any]:
    """One file of an image."""
    return {
        "path": shown(location.absolute),
        "root": shown(location.root),
        "state": location.state,
        "reason": location.reason,
        "size": location.stat.size,
        "modified_at": moment(location.stat.mtime),
        "missing_since": moment(location.missing_since),
    }


def current_dict(prompt: Prompt | None) -> dict[str, Any] | None:
    """The prompt that an image has now, in short."""
    if prompt is None:
        return None
    return {
        "id": prompt.prompt_id,
        "type": prompt.type,
        "text": prompt.text,
        "negative": prompt.negative,
    }


def _summary(job: JobSummary | None) -> dict[str, Any] | None:
    if job is None:
        return None
    return {
        "state": job.state,
        "attempts": job.attempts,
        "next_try_at": moment(job.next_try_at),
        "error": job.error,
    }


def tag_dict(tag: Tag) -> dict[str, Any]:
    """A tag of an image or a prompt."""
    return {
        "name": tag.name,
        "category": tag.category,
        "score": tag.score,
        "origin": tag.origin,
    }


def prompt_dict(prompt: Prompt, least: Thresholds = USUAL) -> dict[str, Any]:
    """One row of an image's ledger of prompts, with the tags whose scores reach ``least``;
    ``model`` is the one that was used."""
    return {
        "id": prompt.prompt_id,
        "type": prompt.type,
        "text": prompt.text,
        "negative": prompt.negative,
        "model": prompt.model_used,
        "backend": prompt.backend,
        "tags": [tag_dict(tag) for tag in least.shown(prompt.tags)],
        "parameters": dict(prompt.parameters),
        "parts": [_part(part) for part in prompt.parts],
        "created_at": moment(prompt.created_at),
        "current": prompt.current,
        "model_asked": prompt.model_asked,
        "kind": prompt.kind,
        "mode": prompt.mode,
        "options": dict(prompt.options),
        "cached": prompt.cached,
        "ratings": ratings(prompt.tags),
        "revision": prompt.revision,
        "duration_ms": prompt.duration_ms,
    }


def _part(part: Part) -> dict[str, Any]:
    return {"role": part.role, "prompt": part.prompt, "negative": part.negative}


def interrogation_dict(prompt: Prompt, body: InterrogateBody, *, cached: bool) -> dict[str, Any]:
    """The answer to one interrogation; ``model`` repeats the name that was asked for."""
    return {
        "image_id": prompt.image_id,
        "prompt": prompt.text,
        "source": "clip_interrogation",
        "model": body.model or "clip",
        "model_used": prompt.model_used,
        "backend": prompt.backend,
        "mode": prompt.mode,
        "prompt_id": prompt.prompt_id if body.save or cached else None,
        "tags": [tag_dict(tag) for tag in USUAL.shown(prompt.tags)],
        "ratings": ratings(prompt.tags),
        "confidence": confidence(USUAL.shown(prompt.tags)),
        "cached": cached,
        "duration_ms": prompt.duration_ms,
    }


def confidence(tags: Sequence[Tag]) -> float | None:
    """The mean score of the tags; None where the server gave none."""
    scores = [tag.score for tag in tags if tag.score is not None]
    return sum(scores) / len(scores) if scores else None


def hit_dict(hit: Hit, least: Thresholds = USUAL) -> dict[str, Any]:
    """A prompt that a search found, with its image."""
    return {
        "snippet": hit.snippet,
        "type": hit.prompt.type,
        "prompt": prompt_dict(hit.prompt, least),
        "image": image_dict(hit.image, least),
    }


def job_dict(job: Job) -> dict[str, Any]:
    """One interrogation that is to be done, or was."""
    return {
        "id": job.job_id,
        "image_id": job.image_id,
        "state": job.state,
        "priority": job.priority.name.lower(),
        "attempts": job.attempts,
        "crashes": job.crashes,
        "next_try_at": moment(job.run_at) if job.state is JobState.READY else None,
        "error": job.error,
        "model": job.ask.model,
        "backend": job.ask.backend,
        "mode": job.ask.mode,
        "created_at": moment(job.created_at),
        "batch_id": job.batch_id,
    }


def queue_dict(queue: QueueDepth) -> dict[str, Any]:
    """How much waits, by priority, and how the rest ended."""
    return {
        "ready": {each.name.lower(): queue.ready.get(each, 0) for each in Priority},
        "leased": queue.leased,
        "dead": queue.dead,
        "paused": queue.paused,
        "next_run_at": moment(queue.next_run_at),
    }


def change_dict(change: Change) -> dict[str, Any]:
    """One entry of the ordered log; what is particular to its kind stands beside the rest."""
    return {
        **change.data,
        "seq": change.seq,
        "at": moment(change.at),
        "kind": change.kind,
        "image_id": change.image_id,
    }


def diagnosis_dict(diagnosis: Diagnosis) -> dict[str, Any]:
    """A back end as it is now."""
    backend = diagnosis.health
    return {
        "name": backend.name,
        "kind": backend.kind,
        "url": backend.url,
        "available": backend.available,
        "busy": backend.busy,
        "problem": backend.problem,
        "reason": backend.reason,
        "hint": backend.hint,
        "product": backend.product,
        "version": backend.version,
        "model": backend.model,
        "models": backend.models,
        "scores": backend.scores,
        "auth": backend.auth,
        "latency_ms": backend.latency_ms,
        "breaker": backend.breaker,
        "suggestions": [{"url": each.url, "kind": each.kind} for each in diagnosis.suggestions],
    }


def trial_dict(trial: Trial) -> dict[str, Any]:
    """How an interrogation ended that was only to see whether it works."""
    return {
        "text": trial.text,
        "model": trial.model,
        "scores": trial.scores,
        "duration_ms": trial.duration_ms,
        "problem": trial.problem,
        "reason": trial.reason,
        "hint": trial.hint,
    }


def _with_moments(part: Mapping[str, Any]) -> dict[str, Any]:
    return {name: moment(value) if name.endswith("_at") else value for name, value in part.items()}


def health_dict(health: Health) -> dict[str, Any]:
    """How each part of the daemon is."""
    return {
        "status": health.status,
        "ready": health.ready,
        "roots": {
            path: {**root, "swept_at": moment(root["swept_at"])}
            for path, root in health.roots.items()
        },
        "settling": health.settling,
        "queue": {**health.queue, "next_run_at": moment(health.queue.get("next_run_at"))},
        "store": _with_moments(health.store),
        "backup": _with_moments(health.backup),
        "disk": health.disk,
        "thumbnails": health.thumbnails,
        "idle": health.idle,
    }
