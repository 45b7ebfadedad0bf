"""What a store answers."""

import asyncio
from dataclasses import replace

import pytest

from clipwatch.errors import NotFound
from clipwatch.model import (
    Ask,
    Batch,
    BatchKind,
    BatchState,
    Part,
    Root,
    ScanCounts,
    Tag,
    new_id,
)
from clipwatch.query import Query, parse
from clipwatch.store.base import Store
from tests.clock import LOCAL
from tests.contracts.observations import (
    NEW,
    NOW,
    claimed,
    finished,
    found,
    put,
    says,
    seen,
    stat,
)


class ReadingContract:
    async def test_batches(self, store: Store) -> None:
        running = Batch(new_id(NOW), BatchKind.SCAN, BatchState.RUNNING, NOW, b"/pictures/\xff")
        later = replace(running, batch_id=new_id(NOW + 5000), kind=BatchKind.INTERROGATION)
        await store.save_batch(running)
        await store.save_batch(later)
        await store.progress(running.batch_id, ScanCounts(found=3))
        done = replace(later, state=BatchState.DONE, finished_at=NOW, error="half of it")
        await store.save_batch(done)
        assert await store.batches() == [done, replace(running, counts=ScanCounts(found=3))]
        assert await store.batches(before=done.batch_id, state=BatchState.DONE) == []
        assert (await store.batch(running.batch_id)).counts.found == 3

    async def test_the_best_stay_in_their_order_while_old_files_arrive(
        self, store: Store, root: Root
    ) -> None:
        texts = ("a fox", "fox, fox", "a fox in the snow", "fox")
        far = 9_100_000_000_000_000_000  # nanoseconds: the year 2258
        for number, text in enumerate(texts):
            last = stat(mtime_ns=far + number * 1000)
            await put(store, seen(root, b"%d.png" % number, says(text), stat=last))
        query = parse("fox sort:relevance", LOCAL)
        best = [hit.prompt.text for hit in (await store.search(query, limit=9))[0]]
        assert sorted(best) == sorted(texts)
        paged, after = list[str](), None
        for number in range(len(texts)):
            (hit,), after = await store.search(query, limit=1, after=after)
            paged.append(hit.prompt.text)
            old = seen(root, b"old %d.png" % number, says("fox, fox, fox"))
            await store.record([old], now=NOW + 10**6, priority=None)
        assert (paged, after) == (best, None)

    async def test_the_best_stay_in_their_order_while_others_go(
        self, store: Store, root: Root
    ) -> None:
        texts = ("fox", "fox, snow", "snow, snow", "fox, fox, snow", "a snow fox", "snow, owl")
        for number, text in enumerate(texts):
            last = stat(mtime_ns=NOW * 1000 + number * 10**9)
            await put(store, seen(root, b"%d.png" % number, says(text), stat=last))
        query = parse("fox OR snow OR owl sort:relevance", LOCAL)
        best = (await store.search(query, limit=9))[0]
        left, after = [hit.image.image_id for hit in best], None
        while left:
            (hit,), after = await store.search(query, limit=1, after=after)
            assert hit.image.image_id == left.pop(0)
            await store.forget(hit.image.image_id, NOW)
            if len(left) % 2:
                await store.forget(left.pop(), NOW)
        assert after is None or await store.search(query, limit=1, after=after) == ([], None)

    async def test_everything_that_an_image_says_is_kept(self, store: Store, root: Root) -> None:
        told = says(
            "Ein Hund, 犬",
            "blurry",
            parts=(Part("region", "grass", "mud"),),
            parameters={"seed": 2**70, "odd \ud800": ["\udfff", float("nan")]},
            found_in="tEXt:parameters",
        )
        (one,) = await put(store, seen(root, b"a.png", told))
        image = await store.image(one.image_id)
        assert (image.width, image.height, image.format) == (64, 48, "png")
        assert image.prompt is not None
        assert image.prompt.parts == told.parts
        assert image.prompt.parameters == {"seed": str(2**70), "odd ?": ["?", None]}
        assert image.prompt.tags == (Tag("Ein Hund"), Tag("犬"))
        assert (await store.said(one.image_id)).raw == told.raw
        assert list(await store.tags(one.image_id)) == list(image.prompt.tags)

    async def test_pages_go_on_where_the_last_one_ended(self, store: Store, root: Root) -> None:
        names = [b"%d.png" % number for number in range(7)]
        told = says("a dog", "ugly")
        await put(store, *(seen(root, n, told, stat=stat(i)) for i, n in enumerate(names)))
        await store.mark_missing(root.root_id, [b"3.png"], NOW)
        first = await store.list_images(Query(None), limit=4)
        rest = await store.list_images(Query(None), limit=4, after=first.position)
        paths = [image.location.path for page in (first, rest) for image in page.images]
        assert paths == [b"6.png", b"5.png", b"4.png", b"2.png", b"1.png", b"0.png"]
        assert (first.total, rest.position) == (6, None)
        hits, below = await store.search(parse("dog", LOCAL), limit=5)
        more, end = await store.search(parse("dog", LOCAL), limit=5, after=below)
        assert [hit.prompt.text for hit in [*hits, *more]] == ["a dog"] * 6
        assert end is None
        assert "dog" in hits[0].snippet
        assert await store.search(parse("ugly", LOCAL), limit=5) == ([], None)
        assert [image.location.path for image in await found(store, "is:missing")] == [b"3.png"]

    async def test_what_was_added_together_is_listed_by_age(self, store: Store, root: Root) -> None:
        ages = (3, 1, 2, 0)
        await put(store, *(seen(root, b"%d.png" % age, stat=stat(-age)) for age in ages))
        listed = await store.list_images(parse("sort:added", LOCAL), limit=9)
        paths = [image.location.path for image in listed.images]
        assert paths == [b"0.png", b"1.png", b"2.png", b"3.png"]

    async def test_a_search_finds_only_what_has_a_prompt(self, store: Store, root: Root) -> None:
        await put(store, seen(root, b"a.png"), seen(root, b"b.png", says("a dog")))
        hits, _ = await store.search(parse("format:png", LOCAL), limit=5)
        assert [hit.image.location.path for hit in hits] == [b"b.png"]

    async def test_what_is_not_known_is_not_found(self, store: Store) -> None:
        nobody = new_id(NOW)
        for question in (
            store.image(nobody),
            store.image_at(b"/pictures/nothing.png"),
            store.prompts(nobody),
            store.said(nobody),
            store.tags(nobody),
            store.job(nobody),
            store.batch(nobody),
            store.enqueue(nobody, Ask(), NEW, NOW),
        ):
            with pytest.raises(NotFound):
                await question

    async def test_changes_tell_what_was_written(self, store: Store, root: Root) -> None:
        (one,) = await put(store, seen(root, b"a.png"))
        await finished(store, await claimed(store), "a lighthouse")
        await store.mark_missing(root.root_id, [b"a.png"], NOW)
        changes = await store.changes(0)
        assert [c.kind for c in changes] == ["image.added", "prompt.stored", "image.missing"]
        assert {c.image_id for c in changes} == {one.image_id}
        await put(store, *(seen(root, b"%d.png" % number) for number in range(30)))
        (batch,) = await store.changes(changes[-1].seq)
        assert (batch.kind, batch.data) == ("batch.recorded", {"new": 30, "jobs": 30})

    async def test_writes_at_the_same_time_fail_each_for_itself(
        self, store: Store, root: Root
    ) -> None:
        good = [put(store, seen(root, b"%d.png" % number)) for number in range(20)]
        bad = store.enqueue(new_id(NOW), Ask(), NEW, NOW)
        *answers, error = await asyncio.gather(*good, bad, return_exceptions=True)
        assert isinstance(error, NotFound)
        assert len({answer[0].image_id for answer in answers if isinstance(answer, list)}) == 20
        assert (await store.counts())["images"] == 20

    async def test_counts(self, store: Store, root: Root) -> None:
        await put(store, seen(root, b"a.png"), seen(root, b"b.png", says("a dog")))
        await store.mark_missing(root.root_id, [b"a.png"], NOW)
        assert await store.counts() == {
            "images": 2,
            "locations.present": 1,
            "locations.missing": 1,
            "prompts.embedded": 1,
        }

    async def test_ping(self, store: Store) -> None:
        await store.ping()
