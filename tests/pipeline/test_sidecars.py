import os

from clipwatch.model import Image, LocationState, Priority, PromptType, ScanCounts
from clipwatch.pipeline.consumer import images_beside
from clipwatch.pipeline.scan import Scanner
from clipwatch.pipeline.sweep import Sweeper
from clipwatch.query import parse
from clipwatch.watching.settle import Tracker
from tests import pictures
from tests.clock import LOCAL
from tests.pipeline.conftest import Parts


async def observe(parts: Parts, name: str) -> ScanCounts:
    """As after the hint that the image's writer has closed it."""
    path, now = name.encode(), parts.clock.monotonic()
    parts.scanner.tracker.hinted(parts.watched.absolute(path), True, now)
    parts.scanner.tracker.due(now)
    return await parts.scanner.observe(parts.watched, [path], priority=Priority.NEW)


async def image_of(parts: Parts, name: str) -> Image:
    return await parts.store.image_at(parts.watched.absolute(name.encode()))


async def test_a_caption_beside_the_image_is_its_prompt_and_needs_no_server(parts: Parts) -> None:
    (parts.folder / "a.png").write_bytes(pictures.png())
    (parts.folder / "a.txt").write_text("1girl, red hair, castle")
    assert await observe(parts, "a.png") == ScanCounts(found=1, new=1)
    image = await image_of(parts, "a.png")
    assert image.prompt is not None
    assert (image.prompt.type, image.prompt.text) == (PromptType.SIDECAR, "1girl, red hair, castle")
    assert {tag.name for tag in image.tags} == {"1girl", "red hair", "castle"}
    found = await parts.store.list_images(parse("castle type:sidecar", LOCAL), limit=5)
    assert [one.image_id for one in found.images] == [image.image_id]


async def test_what_the_image_carries_itself_goes_first(parts: Parts) -> None:
    (parts.folder / "a.png").write_bytes(pictures.a1111_png())
    (parts.folder / "a.txt").write_text("something else")
    await observe(parts, "a.png")
    image = await image_of(parts, "a.png")
    assert image.prompt is not None
    assert image.prompt.type is PromptType.EMBEDDED


async def test_a_caption_that_comes_later_ends_the_job(parts: Parts) -> None:
    (parts.folder / "a.png").write_bytes(pictures.png())
    assert (await observe(parts, "a.png")).queued == 1
    (parts.folder / "a.png.txt").write_text("a late caption")
    await observe(parts, "a.png")
    await observe(parts, "a.png")
    image = await image_of(parts, "a.png")
    assert image.state is LocationState.PRESENT
    assert len(await parts.store.prompts(image.image_id)) == 1
    assert await parts.store.next_due() is None


async def test_a_caption_that_changes_is_a_new_prompt(parts: Parts) -> None:
    (parts.folder / "a.png").write_bytes(pictures.png())
    for text in ("first", "second"):
        (parts.folder / "a.caption").write_text(text)
        await observe(parts, "a.png")
    image = await image_of(parts, "a.png")
    assert image.prompt is not None
    assert image.prompt.text == "second"
    assert len(await parts.store.prompts(image.image_id)) == 2


async def test_a_caption_that_came_while_nothing_watched_is_found_by_the_sweep(
    parts: Parts,
) -> None:
    for name in ("a.png", "b.png"):
        (parts.folder / name).write_bytes(pictures.png(width=ord(name[0])))
        await observe(parts, name)
    (parts.folder / "a.txt").write_text("a late caption")
    os.utime(parts.folder / "a.txt", (1, 1))  # moved here with its old mtime
    clock, tracker = parts.clock, Tracker(0)
    scanner = Scanner(parts.store, clock=clock, metrics=parts.metrics, tracker=tracker)
    sweeper = Sweeper(parts.store, scanner, clock=clock, metrics=parts.metrics)
    await sweeper.sweep(parts.watched, priority=Priority.NEW)
    image = await image_of(parts, "a.png")
    assert image.prompt is not None
    assert image.prompt.text == "a late caption"


def test_the_images_that_a_text_file_may_belong_to() -> None:
    assert images_beside(b"/pics/a.png.txt") == [b"/pics/a.png"]
    assert b"/pics/a.webp" in images_beside(b"/pics/a.caption")
    assert images_beside(b"/pics/a.png") == []
    assert images_beside(b"/pics/\xe9.txt")[0] == b"/pics/\xe9.png"
