"""Batches as they leave: scans, bulk interrogations, and what the latter would do."""

from typing import Any

from clipwatch.model import Batch, BulkCounts, ScanCounts
from clipwatch.pipeline.bulk import Forecast, Plan
from clipwatch.pipeline.health import import_of
from clipwatch.pipeline.progress import ImportProgress
from clipwatch.web.wire import current_dict, moment, shown


def counts_dict(counts: ScanCounts) -> dict[str, int]:
    """What a scan saw, file by file."""
    return {
        "found": counts.found,
        "new": counts.new,
        "updated": counts.updated,
        "unchanged": counts.unchanged,
        "unfinished": counts.unfinished,
        "failed": counts.failed,
        "queued": counts.queued,
    }


def scan_dict(batch: Batch, path: str, now: int) -> dict[str, Any]:
    """The answer to a scan of ``path``, as it was asked for; the batch can be asked for later."""
    return {
        "path": path,
        "recursive": batch.recursive,
        **counts_dict(batch.counts),
        "duration_ms": _duration_ms(batch, now),
        "batch_id": batch.batch_id,
        "state": batch.state,
    }


def plan_dict(plan: Plan) -> dict[str, Any]:
    """What a bulk interrogation would do; ``known`` is what the ledger would answer."""
    return {
        "dry_run": True,
        "count": plan.count,
        "cached": plan.cached,
        "skipped": plan.skipped,
        "forecast": forecast_dict(plan.forecast),
        "sample": [
            {
                "image_id": one.image.image_id,
                "path": shown(one.image.location.absolute),
                "prompt": current_dict(one.image.prompt),
                "known": one.known,
            }
            for one in plan.sample
        ],
    }


def forecast_dict(forecast: Forecast | None) -> dict[str, Any] | None:
    """Seconds; null where nothing was measured yet."""
    if forecast is None:
        return None
    return {
        "seconds": forecast.seconds,
        "low": forecast.low,
        "high": forecast.high,
        "measured": forecast.measured,
    }


def _bulk_counts(counts: BulkCounts) -> dict[str, int]:
    return {
        "total": counts.total,
        "done": counts.done,
        "failed": counts.failed,
        "cached": counts.cached,
        "left": counts.left,
        "withdrawn": counts.withdrawn,
        "skipped": counts.skipped,
    }


def _what(
    batch: Batch, remaining: Forecast | None, progress: ImportProgress | None
) -> dict[str, Any]:
    """What a batch is about, and how far it is."""
    if batch.ask is None or batch.bulk is None or batch.chosen is None:
        return {
            "path": shown(batch.path),
            "recursive": batch.recursive,
            "counts": counts_dict(batch.counts),
            "progress": progress and import_of(progress),
        }
    return {
        "q": batch.chosen.query if batch.chosen.ids is None else None,
        "model": batch.ask.model or "clip",
        "backend": batch.ask.backend or None,
        "mode": batch.ask.mode or None,
        "force": batch.ask.force,
        "counts": _bulk_counts(batch.bulk),
        "forecast": forecast_dict(remaining),
    }


def batch_dict(
    batch: Batch,
    now: int,
    remaining: Forecast | None = None,
    progress: ImportProgress | None = None,
) -> dict[str, Any]:
    """A scan or a bulk interrogation, as far as it is: ``progress`` of a scan that runs, and
    ``remaining`` for what is left of the other."""
    return {
        "id": batch.batch_id,
        "kind": batch.kind,
        "state": batch.state,
        **_what(batch, remaining, progress),
        "created_at": moment(batch.created_at),
        "finished_at": moment(batch.finished_at),
        "duration_ms": _duration_ms(batch, now),
        "error": batch.error,
    }


def _duration_ms(batch: Batch, now: int) -> int:
    end = now if batch.finished_at is None else batch.finished_at
    return (end - batch.created_at) // 1000
