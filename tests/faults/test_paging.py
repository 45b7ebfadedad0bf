"""Lists that are paged through while images arrive, go, come back, are forgotten, tagged and
interrogated: what stays is listed once, and nothing fails."""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests import pictures
from tests.faults.conftest import times
from tests.faults.library import Library, library

#: With what comes and goes no more than are ordered by relevance.
STEADY = times(long=800, short=150)
#: Lists that each client reads to the end.
LISTS = times(long=60, short=6)
CLIENTS = 4
#: Names that files come and go under.
NAMES = 120

LISTED = (
    "", "picture", "picture OR fresh", "number* -absent", "has:prompt", "path:*.png",
    "folder:0 OR folder:1 OR folder:2 OR picture", "tag:absent OR picture", "is:square picture",
    "-absent",
)  # fmt: skip
ROUTES = ("/api/v1/images", "/api/v1/prompts/search")
SORTS = ("newest", "oldest", "added", "path", "relevance")
LIMITS = (1, 7, 50, 499, 500)

pytestmark = pytest.mark.timeout(120 + 30 * LISTS)


@dataclass
class Exercise:
    """What happens meanwhile, and what was wrong."""

    lib: Library
    client: aiohttp.ClientSession
    folder: Path
    random: random.Random
    #: by route and search, what each found before anything happened
    stays: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    wrong: list[str] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)

    async def ask(self, method: str, path: str, *allowed: int, **more: Any) -> Any:
        """What is answered, None where that is an error which is allowed."""
        async with self.client.request(method, path, **more) as answer:
            self.happened[f"{method} {answer.status}"] += 1
            if answer.status in allowed:
                return None
            if not answer.ok:
                self.wrong.append(f"{method} {path} {more}: {await answer.text()}")
                raise AssertionError(self.wrong[-1])
            return await answer.json()

    # --- what happens ------------------------------------------------------------------------

    async def write(self) -> None:
        """Files come, are written over, moved and deleted."""
        number = STEADY
        while not self.done.is_set():
            path = self.folder / f"{self.random.randrange(NAMES)}.png"
            match self.random.choice(("write", "write", "bare", "delete", "move")):
                case "write" | "bare" as way:
                    number += 1
                    await asyncio.to_thread(path.write_bytes, _picture(number, way))
                case "delete":
                    with suppress(FileNotFoundError):
                        path.unlink()
                case "move":
                    with suppress(FileNotFoundError):
                        path.rename(path.with_name(f"{self.random.randrange(NAMES)}.png"))
            await asyncio.sleep(0.01)

    async def change(self) -> None:
        """Images are tagged, written about, and those that come and go forgotten."""
        steady = list(self.lib.known.values())
        while not self.done.is_set():
            one = self.random.choice(steady)
            match self.random.choice(("tag", "untag", "prompt", "forget", "prune", "scan")):
                case "tag":
                    await self.ask("PUT", f"/api/v1/images/{one}/tags/favourite")
                case "untag":
                    await self.ask("DELETE", f"/api/v1/images/{one}/tags/favourite")
                case "prompt":
                    # Its place by relevance may change, so it is one of those that come and go.
                    page = await self.ask("GET", "/api/v1/images", params={"q": "fresh"})
                    text = {"text": f"fresh picture that I like {self.random.random()}"}
                    for image in page["images"][:1]:
                        await self.ask(
                            "POST", f"/api/v1/prompts/image/{image['id']}", 404, json=text
                        )
                case "forget":
                    asked = {"q": self.random.choice(("fresh", "is:missing")), "limit": "5"}
                    page = await self.ask("GET", "/api/v1/images", params=asked)
                    for image in page["images"]:
                        if image["id"] not in steady:
                            await self.ask("DELETE", f"/api/v1/images/{image['id']}", 404)
                case "prune":
                    prune = {"missing_days": 0, "dry_run": False}
                    await self.ask("POST", "/api/v1/images/prune", json=prune)
                case "scan":
                    scan = {"path": str(self.folder)}
                    await self.ask("POST", "/api/v1/images/scan", json=scan)
            await asyncio.sleep(0.02)

    # --- what is read ------------------------------------------------------------------------

    async def look(self) -> None:
        """See what each search finds while all is calm."""
        for route in ROUTES:
            for q in LISTED:
                pages = self.pages(route, {"q": q, "limit": "500"})
                self.stays[route, q] = {one async for page in pages for one in _ids(page)}

    async def read(self) -> None:
        for _ in range(LISTS):
            await self.read_list()
            await self.read_others()

    async def read_list(self) -> None:
        """A list to its end: each image that stays is in it once, and no other is twice."""
        route, q = self.random.choice(ROUTES), self.random.choice(LISTED)
        sort = self.random.choice(SORTS)
        asked = {"q": q, "limit": str(self.random.choice(LIMITS)), "sort": sort}
        found: Counter[str] = Counter()
        async for page in self.pages(route, asked):
            found.update(_ids(page))
        repeated = {one: times for one, times in found.items() if times > 1}
        if sort in ("path", "relevance"):
            # What is moved, or written about, has another place from then on.
            repeated = {one: repeated[one] for one in repeated.keys() & self.lib.known.values()}
        skipped = self.stays[route, q] - found.keys()
        if repeated or skipped:
            self.wrong.append(f"{route} {asked}: repeated {repeated}, skipped {skipped}")

    async def pages(self, route: str, asked: Mapping[str, str]) -> Any:
        cursor: str | None = ""
        while cursor is not None:
            page = await self.ask("GET", route, params={**asked, "cursor": cursor})
            yield page
            cursor = page["next_cursor"]

    async def read_others(self) -> None:
        """What else lists or counts."""
        asked = {"limit": str(self.random.choice(LIMITS))}
        found: Counter[str] = Counter()
        async for page in self.pages("/api/v1/jobs", asked):
            found.update(job["id"] for job in page["jobs"])
        if repeated := {job for job, times in found.items() if times > 1}:
            self.wrong.append(f"jobs repeated: {repeated}")
        q = self.random.choice(LISTED)
        for path, parameters in (
            ("/api/v1/facets", {"q": q}), ("/api/v1/complete", {"q": "pict"}),
            ("/api/v1/stats", {}), ("/api/v1/tags", {}), ("/api/v1/roots", {}), ("/health", {}),
        ):  # fmt: skip
            await self.ask("GET", path, params=parameters)
        await self.read_changes()

    async def read_changes(self) -> None:
        since, numbers = 0, list[int]()
        while True:
            asked = {"since": str(since), "limit": "500"}
            page = await self.ask("GET", "/api/v1/changes", params=asked)
            numbers += [change["seq"] for change in page["changes"]]
            if not page["changes"]:
                break
            since = page["next_since"]
        if numbers != sorted(set(numbers)):
            self.wrong.append("changes out of order")


