"""The whole application over real files, a real store and a server that speaks A1111."""

import asyncio
import io
import os
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from PIL import Image, PngImagePlugin
from pydantic import SecretStr

from clipwatch.clock import SystemClock, local_time
from clipwatch.interrogators import build
from clipwatch.interrogators.neighbours import Neighbours
from clipwatch.metrics import make_metrics
from clipwatch.pipeline import health
from clipwatch.pipeline.backend import Backend
from clipwatch.pipeline.batch import Scans
from clipwatch.pipeline.bulk import Bulk
from clipwatch.pipeline.consumer import Consumer
from clipwatch.pipeline.courtesy import Manners
from clipwatch.pipeline.diagnosis import Diagnostician
from clipwatch.pipeline.health import Keeping
from clipwatch.pipeline.idle import IdlePass
from clipwatch.pipeline.interrogate import Interrogations
from clipwatch.pipeline.scan import Scanner, WatchedRoot
from clipwatch.pipeline.space import Space
from clipwatch.pipeline.sweep import Sweeper
from clipwatch.pipeline.thumbnail_folder import ThumbnailFolder
from clipwatch.pipeline.thumbnails import Thumbnails
from clipwatch.pipeline.upkeep import Upkeep
from clipwatch.settings import BackendSettings, ServerSettings
from clipwatch.store.base import Store
from clipwatch.store.sqlite import open_store
from clipwatch.watching.listing import IgnoreRules
from clipwatch.watching.settle import Tracker
from clipwatch.web.app import Services, make_app
from tests.servers.a1111 import FakeA1111

TOKEN = "geheim-ü-0123456789"


