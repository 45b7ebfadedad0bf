"""Runs the daemon on sample images and prints what happens."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp

from clipwatch import log
from clipwatch.clock import SystemClock
from clipwatch.daemon import running
from clipwatch.demo.images import Sample, samples
from clipwatch.demo.server import MODEL, demo_server
from clipwatch.printable import printable
from clipwatch.settings import (
    BackendSettings,
    RootSettings,
    ServerSettings,
    Settings,
    StoreSettings,
)
from clipwatch.web.listening import free_port

FIRST = 10
EVERY_SECS = 3.0
LOOK_SECS = 0.2
PORT = 9000

Say = Callable[[str], None]


def show(seconds: float | None, say: Say) -> int:
    """Run the demonstration for so long, or until interrupted; the exit code."""
    output = log.configure("warning", "auto", sys.stderr, environ=os.environ)
    try:
        with tempfile.TemporaryDirectory(prefix="clipwatch-demo-") as folder:
            return asyncio.run(_show(Path(folder), seconds, say))
    finally:
        output.close()


async def _show(folder: Path, seconds: float | None, say: Say) -> int:
    images = folder / "images"
    images.mkdir()
    source = samples()
    for sample in (next(source) for _ in range(FIRST)):
        _drop(images, sample)
    async with demo_server() as backend:
        settings = _settings(folder, images, backend)
        environ = {"STATE_DIRECTORY": str(folder / "state")}
        async with running(settings, environ, SystemClock()) as daemon:
            say(f"{FIRST} sample images in {images}")
            say(f"a server that looks at pixels, model {MODEL}, at {backend}")
            say(f"clipwatch watches the folder: open {daemon.url} in a browser\n")
            stop = _stop_event(seconds)
            served = asyncio.create_task(daemon.serve(stop, lambda: None))
            async with aiohttp.ClientSession(daemon.url, trust_env=False) as client:
                told = await _narrate(client, images, source, stop, say)
                await _search(client, say)
            stop.set()
            await served
    say(f"\nThe end: {told} prompts stored, and nothing left behind.")
    return 0 if told else 1


def _settings(folder: Path, images: Path, backend: str) -> Settings:
    port: int = PORT
    if not _is_free(port):
        port = free_port("127.0.0.1", PORT) or 0
    return Settings(
        roots=(RootSettings(path=images),),
        server=ServerSettings(port=port),
        store=StoreSettings(path=folder / "state" / "clipwatch.db"),
        backends=(BackendSettings(name="demo", kind="generic", url=backend, model=MODEL),),
    )


def _is_free(port: int) -> bool:
    return free_port("127.0.0.1", port - 1) == port


def _stop_event(seconds: float | None) -> asyncio.Event:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if seconds is not None:
        loop.call_later(seconds, stop.set)
    return stop


async def _narrate(
    client: aiohttp.ClientSession,
    images: Path,
    source: Iterator[Sample],
    stop: asyncio.Event,
    say: Say,
) -> int:
    """Drop a new image now and then, and say of every prompt where it comes from; how many."""
    told, next_drop = set[str](), 0.0
    loop = asyncio.get_running_loop()
    while not stop.is_set():
        if loop.time() >= next_drop:
            next_drop = loop.time() + EVERY_SECS
            sample = next(source)
            _drop(images, sample)
            say(f"+ {sample.name}: {sample.about}")
        page = await _get(client, "/api/v1/images?limit=500")
        for image in reversed(page["images"]):
            if image["prompt"] and image["id"] not in told:
                told.add(image["id"])
                say(f"  {_line(image)}")
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_SECS)
    return len(told)


def _line(image: Mapping[str, Any]) -> str:
    prompt = image["prompt"]
    where = "interrogated" if prompt["type"] == "clip_generated" else f"found {prompt['type']}"
    return printable(f"{Path(image['path']).name:24} {where:15} {prompt['text']}")


async def _search(client: aiohttp.ClientSession, say: Say) -> None:
    say("")
    for words in ("sunset sea", "midnight blue", "portrait -midnight"):
        found = await _get(client, "/api/v1/images", q=words)
        names = ", ".join(Path(image["path"]).name for image in found["images"][:3])
        say(f"  search {words!r}: {len(found['images'])} found: {printable(names)}")


async def _get(client: aiohttp.ClientSession, path: str, **query: str) -> Any:
    async with client.get(path, params=query) as answer:
        answer.raise_for_status()
        return await answer.json()


def _drop(folder: Path, sample: Sample) -> None:
    """Write it as a careful tool does: under another name, then moved into place."""
    unfinished = folder / f".{sample.name}.tmp"
    unfinished.write_bytes(sample.data)
    unfinished.replace(folder / sample.name)
