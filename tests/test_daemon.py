import asyncio
import os
import signal
import sqlite3
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from clipwatch import runfile
from clipwatch.clock import SystemClock
from clipwatch.daemon import Daemon, ending_signals, running
from clipwatch.errors import NotFound, StartError, StoreError
from clipwatch.model import BatchState
from clipwatch.settings import (
    ClipSettings,
    CourtesySettings,
    RootSettings,
    ServerSettings,
    Settings,
    StoreSettings,
    WatchingSettings,
)
from clipwatch.store.sqlite_schema import PAGE
from tests import pictures
from tests.servers.a1111 import FakeA1111
from tests.waiting import eventually


@pytest.fixture
def environ(tmp_path: Path) -> Mapping[str, str]:
    return {"STATE_DIRECTORY": str(tmp_path / "state"), "RUNTIME_DIRECTORY": str(tmp_path / "run")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    return folder


@pytest.fixture
async def server() -> AsyncIterator[FakeA1111]:
    async with FakeA1111() as server:
        yield server


def settings(
    server: FakeA1111, *roots: RootSettings, enabled: bool = True, **more: Any
) -> Settings:
    return Settings(
        roots=roots,
        server=ServerSettings(port=0, **more),
        clip=ClipSettings(base_url=server.url, enabled=enabled),
        courtesy=CourtesySettings(grace_secs=0.0),
        watching=WatchingSettings(quiet_secs=0.1),
    )


@asynccontextmanager
async def serving(
    settings: Settings, environ: Mapping[str, str]
) -> AsyncIterator[tuple[Daemon, aiohttp.ClientSession]]:
    """A daemon at work in this process, and a client of it."""
    stop = asyncio.Event()
    async with running(settings, environ, SystemClock()) as daemon:
        work = asyncio.create_task(daemon.serve(stop, lambda: None))
        try:
            async with aiohttp.ClientSession(daemon.url) as client:
                yield daemon, client
        finally:
            stop.set()
            await work


async def get(client: aiohttp.ClientSession, path: str) -> Any:
    async with client.get(path) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


def test_a_hang_up_that_nohup_ignores_ends_nothing() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        assert signal.SIGHUP in ending_signals()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        assert signal.SIGHUP not in ending_signals()
    finally:
        signal.signal(signal.SIGHUP, before)


async def test_an_image_that_arrives_is_found_by_its_prompt(
    server: FakeA1111, folder: Path, environ: Mapping[str, str]
) -> None:
    async with serving(settings(server, RootSettings(path=folder)), environ) as (_, client):
        (folder / "bare.png").write_bytes(pictures.png())

        async def prompts() -> list[str]:
            images = (await get(client, "/api/v1/images"))["images"]
            return [image["prompt"]["text"] for image in images if image["prompt"]]

        assert await eventually(prompts) == [server.captions["clip"]]
        assert (await get(client, "/health"))["status"] == "ok"


async def test_clients_find_it_while_it_runs_and_not_after(
    server: FakeA1111, folder: Path, environ: Mapping[str, str], tmp_path: Path
) -> None:
    settled = settings(server, RootSettings(path=folder))
    async with running(settled, environ, SystemClock()) as daemon:
        for name, mode in (("state", 0o600), ("run", 0o644)):
            told = runfile.read(tmp_path / name)
            assert told is not None
            assert (told.pid, told.url) == (os.getpid(), daemon.url)
            assert stat.S_IMODE((tmp_path / name / runfile.NAME).stat().st_mode) == mode
        assert runfile.find_daemon(environ, None) == daemon.url
    assert run_files(tmp_path) == []


async def test_a_second_daemon_is_refused_with_the_pid_of_the_first(
    server: FakeA1111, folder: Path, environ: Mapping[str, str], tmp_path: Path
) -> None:
    settled = settings(server, RootSettings(path=folder))
    async with running(settled, environ, SystemClock()):
        with pytest.raises(StartError, match=f"process {os.getpid()},") as raised:
            async with running(settled, environ, SystemClock()):
                pass
        assert raised.value.exit_code == 69
        assert runfile.read(tmp_path / "state") is not None


async def test_a_database_from_the_future_is_left_alone(
    server: FakeA1111, folder: Path, environ: Mapping[str, str], tmp_path: Path
) -> None:
    settled = settings(server, RootSettings(path=folder))
    async with running(settled, environ, SystemClock()):
        pass
    with sqlite3.connect(tmp_path / "state" / "clipwatch.db") as connection:
        connection.execute("PRAGMA user_version = 9999")
    connection.close()
    with pytest.raises(StartError) as raised:
        async with running(settled, environ, SystemClock()):
            pass
    assert raised.value.exit_code == 78
    assert raised.value.hint
    assert run_files(tmp_path) == []


async def test_a_port_in_use_leaves_nothing_open(
    server: FakeA1111, folder: Path, environ: Mapping[str, str], tmp_path: Path
) -> None:
    taken = Settings(
        roots=(RootSettings(path=folder),),
        server=ServerSettings(port=server.port),
        store=StoreSettings(path=tmp_path / "db" / "clipwatch.db"),
    )
    with pytest.raises(StartError, match=f"port {server.port} is in use"):
        async with running(taken, environ, SystemClock()):
            pass
    free = taken.model_copy(update={"server": ServerSettings(port=0)})
    async with running(free, environ, SystemClock()) as daemon:
        assert str(server.port) not in daemon.url


async def test_damage_ends_it_and_the_next_start_salvages(
    server: FakeA1111, folder: Path, environ: Mapping[str, str], tmp_path: Path
) -> None:
    settled = settings(server, RootSettings(path=folder))
    (folder / "a.png").write_bytes(pictures.a1111_png("a lighthouse\nSteps: 20, Seed: 1"))
    async with serving(settled, environ) as (daemon, client):
        await eventually(lambda: is_read(daemon, folder / "a.png"))
    spoil(tmp_path / "state" / "clipwatch.db", "prompt")
    with pytest.raises(StoreError, match="damaged"):
        async with serving(settled, environ) as (daemon, client):
            async with client.get("/api/v1/prompts/search?q=lighthouse") as answer:
                assert answer.status >= 500
            await asyncio.wait_for(daemon.keeping.care.damaged.wait(), 60)
    async with serving(settled, environ) as (daemon, client):
        health = await get(client, "/health")
        assert (health["status"], health["store"]["state"]) == ("degraded", "salvaged")
        assert "salvaged" in health["store"]["reason"]
        await eventually(lambda: is_read(daemon, folder / "a.png"))
        hits = (await get(client, "/api/v1/prompts/search?q=lighthouse"))["hits"]
        assert len(hits) == 1


def spoil(database: Path, table: str) -> None:
    """Overwrite the first page of a table."""
    with closing(sqlite3.connect(database)) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)
        ).fetchone()
    with database.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(b"\xff" * PAGE)


