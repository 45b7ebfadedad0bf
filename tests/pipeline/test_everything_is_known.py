"""Whatever happens to files, daemon and database in whatever order: what is known stays right.

``FORM=long`` tries a hundred times as many stories, and makes one that fails as short as it can be.
"""

import asyncio
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from clipwatch.clock import SystemClock
from clipwatch.errors import NotFound, PictureRejected
from clipwatch.interrogators.picture import make_picture
from clipwatch.metrics import make_metrics
from clipwatch.model import Caption, Job, JobState, LocationState, Priority, PromptType
from clipwatch.pipeline.forget import forget
from clipwatch.pipeline.scan import Scanner, WatchedRoot
from clipwatch.pipeline.sweep import Sweeper
from clipwatch.store.sqlite import SqliteStore, open_store
from clipwatch.watching.listing import IgnoreRules
from clipwatch.watching.settle import Tracker
from tests.pipeline.telling import Content, File, is_told, places_of
from tests.store.consistency import inconsistencies

LONG = os.environ.get("FORM") == "long"
MEMORY = Path("/dev/shm")  #: where flushing costs nothing, however busy the disks are
ROOTS = ("a", "b")
NAMES = st.builds(
    lambda root, folder, name: Path(root, folder, f"{name}.png"),
    st.sampled_from(ROOTS),
    st.sampled_from(("", "day", "day/late")),
    st.sampled_from("xyz"),
)
PIXELS = st.integers(1, 4)
#: What the file says; nothing where it carries no prompt.
TEXTS = st.sampled_from((None, None, "one cat", "two dogs, lake"))
T = TypeVar("T")

pytestmark = pytest.mark.timeout(3600 if LONG else 600)