@dataclass
class Rig:
    """The application, a client of it, and what stands around it."""

    client: TestClient[Any, Any]
    folder: Path
    store: Store
    server: FakeA1111
    made: list[Path] = field(default_factory=list)

    def draw(self, name: str, prompt: str = "", size: tuple[int, int] = (96, 64)) -> Path:
        """Put a PNG into the folder, newer than all before; ``prompt`` is A1111's text."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(prompt, colour=len(self.made) * 7 + 3, size=size))
        at = 1_700_000_000 + len(self.made)
        os.utime(path, (at, at))
        self.made.append(path)
        return path

    async def scan(self, path: Path | None = None) -> dict[str, Any]:
        answer = await self.post("/api/v1/images/scan", {"path": str(path or self.folder)})
        assert answer.status == 200, await answer.text()
        return await body(answer)

    async def images(self, **parameters: str) -> list[dict[str, Any]]:
        page = await body(await self.client.get("/api/v1/images", params=parameters))
        found: list[dict[str, Any]] = page["images"]
        return found

    async def post(self, path: str, value: object = None) -> ClientResponse:
        return await self.client.post(path, json=value if value is not None else {})


async def body(answer: ClientResponse) -> dict[str, Any]:
    value = await answer.json()
    assert isinstance(value, dict)
    return value


async def problem(answer: ClientResponse, status: int) -> dict[str, Any]:
    """The problem that was answered, checked to be one in form."""
    assert answer.status == status, await answer.text()
    assert answer.content_type == "application/problem+json"
    told: dict[str, Any] = await answer.json(content_type="application/problem+json")
    assert {"type", "title", "status", "detail", "instance", "hint", "errors"} <= told.keys()
    assert told["status"] == status
    assert told["detail"] and told["hint"]
    return told


def png(prompt: str = "", colour: int = 0, size: tuple[int, int] = (96, 64)) -> bytes:
    """A PNG as A1111 writes it: what made it stands in a text chunk ``parameters``."""
    info = PngImagePlugin.PngInfo()
    if prompt:
        info.add_text("parameters", prompt)
    out = io.BytesIO()
    Image.new("RGB", size, (colour % 256, 90, 160)).save(out, "PNG", pnginfo=info)
    return out.getvalue()


@asynccontextmanager
async def application(
    folder: Path,
    database: Path,
    *,
    server_settings: ServerSettings | None = None,
    enabled: bool = True,
    unasked: bool = True,
    limit: float = 30.0,
    ports: Sequence[int] = (),
) -> AsyncIterator[Rig]:
    """A rig over ``folder``, as the daemon builds it; its workers run. Without ``unasked`` they
    interrogate only what they are asked for."""
    clock, metrics = SystemClock(), make_metrics()
    async with AsyncExitStack() as stack:
        store = await open_store(database, clock)
        stack.push_async_callback(store.close)
        server = await stack.enter_async_context(FakeA1111())
        backend = BackendSettings(name="default", url=server.url, kind="sdapi")
        interrogator = await build(backend, monotonic=clock.monotonic)
        stack.push_async_callback(interrogator.close)
        interrogations = Interrogations(
            [Backend("default", interrogator)],
            enabled=enabled,
            store=store,
            clock=clock,
            metrics=metrics,
            manners=Manners(grace_secs=0.0),
            timeout=limit,
            chance=random.random,
            local=local_time,
        )
        root = await store.register_root(os.fsencode(folder))
        roots = [WatchedRoot(root, IgnoreRules.of([".*"]), interrogate=enabled and unasked)]
        scanner = Scanner(store, clock=clock, metrics=metrics, tracker=Tracker(0.0))
        sweeper = Sweeper(store, scanner, clock=clock, metrics=metrics)
        consumer = Consumer(
            roots,
            scanner=scanner,
            sweeper=sweeper,
            store=store,
            clock=clock,
            metrics=metrics,
            sweep_secs=60.0,
            full_sweep_secs=3600.0,
            arrived=interrogations.wake,
        )
        scans = Scans(
            roots,
            [],
            scanner=scanner,
            sweeper=sweeper,
            store=store,
            clock=clock,
            arrived=interrogations.wake,
        )
        stack.push_async_callback(scans.close)
        bulk = Bulk(
            store,
            clock=clock,
            place=interrogations.place,
            enabled=enabled,
            arrived=interrogations.wake,
        )
        stack.push_async_callback(bulk.close)
        space = Space(store.care, clock=clock, free_bytes=lambda: 10**12, low_bytes=0)
        keeping = Keeping(
            store.care, Upkeep(store.care, store, clock=clock, backup_hours=0), space, clock
        )
        folder_of_them = ThumbnailFolder(database.parent / "thumbnails", limit=10**6)
        thumbnails = Thumbnails(folder_of_them, store, has_room=lambda: True)
        idle = IdlePass(store, thumbnails, clock=clock, share=0, is_quiet=never)
        look = partial(health.look, consumer, interrogations, store, keeping, idle)
        neighbours = Neighbours(ports, monotonic=clock.monotonic, patience=60.0)
        diagnostician = Diagnostician(interrogations, neighbours, clock)
        services = Services(
            store,
            scans,
            bulk,
            interrogations,
            look,
            metrics,
            clock,
            diagnostician,
            thumbnails,
            store.care,
        )
        app = make_app(services, server_settings or ServerSettings())
        client = await stack.enter_async_context(TestClient(TestServer(app)))
        work = asyncio.create_task(interrogations.run())
        stack.push_async_callback(_ended, work)
        yield Rig(client, folder, store, server)


async def never() -> bool:
    """Nobody ever has nothing to do."""
    return False


async def _ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait({task})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "images"
    made.mkdir()
    return made


@pytest.fixture
async def rig(folder: Path, tmp_path: Path) -> AsyncIterator[Rig]:
    """The application with default settings."""
    async with application(folder, tmp_path / "clipwatch.db") as built:
        yield built


@pytest.fixture
async def off(folder: Path, tmp_path: Path) -> AsyncIterator[Rig]:
    """The application with CLIP_ENABLED=false."""
    async with application(folder, tmp_path / "clipwatch.db", enabled=False) as built:
        yield built


@pytest.fixture
async def guarded(folder: Path, tmp_path: Path) -> AsyncIterator[Rig]:
    """The application with a token."""
    settings = ServerSettings(token=SecretStr(TOKEN))
    async with application(
        folder, tmp_path / "clipwatch.db", server_settings=settings, enabled=False
    ) as built:
        yield built
