"""Deleting what is missing for long: only when somebody asks for it."""

from clipwatch.model import Pruned
from clipwatch.store.base import Store

DAY = 24 * 3600 * 1_000_000  #: microseconds


async def prune(store: Store, *, missing_days: float, now: int, dry_run: bool) -> Pruned:
    """Delete images all of whose files are missing for longer than this, and such files of other
    images; how many. With ``dry_run`` nothing is deleted. Others may use the store in between."""
    before = now - round(missing_days * DAY)
    if dry_run:
        return await store.prunable(before)
    total = Pruned()
    while (done := await store.prune(before, now)) != Pruned():
        total = Pruned(total.images + done.images, total.locations + done.locations)
    return total
