"""What the store needs now and then: backups and checks, each when it is due."""

from dataclasses import dataclass

import structlog

from clipwatch.errors import StoreDamaged, StoreError
from clipwatch.model import Clock, Pruned
from clipwatch.pipeline.prune import prune
from clipwatch.store.base import Store
from clipwatch.store.care import CareFacts, StoreCare

BACKUP_FAILED = "backup.failed"
BACKUP_MADE = "backup.made"
CHECK_FAILED = "check.failed"
IMAGES_PRUNED = "images.pruned"

LOOK_SECS = 60.0
#: What failed is tried again after so long; what was never done waits so long after the start.
AGAIN_SECS = 3600.0
CHECK_SECS = 7 * 24 * 3600.0
PRUNE_SECS = 24 * 3600.0
_SECOND = 1_000_000

log = structlog.get_logger()


@dataclass(slots=True)
class Chore:
    """Something that is due at intervals. Moments are the wall clock's, in microseconds."""

    every_secs: float  #: 0: never
    not_before: int
    trouble: str | None = None  #: why it was not done the last time

    def is_due(self, now: int, last: int | None) -> bool:
        """Whether to do it now, where it was done ``last``. A ``last`` that lies ahead comes from
        a clock that was wrong."""
        if not self.every_secs or now < self.not_before:
            return False
        return last is None or not now - self.every_secs * _SECOND < last <= now

    def failed(self, now: int, reason: str) -> bool:
        """Put it off; whether that is news."""
        news = self.trouble is None
        self.trouble = reason
        self.not_before = now + round(AGAIN_SECS * _SECOND)
        return news


class Upkeep:
    """Does one thing after the other, beside all other work. ``backup_hours`` 0 makes none;
    ``prune_days`` 0 leaves what is missing to those who ask for it."""

    def __init__(
        self,
        care: StoreCare,
        store: Store,
        *,
        clock: Clock,
        backup_hours: float,
        prune_days: float = 0,
    ) -> None:
        soon = clock.now() + round(AGAIN_SECS * _SECOND)
        self.backup = Chore(backup_hours * 3600.0, soon)
        self.check = Chore(CHECK_SECS, soon)
        self._pruning = Chore(PRUNE_SECS if prune_days else 0, soon)
        self._pruned_at: int | None = None
        self._prune_days = prune_days
        self._store = store
        self._care = care
        self._clock = clock

    async def run(self) -> None:
        """Check quickly after a kill; then do what is due, until cancelled or the store is
        damaged."""
        try:
            if self._care.unclean:
                await self._checked(full=False)
            while not self._care.damaged.is_set():
                await self._do_what_is_due()
                await self._clock.sleep(LOOK_SECS)
        except StoreDamaged:  # the daemon ends on its account
            return

    async def _do_what_is_due(self) -> None:
        try:
            facts = await self._care.facts()
        except StoreError:  # whoever works with the store tells that
            return
        if self.backup.is_due(self._clock.now(), facts.backed_up_at):
            await self._backed_up()
        if self.check.is_due(self._clock.now(), facts.full_check_at):
            await self._checked(full=True)
        if self._pruning.is_due(self._clock.now(), self._pruned_at):
            await self._prune()

    async def _backed_up(self) -> None:
        try:
            made = await self._care.back_up()
        except StoreDamaged:
            raise
        except StoreError as error:
            if self.backup.failed(self._clock.now(), error.message):
                log.warning(BACKUP_FAILED, error=error.message, hint=error.hint)
        else:
            self.backup.trouble = None
            log.info(BACKUP_MADE, path=str(made))

    async def _prune(self) -> None:
        """Behind the backup that is due by then, so that the newest one still holds it all."""
        now = self._clock.now()
        try:
            done = await prune(self._store, missing_days=self._prune_days, now=now, dry_run=False)
        except StoreError:  # whoever works with the store tells that
            return
        self._pruned_at = now
        if done != Pruned():
            log.info(IMAGES_PRUNED, images=done.images, missing_files=done.locations)

    async def _checked(self, *, full: bool) -> None:
        try:
            await self._care.check(full=full)
        except StoreDamaged:
            raise
        except StoreError as error:
            if self.check.failed(self._clock.now(), error.message):
                log.warning(CHECK_FAILED, error=error.message, hint=error.hint)
        else:
            self.check.trouble = None


def salvage_is_news(facts: CareFacts, now: int) -> bool:
    """Whether the last salvage is still shown as trouble: for seven days."""
    at = facts.salvage["at"] if facts.salvage else None
    return at is not None and now - CHECK_SECS * _SECOND < at
