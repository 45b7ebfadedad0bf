"""The same picture in more than one file: real files, scanned as they would be."""

import os
from pathlib import Path

import pytest

from clipwatch.model import Ask, Caption, Priority, PromptType
from clipwatch.pipeline.twins import key_file
from clipwatch.watching.listing import file_stat
from tests import pictures
from tests.clock import ManualClock
from tests.pipeline.asking import Rig, Server, asking
from tests.pipeline.conftest import Parts
from tests.pipeline.test_scan import image_of, observe
from tests.servers.a1111 import FakeA1111
from tests.waiting import eventually

STRIPPED = {
    "png": (pictures.a1111_png(), pictures.png()),
    "jpg": (pictures.a1111_jpeg(), pictures.plain_jpeg()),
    "webp": (pictures.a1111_webp(), pictures.plain_webp()),
}


async def no_job_waits(parts: Parts) -> bool:
    return not any((await parts.store.queue()).ready.values())


@pytest.mark.parametrize("suffix", STRIPPED)
async def test_a_stripped_copy_inherits(parts: Parts, suffix: str) -> None:
    told, stripped = STRIPPED[suffix]
    (parts.folder / f"told.{suffix}").write_bytes(told)
    await observe(parts, f"told.{suffix}")
    (parts.folder / f"stripped.{suffix}").write_bytes(stripped)
    assert (await observe(parts, f"stripped.{suffix}")).queued == 0
    giver = await image_of(parts, f"told.{suffix}")
    heir = await image_of(parts, f"stripped.{suffix}")
    assert giver.prompt is not None and heir.prompt is not None
    assert giver.image_id != heir.image_id
    assert (heir.prompt.type, heir.prompt.text) == (PromptType.INHERITED, giver.prompt.text)
    assert await no_job_waits(parts)


@pytest.mark.parametrize("suffix", STRIPPED)
async def test_metadata_stripped_in_place_cost_no_prompt(parts: Parts, suffix: str) -> None:
    told, stripped = STRIPPED[suffix]
    path = parts.folder / f"one.{suffix}"
    path.write_bytes(told)
    await observe(parts, path.name)
    path.write_bytes(stripped)
    os.utime(path, (1_600_000_000, 1_600_000_000))
    assert (await observe(parts, path.name)).queued == 0
    image = await image_of(parts, path.name)
    assert image.prompt is not None
    assert (image.revision, image.prompt.type) == (2, PromptType.INHERITED)


async def test_both_may_arrive_together_and_the_one_that_is_told_later(parts: Parts) -> None:
    names = ("0.png", "1.png")
    for name, data in zip(names, reversed(STRIPPED["png"]), strict=True):
        (parts.folder / name).write_bytes(data)
    assert (await observe(parts, *names)).queued == 0
    assert await no_job_waits(parts)


async def test_another_picture_of_the_same_size_is_asked_for(parts: Parts) -> None:
    (parts.folder / "told.png").write_bytes(STRIPPED["png"][0])
    (parts.folder / "other.png").write_bytes(pictures.png(colour=(1, 2, 3)))
    assert (await observe(parts, "told.png", "other.png")).queued == 1


async def test_the_original_may_be_gone_by_then(parts: Parts) -> None:
    told, stripped = STRIPPED["png"]
    for name, data in (("a.png", told), ("b.png", stripped)):
        (parts.folder / name).write_bytes(data)
        await observe(parts, name)
    for name in ("a.png", "b.png"):
        (parts.folder / name).unlink()
        await observe(parts, name)
    (parts.folder / "c.png").write_bytes(pictures.png([pictures.text_chunk("Title", "mine")]))
    assert (await observe(parts, "c.png")).queued == 0


async def test_an_answer_is_repeated_under_other_metadata(parts: Parts) -> None:
    (parts.folder / "a.png").write_bytes(STRIPPED["png"][1])
    await observe(parts, "a.png")
    job = await parts.store.claim(parts.clock.now())
    assert job is not None
    await parts.store.finish(
        job,
        Caption("a red square", "clip"),
        backend="default",
        kind="sdapi",
        duration_ms=9,
        now=parts.clock.now(),
    )
    (parts.folder / "b.png").write_bytes(pictures.png([pictures.text_chunk("Title", "mine")]))
    assert (await observe(parts, "b.png")).queued == 0
    image = await image_of(parts, "b.png")
    assert image.prompt is not None
    assert (image.prompt.text, image.prompt.cached) == ("a red square", True)


def test_a_file_that_changed_meanwhile_has_no_key(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(pictures.png())
    stat, name = file_stat(path.stat()), os.fsencode(path)
    assert key_file(name, stat) is not None
    path.write_bytes(pictures.png(width=9))
    assert key_file(name, stat) is None
    path.unlink()
    assert key_file(name, stat) is None


# --- when the file is read for a server ------------------------------------------------------


async def test_a_job_whose_picture_is_known_costs_no_call(rig: Rig, server: FakeA1111) -> None:
    first = await rig.add(pictures.png())
    rig.start()
    await eventually(rig.done)
    second = await rig.add(pictures.png([pictures.text_chunk("Title", "mine")]))
    await eventually(rig.done)
    assert len(server.calls) == 1
    prompts = [await rig.prompt(image_id) for image_id in (first, second)]
    assert prompts[0] is not None and prompts[1] is not None
    assert prompts[0].text == prompts[1].text
    assert [prompt.cached for prompt in prompts if prompt] == [False, True]


async def test_another_model_is_another_question(rig: Rig, server: FakeA1111) -> None:
    one = await rig.add(pictures.png(), priority=None)
    two = await rig.add(pictures.png([pictures.text_chunk("Title", "x")]), priority=None)
    rig.start()
    for image_id, ask, calls in (
        (one, Ask(), 1),
        (two, Ask(), 1),
        (two, Ask(model="deepdanbooru"), 2),
        (one, Ask(model="deepdanbooru"), 2),
        (one, Ask(model="deepdanbooru", force=True), 3),
    ):
        answer = await rig.interrogations.ask(image_id, ask)
        assert answer.prompt.image_id == image_id
        assert len(server.calls) == calls
    assert len(await rig.store.prompts(one)) == 3


async def test_another_default_model_asks_nothing_again(
    rig: Rig, clock: ManualClock, server: FakeA1111, tmp_path: Path
) -> None:
    await rig.add(pictures.png())
    rig.start()
    await eventually(rig.done)
    assert rig.running is not None
    rig.running.cancel()
    one = Server(server.url, model="deepdanbooru")
    async with asking(rig.store, clock, tmp_path / "others", one) as other:
        assert await other.store.make_jobs([rig.root.root_id], clock.now()) == 0
        await other.add(pictures.png([pictures.text_chunk("Title", "x")]), priority=Priority.NEW)
        other.start()
        await eventually(other.done)
        assert len(server.calls) == 1
