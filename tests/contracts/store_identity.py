"""Which image a file is that was moved, replaced or copied before anybody looked."""

from dataclasses import replace
from itertools import permutations
from uuid import UUID

import pytest

from clipwatch.model import FileKeys, FileStat, LocationState, Observation, Root, Verdict
from clipwatch.store.base import Store
from tests.contracts.observations import NOW, put, says, seen, stat

HASH = b"d" * 32


async def image_at(store: Store, path: str) -> UUID:
    return (await store.image_at(b"/pictures/" + path.encode())).image_id


async def file_at(store: Store, path: str) -> FileStat:
    return (await store.image_at(b"/pictures/" + path.encode())).location.stat


class IdentityContract:
    async def test_what_one_call_tells_is_told_in_any_order(self, store: Store, root: Root) -> None:
        """A file was moved and copied, and its name used again."""
        for number, order in enumerate(permutations(range(3))):
            old = seen(root, b"%d/a" % number, says("old"), quick_key=b"%d" % number)
            (first,) = await put(store, old)
            hashed = replace(old, content_hash=b"%d" % number * 32)
            looks = [
                replace(hashed, path=b"%d/moved" % number),
                replace(hashed, path=b"%d/copy" % number, stat=stat()),
                seen(root, old.path, says("new")),
            ]
            answers = await put(store, *(looks[place] for place in order))
            told = {answers[order.index(at)].image_id: at for at in (2, 1, 0)}
            assert len(told) == 2 and told[first.image_id] == 0
            assert await image_at(store, f"{number}/moved") == first.image_id
            assert await image_at(store, f"{number}/copy") == first.image_id
            assert (await store.image(first.image_id)).revision == 1

    async def test_files_that_changed_names_are_the_images_they_were(
        self, store: Store, root: Root
    ) -> None:
        one, two = seen(root, b"a", says("one")), seen(root, b"b", says("two"))
        first, second = await put(store, one, two)
        for now, then in ((one, two), (two, one)):  # each alone, so that nothing else tells
            await put(store, replace(now, path=then.path))
        assert await image_at(store, "b") == first.image_id
        assert await image_at(store, "a") == second.image_id

    async def test_a_file_is_told_by_its_inode_before_its_content(
        self, store: Store, root: Root
    ) -> None:
        """Two images may have one content, where nobody had hashed the first."""
        one = seen(root, b"a", says("one"), quick_key=b"k")
        first, second = await put(store, one, replace(one, path=b"b", stat=stat(5)))
        hashed = replace(one, path=b"b", content_hash=HASH)
        await store.set_keys([FileKeys(b"/pictures/b", (await file_at(store, "b")), HASH)])
        (moved,) = await put(store, hashed)
        assert (moved.image_id, first.image_id != second.image_id) == (first.image_id, True)

    @pytest.mark.parametrize("how", ["moved", "copied"])
    async def test_what_is_put_over_another_file_stays_the_image_it_was(
        self, store: Store, root: Root, how: str
    ) -> None:
        one, two = seen(root, b"a", says("one"), content_hash=HASH), seen(root, b"b", says("two"))
        first, second = await put(store, one, two)
        at = one.stat if how == "moved" else stat()
        (record,) = await put(store, replace(one, path=b"b", stat=at))
        assert (record.image_id, record.verdict) == (first.image_id, Verdict.LINKED)
        assert (await store.image(second.image_id)).state is LocationState.MISSING

    async def test_an_unfinished_file_of_another_name_is_a_new_content(
        self, store: Store, root: Root
    ) -> None:
        """Programs write under another name at first."""
        part = seen(root, b"part", None, state=LocationState.INCOMPLETE)
        (first, _) = await put(store, seen(root, b"a", says("one")), part)
        (record,) = await put(store, replace(seen(root, b"a", says("two")), stat=part.stat))
        assert (record.image_id, record.verdict) == (first.image_id, Verdict.UPDATED)

    async def test_where_an_image_lay_under_old_content_its_new_one_does_not(
        self, store: Store, root: Root
    ) -> None:
        one = seen(root, b"a", says("one"), quick_key=b"k")
        first, _ = await put(store, one, replace(one, path=b"b"))
        await store.mark_missing(root.root_id, [b"b"], NOW)
        await put(store, seen(root, b"a", says("two"), quick_key=b"l"))
        for back in (one, replace(one, stat=one.stat._replace(device=8, inode=9))):
            (record,) = await put(store, replace(back, path=b"c"))
            assert record.image_id != first.image_id

    @pytest.mark.parametrize("unit", [100, 1000, 10**7, 10**9, 2 * 10**9])
    async def test_a_drive_may_keep_times_less_exactly(
        self, store: Store, root: Root, unit: int
    ) -> None:
        time = 1_700_000_001_123_456_789
        one = seen(root, b"a", quick_key=b"k", stat=stat(mtime_ns=time))
        (first,) = await put(store, one)
        await store.mark_missing(root.root_id, [b"a"], NOW)
        there = stat(mtime_ns=time // unit * unit)

        async def image_of(look: Observation) -> UUID:
            return (await put(store, look))[0].image_id

        later = there._replace(mtime_ns=there.mtime_ns + unit)
        assert await image_of(replace(one, path=b"later", stat=later)) != first.image_id
        assert await image_of(replace(one, path=b"b", stat=there)) == first.image_id

    async def test_a_time_of_its_own_and_the_old_ends_are_the_old_content(
        self, store: Store, root: Root
    ) -> None:
        one = seen(root, b"a", says("one"), quick_key=b"k")
        await put(store, one)
        touched = replace(one, stat=stat(), content_hash=HASH)
        assert [each.verdict for each in await put(store, touched)] == [Verdict.UNCHANGED]
        (other,) = await put(store, replace(touched, stat=stat(), content_hash=b"e" * 32))
        assert (await store.image(other.image_id)).revision == 2

    async def test_a_copy_of_a_forgotten_file_is_forgotten(self, store: Store, root: Root) -> None:
        one = seen(root, b"day/a", says("one"), quick_key=b"k", content_hash=HASH)
        (first,) = await put(store, one)
        await store.forget(first.image_id, NOW)
        await put(store, replace(one, content_hash=None))  # a look that made no hash
        (copy,) = await put(store, replace(one, path=b"b", stat=stat()))
        assert (copy.verdict, copy.image_id) == (Verdict.FORGOTTEN, first.image_id)
        assert len((await store.nominated([b"k"]))[b"k"]) == 2
