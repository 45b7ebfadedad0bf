"""What a store lets go of, and what it keeps when folders move."""

from dataclasses import replace

import pytest

from clipwatch.errors import Conflict, NotFound
from clipwatch.model import LocationState, Pruned, Relocated, Root, Verdict
from clipwatch.store.base import Store
from tests.contracts.observations import NOW, claimed, finished, found, put, says, seen, stat

DAY = 24 * 3600 * 10**6


class RemovalContract:
    async def test_a_forgotten_image_leaves_nothing_and_no_scan_brings_it_back(
        self, store: Store, root: Root
    ) -> None:
        one = seen(root, b"a.png", says("a dog, grass"), quick_key=b"k1")
        (first, _) = await put(store, one, seen(root, b"b.png", says("a cat")))
        assert await store.forget(first.image_id, NOW) == [b"/pictures/a.png"]
        with pytest.raises(NotFound):
            await store.image(first.image_id)
        assert await found(store, "dog") == []
        assert (await store.counts())["prompts.embedded"] == 1
        assert (await store.known(root.root_id, b""))[b"a.png"].stat == one.stat
        moved = replace(one, path=b"day/c.png", stat=one.stat._replace(inode=4, device=3))
        for again in (one, moved, one):
            (record,) = await put(store, again)
            assert (record.verdict, record.image_id) == (Verdict.FORGOTTEN, first.image_id)
        assert list(await store.known(root.root_id, b"day")) == [b"c.png"]
        assert len(await found(store)) == 1
        (other,) = await put(store, seen(root, b"a.png", says("a wolf"), quick_key=b"k2"))
        assert other.verdict is Verdict.NEW

    async def test_contents_that_no_image_has_are_told_apart(
        self, store: Store, root: Root
    ) -> None:
        hashed = [seen(root, b"%d.png" % at, content_hash=b"%d" % at) for at in range(2)]
        _, other = await put(store, *hashed)
        assert list(await store.unknown_contents([b"0", b"1", b"2"])) == [b"2"]
        await store.forget(other.image_id, NOW)
        assert list(await store.unknown_contents([b"0", b"1"])) == [b"1"]

    async def test_a_forgotten_file_that_replaces_another_makes_that_one_missing(
        self, store: Store, root: Root
    ) -> None:
        one = seen(root, b"a.png", says("a dog"))
        first, other = await put(store, one, seen(root, b"b.png", says("a cat")))
        await store.forget(first.image_id, NOW)
        await put(store, replace(one, path=b"b.png"))
        assert (await store.image(other.image_id)).state is LocationState.MISSING

    async def test_an_answer_for_an_image_that_was_forgotten_meanwhile_is_dropped(
        self, store: Store, root: Root
    ) -> None:
        (one,) = await put(store, seen(root, b"a.png"))
        job = await claimed(store)
        await store.forget(one.image_id, NOW)
        assert await finished(store, job, "a fox") is None
        with pytest.raises(NotFound):
            await store.forget(one.image_id, NOW)

    async def test_only_what_is_missing_for_long_is_pruned(self, store: Store, root: Root) -> None:
        gone, young, there = (seen(root, name, says(name.decode())) for name in (b"a", b"b", b"c"))
        link = replace(there, path=b"c2")
        records = await put(store, gone, young, there, link)
        await store.mark_missing(root.root_id, [b"a", b"c2"], NOW)
        await store.mark_missing(root.root_id, [b"b"], NOW + DAY)
        before = NOW + DAY
        assert await store.prunable(before) == Pruned(images=1, locations=1)
        assert await store.prune(before, NOW + 2 * DAY) == Pruned(images=1, locations=1)
        assert await store.prune(before, NOW + 2 * DAY) == Pruned()
        with pytest.raises(NotFound):
            await store.image(records[0].image_id)
        assert (await store.image(records[1].image_id)).state is LocationState.MISSING
        assert [at.path for at in (await store.image(records[2].image_id)).locations] == [b"c"]
        (back,) = await put(store, gone)
        assert back.verdict is Verdict.NEW

    async def test_a_root_that_moved_has_the_same_images(self, store: Store, root: Root) -> None:
        files = [seen(root, path, says(path.decode())) for path in (b"a.png", b"day/b.png")]
        records = await put(store, *files)
        await store.root_imported(root.root_id, NOW)
        assert await store.relocate(root.path, b"/drive/new") == Relocated(moved=2, left=0)
        (moved,) = await store.roots()
        assert (moved.path, moved.imported_at) == (b"/drive/new", NOW)
        paths = [(await store.image(each.image_id)).location.absolute for each in records]
        assert paths == [b"/drive/new/a.png", b"/drive/new/day/b.png"]

    async def test_a_folder_that_moved_into_another_root_has_the_same_images(
        self, store: Store, root: Root
    ) -> None:
        files = [seen(root, path) for path in (b"a.png", b"day/b.png", b"day/x/c.png", b"days/d")]
        records = await put(store, *files)
        other = await store.register_root(b"/other")
        await put(store, seen(other, b"old/b.png", says("in the way")))
        result = await store.relocate(b"/pictures/day", b"/other/old")
        assert result == Relocated(moved=1, left=1)
        paths = [(await store.image(each.image_id)).location.absolute for each in records]
        assert paths == [
            b"/pictures/a.png",
            b"/pictures/day/b.png",
            b"/other/old/x/c.png",
            b"/pictures/days/d",
        ]

    async def test_what_was_linked_at_the_new_place_is_no_longer_at_the_old_one(
        self, store: Store, root: Root
    ) -> None:
        other = await store.register_root(b"/other")
        files = [seen(root, path, says(path.decode())) for path in (b"a.png", b"day/b.png")]
        records = await put(store, *files)
        await put(store, *(replace(each, root_id=other.root_id) for each in files))
        both = await store.image(records[0].image_id)
        assert {at.absolute for at in both.locations} == {b"/other/a.png", b"/pictures/a.png"}
        assert len(await found(store, "is:duplicate")) == 2
        assert await store.relocate(root.path, other.path) == Relocated(moved=2, left=0)
        assert await found(store, "is:duplicate") == []
        assert [one.path for one in await store.roots()] == [b"/other"]
        for one, file in zip(records, files, strict=True):
            (left,) = (await store.image(one.image_id)).locations
            assert left.absolute == b"/other/" + file.path

    async def test_folders_inside_each_other_are_not_moved(self, store: Store, root: Root) -> None:
        await put(store, seen(root, b"a.png", stat=stat()))
        for new in (b"/pictures/day", b"/", root.path):
            with pytest.raises(Conflict):
                await store.relocate(root.path, new)
