"""How fast pictures come back whose prompts are known: under new names, with other metadata.

A daemon imports images without a prompt; each then gets an answer in the ledger, as a back end
would give it. Their pixels lie in another folder, too, every file with another title: a second
daemon imports that folder, with its queue running and a server that counts. The import of images
that nobody knows is the floor; it ends with a job for each.
"""

import asyncio
import os
import random
import sys
import tempfile
import time
from pathlib import Path

from aiohttp import web

from benchmarks import report
from benchmarks.corpus import png_of
from benchmarks.first_import import apart, imported, settings_for
from clipwatch import log
from clipwatch.clock import SystemClock
from clipwatch.daemon import Daemon, running
from clipwatch.embedded.pixels import pixel_key
from clipwatch.model import Caption, Job, Tag, TagOrigin
from clipwatch.settings import ClipSettings, Settings, WatchingSettings

IMAGES = 10_000
WIDTH, HEIGHT = 128, 192
AT_ONCE = 500
FILES_A_FOLDER = 250


def main() -> None:
    """Measure, and print the table."""
    with tempfile.TemporaryDirectory(prefix="clipwatch-") as name:
        work = Path(name)
        for folder in ("first", "again"):
            _write(work / folder, folder)
        time.sleep(WatchingSettings().quiet_secs)
        first, again, cpu, calls, prompts = apart(_measure, work)
    report.show(
        f"{IMAGES:,} images whose pixels are known, re-added under other names and metadata",
        [
            f"PNG of {WIDTH} x {HEIGHT} noise without a prompt; a title in each is new",
            "the floor: as many of which nothing is known, a job for each; one core",
        ],
        [
            (f"{first / again:.2f} x", "the floor's speed"),
            (f"{IMAGES / again:,.0f}/s", "images with their prompts; goal: 1,000"),
            (f"{IMAGES / first:,.0f}/s", "images of the floor"),
            (f"{1000 * cpu / IMAGES:.2f} ms", "CPU an image whose pixels are known"),
            (str(calls), "calls of the back end; goal: none"),
            (f"{prompts:,}", "prompts stored from the ledger"),
        ],
    )


def _write(folder: Path, title: str) -> None:
    """The same pixels for each number in every folder."""
    for number in range(IMAGES):
        inside = folder / f"{number // FILES_A_FOLDER:03}"
        inside.mkdir(parents=True, exist_ok=True)
        data = png_of(WIDTH, HEIGHT, random.Random(number), f"{title} {number}")
        (inside / f"{title}-{number:05}.png").write_bytes(data)


def _measure(work: Path) -> tuple[float, float, float, int, int]:
    output = log.configure("error", "json", sys.stderr, environ={})
    answer = asyncio.run(_both(work))
    output.close()
    return answer


async def _both(work: Path) -> tuple[float, float, float, int, int]:
    first = await _import(settings_for(work / "first", work), work, fill=True)
    server = Server()
    async with server:
        settings = settings_for(work / "again", work)
        settings = settings.model_copy(update={"clip": ClipSettings(base_url=server.url)})
        again = await _import(settings, work, fill=False)
    return first[0], again[0], again[1], server.calls, again[2]


async def _import(settings: Settings, state: Path, *, fill: bool) -> tuple[float, float, int]:
    """Seconds until the folder is imported, of CPU too, and how many prompts were stored."""
    async with running(settings, {"STATE_DIRECTORY": str(state)}, SystemClock()) as daemon:
        before = (await daemon.store.counts()).get("prompts.clip_generated", 0)
        work = [asyncio.create_task(daemon.consumer.run())]
        if not fill:
            work.append(asyncio.create_task(daemon.interrogations.run()))
        began, spent = time.perf_counter(), time.process_time()
        await imported(daemon, work[0])
        seconds, cpu = time.perf_counter() - began, time.process_time() - spent
        if fill:
            await _answer_all(daemon)
        after = (await daemon.store.counts()).get("prompts.clip_generated", 0)
        for task in work:
            task.cancel()
        await asyncio.wait(work)
    if after - before != IMAGES:
        raise SystemExit(f"of {IMAGES} images {after - before} got a prompt from the ledger")
    return seconds, cpu, after - before


async def _answer_all(daemon: Daemon) -> None:
    """End every job as a back end's answer would, many to a commit."""
    while True:
        now = daemon.clock.now()
        jobs = await asyncio.gather(*(daemon.store.claim(now) for _ in range(AT_ONCE)))
        leased = [job for job in jobs if job is not None]
        await asyncio.gather(*(_answer(daemon, job) for job in leased))
        if len(leased) < AT_ONCE:
            return


async def _answer(daemon: Daemon, job: Job) -> None:
    image = await daemon.store.image(job.image_id)
    data = await asyncio.to_thread(Path(os.fsdecode(image.location.absolute)).read_bytes)
    words = [f"word {job.image_id.int % 9973}", "noise", "no particular subject"]
    await daemon.store.finish(
        job,
        Caption(", ".join(words), "clip", tuple(Tag(w, TagOrigin.GENERATED) for w in words)),
        backend="default",
        kind="sdapi",
        duration_ms=50,
        now=daemon.clock.now(),
        pixel_key=pixel_key(data),
    )


class Server:
    """A server that is never asked, if all is well: it counts what arrives."""

    def __init__(self) -> None:
        self.calls = 0
        self.url = ""

    async def __aenter__(self) -> "Server":
        app = web.Application(client_max_size=1 << 28)
        app.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        self.calls += request.path.endswith("/interrogate") and request.method == "POST"
        return web.json_response({"caption": "a picture of noise"})


if __name__ == "__main__":
    main()