def _ids(page: Mapping[str, Any]) -> list[str]:
    """Of the images on a page of either route."""
    if "hits" in page:
        return [hit["image"]["id"] for hit in page["hits"]]
    return [image["id"] for image in page["images"]]


def _picture(number: int, way: str) -> bytes:
    colour = (number & 255, number >> 8 & 255, number >> 16 & 255)
    if way == "bare":
        return pictures.png(colour=colour)
    text = f"fresh number{number}\nSteps: 20, Sampler: Euler, Seed: {number}"
    return pictures.a1111_png(text, colour=colour)


async def _until_read(readers: Sequence["asyncio.Task[None]"], done: asyncio.Event) -> None:
    try:
        await asyncio.gather(*readers)
    finally:
        done.set()


async def test_lists_hold_what_stays_once_while_all_else_changes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = tmp_path / "images"
    seed = int(os.environ.get("SEED", "0"))
    async with library(tmp_path / "state", [images], STEADY) as lib:
        fresh = images / "fresh"
        fresh.mkdir()
        async with aiohttp.ClientSession(lib.daemon.url) as client:
            exercise = Exercise(lib, client, fresh, random.Random(seed))
            await exercise.look()
            readers = [asyncio.create_task(exercise.read()) for _ in range(CLIENTS)]
            async with asyncio.TaskGroup() as group:
                group.create_task(exercise.write())
                group.create_task(exercise.change())
                group.create_task(_until_read(readers, exercise.done))
        assert not exercise.wrong, "\n".join(exercise.wrong)
        assert not lib.daemon.logged("request.failed")
    with capsys.disabled():
        print(f"\n{CLIENTS * LISTS} lists of {STEADY} images read: {dict(exercise.happened)}")