class Stories(RuleBasedStateMachine):
    """Two roots of a few files, a store, and the scanning half of the pipeline."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
        self.files: dict[Path, File] = {}
        self.jobs: list[Job] = []
        self.forgotten: set[UUID] = set()
        self.forgotten_contents: set[Content] = set()
        self.shelf: list[File] = []  #: what was taken out of both roots, and may come back
        self.edited: dict[UUID, str] = {}
        self.places = {name: self.folder / name for name in ROOTS}
        self.generation = 0
        for place in self.places.values():
            place.mkdir()
        self.state = self.folder / "state-0"
        self.run(self.open())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    async def open(self) -> None:
        self.clock = SystemClock()
        self.store: SqliteStore = await open_store(self.state / "clipwatch.db", self.clock)
        await self.store.recover(self.clock.now())
        assert (await self.store.queue()).leased == 0
        metrics, tracker = make_metrics(), Tracker(0.0)
        self.scanner = Scanner(self.store, clock=self.clock, metrics=metrics, tracker=tracker)
        self.sweeper = Sweeper(self.store, self.scanner, clock=self.clock, metrics=metrics)
        await self.register()

    async def register(self) -> None:
        self.roots = {
            name: WatchedRoot(
                await self.store.register_root(os.fsencode(place)), IgnoreRules.of((".*",))
            )
            for name, place in self.places.items()
        }

    def teardown(self) -> None:
        try:
            self.settle()
        finally:
            self.run(self.store.close())
            self.runner.close()
            shutil.rmtree(self.folder)

    def on_disk(self, file: Path) -> Path:
        return self.places[file.parts[0]].joinpath(*file.parts[1:])

    # --- what users and programs do to files -----------------------------------------------------

    @rule(file=NAMES, pixels=PIXELS, text=TEXTS)
    def write(self, file: Path, pixels: int, text: str | None) -> None:
        """A new file, or one written in place."""
        content = Content(pixels, text)
        self.on_disk(file).parent.mkdir(parents=True, exist_ok=True)
        self.on_disk(file).write_bytes(content.bytes())
        self.files[file] = File(content, forgotten=content in self.forgotten_contents)

    def some(self, data: st.DataObject) -> Path:
        assume(self.files)
        return data.draw(st.sampled_from(sorted(self.files)))

    @rule(data=st.data(), to=NAMES)
    def move(self, data: st.DataObject, to: Path) -> None:
        """To a free name, or over another file."""
        file = self.some(data)
        assume(to != file)
        self.on_disk(to).parent.mkdir(parents=True, exist_ok=True)
        self.on_disk(file).rename(self.on_disk(to))
        self.files[to] = replace(self.files.pop(file), unseen=True)

    @rule(data=st.data())
    def swap(self, data: st.DataObject) -> None:
        one, other = self.some(data), self.some(data)
        self.on_disk(one).rename(self.folder / "between")
        if one != other:
            self.on_disk(other).rename(self.on_disk(one))
        (self.folder / "between").rename(self.on_disk(other))
        both = {one: self.files[other], other: self.files[one]}
        self.files |= {file: replace(known, unseen=True) for file, known in both.items()}

    @rule(data=st.data())
    def touch(self, data: st.DataObject) -> None:
        file = self.some(data)
        self.on_disk(file).touch()
        self.files[file] = replace(self.files[file], unseen=True)

    @rule(data=st.data(), to=NAMES, keeps_times=st.booleans())
    def copy(self, data: st.DataObject, to: Path, keeps_times: bool) -> None:
        """To a free name, or into another file."""
        file = self.some(data)
        assume(to != file)
        self.on_disk(to).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copy2 if keeps_times else shutil.copy)(self.on_disk(file), self.on_disk(to))
        self.files[to] = replace(self.files[file], unseen=True)

    @rule(data=st.data())
    def take_away(self, data: st.DataObject) -> None:
        file = self.some(data)
        self.on_disk(file).rename(self.folder / f"shelf-{len(self.shelf)}")
        self.shelf.append(self.files.pop(file))

    @precondition(lambda self: self.shelf)
    @rule(to=NAMES)
    def bring_back(self, to: Path) -> None:
        known = self.shelf.pop()
        self.on_disk(to).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / f"shelf-{len(self.shelf)}").rename(self.on_disk(to))
        self.files[to] = replace(known, unseen=True)

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        file = self.some(data)
        self.on_disk(file).unlink()
        del self.files[file]

    @rule(root=st.sampled_from(ROOTS))
    def rename_folder(self, root: str) -> None:
        """``day`` becomes ``night`` and is ``day`` again, empty."""
        day = self.places[root] / "day"
        assume(day.is_dir() and not (self.places[root] / "night").exists())
        day.rename(self.places[root] / "night")
        for file in [one for one in self.files if one.parts[:2] == (root, "day")]:
            moved = replace(self.files.pop(file), unseen=True)
            self.files[Path(root, "night", *file.parts[2:])] = moved

    # --- what the daemon does --------------------------------------------------------------------

    @rule(root=st.sampled_from(ROOTS))
    def sweep(self, root: str) -> None:
        self.doubt(root)
        self.run(self.sweeper.sweep(self.roots[root], priority=Priority.NEW))

    @rule(files=st.lists(NAMES, min_size=1, max_size=4))
    def hint(self, files: Sequence[Path]) -> None:
        for file in files:
            self.doubt(None)
            path = os.fsencode(Path(*file.parts[1:]))
            self.run(self.scanner.observe(self.roots[file.parts[0]], [path], priority=Priority.NEW))

    @rule()
    def claim(self) -> None:
        job = self.run(self.store.claim(self.clock.now()))
        if job is not None:
            self.jobs.append(job)

    @precondition(lambda self: self.jobs)
    @rule(end=st.sampled_from(("answer", "answer", "answer", "release", "bury")))
    def end_job(self, end: str) -> None:
        self.run(self.ended(self.jobs.pop(0), end))

    async def ended(self, job: Job, end: str) -> None:
        now = self.clock.now()
        try:
            image = await self.store.image(job.image_id)
        except NotFound:
            return
        if end == "bury":
            await self.store.bury(job, error="no", now=now)
        elif end == "release":
            await self.store.release(job, run_at=now, error="no", attempted=True)
        else:
            await self.answered(job, image.location.absolute)

    async def answered(self, job: Job, path: bytes) -> None:
        """As a worker does: recognise it, or ask and store."""
        now = self.clock.now()
        try:
            picture = await asyncio.to_thread(make_picture, path)
        except PictureRejected:
            await self.store.release(job, run_at=now, error="gone", attempted=False)
            return
        content_hash, pixel_key = picture.content_hash, picture.pixel_key
        if await self.store.recognise(job, content_hash=content_hash, pixel_key=pixel_key, now=now):
            return
        if (await self.store.job(job.job_id)).token != job.token:
            return
        assert pixel_key not in await self.answered_pixels(), "asked again"
        await self.store.finish(
            job,
            Caption(f"seen {pixel_key!r}", "model-x"),
            backend="default",
            kind="sdapi",
            duration_ms=1,
            now=now,
            content_hash=content_hash,
            pixel_key=pixel_key,
        )

    async def answered_pixels(self) -> set[bytes]:
        rows = await self.store._read(
            lambda it: it.execute(
                "SELECT DISTINCT pixel_key FROM image JOIN prompt ON prompt.id = generated_prompt"
            ).fetchall()
        )
        return {key for (key,) in rows}

    @rule()
    def restart(self) -> None:
        """In order."""
        self.jobs.clear()
        self.run(self.store.close())
        self.run(self.open())

    @rule()
    def crash(self) -> None:
        """What is on the disk at this moment is all that the next daemon finds."""
        self.generation += 1
        after = self.folder / f"state-{self.generation}"
        after.mkdir()
        for name in ("clipwatch.db", "clipwatch.db-wal"):
            if (self.state / name).exists():
                shutil.copyfile(self.state / name, after / name)
        self.run(self.store.close())
        shutil.rmtree(self.state)
        self.state = after
        self.jobs.clear()
        self.run(self.open())
        assert self.store.care.unclean

    # --- what users tell the daemon --------------------------------------------------------------

    @rule(data=st.data())
    def forget(self, data: st.DataObject) -> None:
        self.settle()
        file = self.some(data)
        if self.files[file].forgotten or self.files[file].loose:
            return
        image = self.run(self.store.image_at(os.fsencode(self.on_disk(file))))
        self.forgotten.add(image.image_id)
        self.forgotten_contents.add(self.files[file].content)
        self.run(forget(self.store, image.image_id, self.clock.now()))

        def after(known: File) -> File:
            if known.image_id == image.image_id:
                return replace(known, forgotten=True, image_id=None)
            same = known.content in self.forgotten_contents and not known.forgotten
            return replace(known, loose=True, image_id=None) if same else known

        self.files = {file: after(known) for file, known in self.files.items()}
        self.shelf = [after(known) for known in self.shelf]

    @rule(data=st.data(), text=st.sampled_from(("mine", "mine, better")))
    def edit(self, data: st.DataObject, text: str) -> None:
        self.settle()
        file = self.some(data)
        image_id = self.files[file].image_id
        if image_id is not None:
            self.run(self.store.write_prompt(image_id, text, "", self.clock.now()))
            self.edited[image_id] = text

    @rule()
    def prune(self) -> None:
        self.settle()
        now = self.clock.now()
        self.run(self.store.prune(now + 1, now))

    @rule(root=st.sampled_from(ROOTS))
    def relocate(self, root: str) -> None:
        old = self.places[root]
        self.generation += 1
        new = self.folder / f"{root}-{self.generation}"
        old.rename(new)
        self.places[root] = new
        self.run(self.store.relocate(os.fsencode(old), os.fsencode(new)))
        self.run(self.register())

    # --- what cannot be told ---------------------------------------------------------------------

    def doubt(self, sweeping: str | None) -> None:
        """Before the daemon looks, as a sweep of this root or at a hint: expect nothing of files of
        which nothing is left that tells which image they are."""
        together = self.places[sweeping] if sweeping else None
        for file, one in self.files.items():
            if one.unseen and one.image_id:
                known = self.run(places_of(self.store, one.image_id))
                if not is_told(self.on_disk(file), known, together):
                    self.files[file] = replace(one, image_id=None)

    # --- what must hold --------------------------------------------------------------------------

    @rule()
    def settle(self) -> None:
        """Compare both roots until nothing is doubted; then everything must be known."""
        for _ in range(3):
            for root, watched in self.roots.items():
                self.doubt(root)
                self.run(self.sweeper.sweep(watched, priority=Priority.NEW))
        self.run(self.check())

    async def check(self) -> None:
        rows = await self.store._read(
            lambda it: it.execute(
                "SELECT CAST(root.path || '/' || location.path AS BLOB), location.state"
                " FROM location JOIN root USING (root_id) WHERE state <> 'missing'"
            ).fetchall()
        )
        known = Counter(path for path, _ in rows)
        assert set(known.values()) <= {1}
        firm = {
            os.fsencode(self.on_disk(file))
            for file, one in self.files.items()
            if not (one.forgotten or one.loose)
        }
        loose = {os.fsencode(self.on_disk(f)) for f, one in self.files.items() if one.loose}
        assert firm <= known.keys()
        assert known.keys() <= firm | loose
        assert {state for _, state in rows} <= {LocationState.PRESENT}
        for file, one in list(self.files.items()):
            if not (one.forgotten or one.loose):
                await self.check_file(file, one)
        for image_id in self.forgotten:
            with pytest.raises(NotFound):
                await self.store.image(image_id)
        assert await self.store._write(inconsistencies) == []

    async def check_file(self, file: Path, one: File) -> None:
        image = await self.store.image_at(os.fsencode(self.on_disk(file)))
        assert one.image_id in (None, image.image_id), f"{file} was {one.image_id}"
        self.files[file] = replace(one, image_id=image.image_id, unseen=False)
        prompts = await self.store.prompts(image.image_id)
        current = next((prompt for prompt in prompts if prompt.current), None)
        if image.image_id in self.edited:
            assert current is not None
            assert current.text == self.edited[image.image_id]
        elif one.content.text is not None:
            assert current is not None
            assert (current.type, current.text) == (PromptType.EMBEDDED, one.content.text)
        elif current is None:
            jobs = await self.store.jobs(limit=1000)
            ours = {job.state for job in jobs if job.image_id == image.image_id}
            assert ours & {JobState.READY, JobState.LEASED, JobState.DEAD}, "nothing will be done"
        else:
            assert current.type in (PromptType.INHERITED, PromptType.CLIP_GENERATED)


Stories.TestCase.settings = settings(
    max_examples=600 if LONG else 6,
    stateful_step_count=40 if LONG else 20,
    # To make a story shorter takes minutes: nobody is to wait for that unasked.
    phases=set(Phase) if LONG else set(Phase) - {Phase.shrink, Phase.explain},
    suppress_health_check=list(HealthCheck),
)
TestStories = Stories.TestCase
