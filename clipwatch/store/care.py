"""What keeps a store sound: checks, backups, and the room that it takes up."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from clipwatch.errors import StoreError


@dataclass(frozen=True, slots=True)
class CareFacts:
    """What was done last to keep a store sound; each None where it never was."""

    backed_up_at: int | None  #: of the newest backup that is there, whoever made it
    quick_check_at: int | None
    full_check_at: int | None
    #: of the last salvage ``at``, ``finding``, ``rows`` and ``filled`` by table, ``backup``
    salvage: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class DiskUse:
    """The room that a store takes up, in bytes."""

    database: int
    log: int
    backups: int
    ballast: int
    replaced: int  #: databases that were damaged or replaced, and are kept
    images: int
    recent_images: int  #: those whose files are from the last thirty days

    @property
    def total(self) -> int:
        return self.database + self.log + self.backups + self.ballast + self.replaced

    @property
    def images_in_a_year(self) -> int:
        """How many there will be when as many come every month as in the last thirty days."""
        return self.images + 12 * self.recent_images

    @property
    def in_a_year(self) -> int:
        """What it will be with so many images: the database as it has grown by then, five times
        (itself, three backups, and the copy that a backup or a check is making), 64 MiB of log, the
        ballast, and what is kept of others."""
        growth = self.images_in_a_year / self.images if self.images else 1
        return round(5 * self.database * growth) + 64 * 2**20 + self.ballast + self.replaced


class StoreCare(Protocol):
    """What keeps a store sound. Raises like ``Store``."""

    damage: StoreError | None  #: what was found broken; nothing is written any more
    damaged: asyncio.Event  #: set then
    unclean: bool  #: the daemon before this one did not end in order

    async def check(self, *, full: bool) -> tuple[str, ...]:
        """What is wrong with the store, which then counts as damaged; ``full`` looks at everything
        and mends what can be made anew. Others may read and write meanwhile."""

    async def back_up(self) -> Path:
        """Make a backup; the newest ones are kept. Others may read and write meanwhile."""

    async def backups(self) -> Sequence[Path]:
        """The backups that are kept, the newest first."""

    def renew_ballast(self) -> bool:
        """Take up again the room that was given back on a full disk; whether it is there."""

    async def facts(self) -> CareFacts: ...

    async def disk_use(self) -> DiskUse: ...