async def test_switched_off_it_makes_no_jobs_and_switched_on_it_makes_them(
    server: FakeA1111, folder: Path, environ: Mapping[str, str]
) -> None:
    root = RootSettings(path=folder)
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes(pictures.png(width=8 + ord(name[0])))
    async with serving(settings(server, root, enabled=False), environ) as (daemon, client):
        await eventually(lambda: has_images(daemon, 2))
        assert await daemon.store.jobs() == []
        health = await get(client, "/api/v1/clip/health")
        assert (health["status"], health["enabled"]) == ("ok", False)
    assert server.calls == []
    async with serving(settings(server, root), environ) as (daemon, client):
        await eventually(lambda: has_prompts(daemon, 2))
    assert len(server.calls) == 2


async def test_a_root_that_is_not_to_be_interrogated_gets_no_jobs(
    server: FakeA1111, folder: Path, environ: Mapping[str, str], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (folder / "a.png").write_bytes(pictures.png())
    (other / "b.png").write_bytes(pictures.png(width=99))
    roots = (RootSettings(path=folder, interrogate=False), RootSettings(path=other))
    for _ in range(2):  # the second start makes up for nothing
        async with serving(settings(server, *roots), environ) as (daemon, _):
            await eventually(lambda: has_images(daemon, 2))
            await eventually(lambda: has_prompts(daemon, 1))
            assert len(await daemon.store.jobs()) == 1
    assert [call.image.width for call in server.calls] == [99]


async def test_an_unfinished_file_of_an_allowed_folder_follows_by_itself(
    server: FakeA1111, folder: Path, environ: Mapping[str, str], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    settled = settings(server, RootSettings(path=folder), allowed_folders=(other,))
    async with serving(settled, environ) as (daemon, client):
        data = pictures.a1111_png()
        (other / "a.png").write_bytes(data[:-20])
        async with client.post("/api/v1/images/scan", json={"path": str(other)}) as answer:
            assert (await answer.json())["unfinished"] == 1
        (other / "a.png").write_bytes(data)
        await eventually(lambda: is_read(daemon, other / "a.png"))


async def is_read(daemon: Daemon, path: Path) -> bool:
    try:
        return (await daemon.store.image_at(os.fsencode(path))).prompt is not None
    except NotFound:
        return False


async def test_a_scan_that_was_cut_off_is_resumed(
    server: FakeA1111, folder: Path, environ: Mapping[str, str]
) -> None:
    settled = settings(server, RootSettings(path=folder), enabled=False)
    for number in range(100):
        (folder / f"{number}.png").write_bytes(pictures.png(width=8 + number))
    body = {"path": str(folder), "recursive": True, "wait": 0}
    async with (
        running(settled, environ, SystemClock()) as daemon,
        aiohttp.ClientSession(daemon.url) as client,
        client.post("/api/v1/images/scan", json=body) as answer,
    ):
        assert answer.status == 202
        scan = await answer.json()
    async with running(settled, environ, SystemClock()) as daemon:

        async def ended() -> bool:
            [batch] = await daemon.store.batches()
            return batch.state is BatchState.DONE and str(batch.batch_id) == scan["id"]

        await eventually(ended)


def run_files(folder: Path) -> list[Path]:
    return list(folder.glob(f"*/{runfile.NAME}*"))


async def has_images(daemon: Daemon, count: int) -> bool:
    return (await daemon.store.counts())["images"] == count


async def has_prompts(daemon: Daemon, count: int) -> bool:
    return (await daemon.store.counts()).get("prompts.clip_generated") == count
