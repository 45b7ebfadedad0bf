"""An observer at work, and what it said, for the tests of it."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from clipwatch.watching.listing import IgnoreRules
from clipwatch.watching.observer import Blindness, Hint, Observer, Watched

DEADLINE_SECS = 60
NO_RULES = IgnoreRules.of(())


@dataclass
class Watch:
    """An observer that runs, and all that it has said so far."""

    observer: Observer
    hints: list[Hint] = field(default_factory=list)
    bursts: int = 0
    blind: list[tuple[bytes, Blindness]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_SECS):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def hint(self, path: bytes, **wanted: bool) -> Hint:
        """The first hint of this relative path that is as wanted."""
        await self.until(lambda: any(self._fits(hint, path, wanted) for hint in self.hints))
        return next(hint for hint in self.hints if self._fits(hint, path, wanted))

    @staticmethod
    def _fits(hint: Hint, path: bytes, wanted: dict[str, bool]) -> bool:
        return hint.relative == path and all(getattr(hint, key) == wanted[key] for key in wanted)

    async def blindness(self, *kinds: Blindness) -> None:
        await self.until(lambda: {kind for _, kind in self.blind} >= set(kinds))

    def take(self, hints: Sequence[Hint]) -> None:
        self.bursts += 1
        self.hints += hints
        self.changed.set()

    def note(self, root: bytes, blindness: Blindness) -> None:
        self.blind.append((root, blindness))
        self.changed.set()


@asynccontextmanager
async def watching(
    *roots: Path,
    rules: IgnoreRules = NO_RULES,
    recursive: bool = True,
    most_waiting: int = 65_536,
) -> AsyncIterator[Watch]:
    watched = [Watched(os.fsencode(root), rules, recursive) for root in roots]
    watch = Watch(
        Observer(
            watched,
            on_hints=lambda hints: watch.take(hints),
            on_blind=lambda root, blindness: watch.note(root, blindness),
            most_waiting=most_waiting,
        )
    )
    await watch.observer.start()
    try:
        yield watch
    finally:
        await watch.observer.stop()
