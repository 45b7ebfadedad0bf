import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from clipwatch.clock import SystemClock
from clipwatch.metrics import Metrics, make_metrics
from clipwatch.model import Clock
from clipwatch.pipeline.scan import Scanner, WatchedRoot
from clipwatch.pipeline.sweep import Sweeper
from clipwatch.store.base import Store
from clipwatch.store.sqlite import SqliteStore, open_store
from clipwatch.watching.listing import IgnoreRules
from clipwatch.watching.settle import Tracker
from tests.clock import ManualClock
from tests.pipeline.asking import Rig, Server, asking
from tests.servers.a1111 import FakeA1111

QUIET_SECS = 2.0


@dataclass(frozen=True, slots=True)
class Parts:
    """The scanning half of the pipeline over one root, on a real store and real files."""

    store: Store
    clock: Clock
    metrics: Metrics
    scanner: Scanner
    sweeper: Sweeper
    watched: WatchedRoot
    folder: Path


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[SqliteStore]:
    store = await open_store(tmp_path / "state" / "clipwatch.db", clock)
    yield store
    await store.close()


@pytest.fixture
async def parts(tmp_path: Path, store: Store) -> Parts:
    folder = tmp_path / "images"
    folder.mkdir()
    # Files carry the machine's time, so these parts run on it.
    clock, metrics = SystemClock(), make_metrics()
    scanner = Scanner(store, clock=clock, metrics=metrics, tracker=Tracker(QUIET_SECS))
    sweeper = Sweeper(store, scanner, clock=clock, metrics=metrics)
    root = await store.register_root(str(folder).encode())
    watched = WatchedRoot(root, IgnoreRules.of((".*", "*.tmp")))
    return Parts(store, clock, metrics, scanner, sweeper, watched, folder)


@pytest.fixture
def chance() -> random.Random:
    return random.Random(1)


@pytest.fixture
async def server() -> AsyncIterator[FakeA1111]:
    async with FakeA1111() as server:
        yield server


@pytest.fixture
async def rig(
    store: SqliteStore, clock: ManualClock, server: FakeA1111, tmp_path: Path
) -> AsyncIterator[Rig]:
    """One server of kind sdapi."""
    async with asking(store, clock, tmp_path / "asked", Server(server.url)) as rig:
        yield rig
