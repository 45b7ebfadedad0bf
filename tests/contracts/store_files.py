"""What a store makes of the files that are seen."""

from dataclasses import replace

from clipwatch.model import (
    FileKeys,
    FileStat,
    LocationState,
    Observation,
    Root,
    Verdict,
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


class FilesContract:
    async def test_a_root_is_registered_once(self, store: Store, root: Root) -> None:
        assert await store.register_root(b"/pictures") == root
        assert (await store.register_root(b"/other")).root_id != root.root_id
        await store.root_imported(root.root_id, NOW)
        assert [root.imported_at for root in await store.roots()] == [None, NOW]

    async def test_a_root_takes_over_the_files_below_it(self, store: Store, root: Root) -> None:
        paths = (b"x.png", b"a/1.png", b"a/b/2.png", b"a-c/3.png")
        await put(store, *(seen(root, path) for path in paths))
        inner = await store.register_root(b"/pictures/a")
        assert set(await store.known(inner.root_id, b"")) == {b"1.png"}
        assert set(await store.known(inner.root_id, b"b")) == {b"2.png"}
        assert sorted(await store.folders(root.root_id)) == [b"", b"a-c"]
        outer = await store.register_root(b"/pictures")
        assert outer == root
        assert await store.folders(inner.root_id) == []
        assert sorted(await store.folders(root.root_id)) == [b"", b"a", b"a-c", b"a/b"]
        assert set(await store.known(root.root_id, b"a/b")) == {b"2.png"}

    async def test_folders_are_those_with_files_at_or_below(self, store: Store, root: Root) -> None:
        paths = [
            b"x.png",
            b"a/1.png",
            b"a/2.png",
            b"a/b/3.png",
            b"a-c/4.png",
            b"a0/5.png",
            b"\xff/6",
        ]
        await put(store, *(seen(root, path) for path in paths))
        await store.mark_missing(root.root_id, [b"a0/5.png"], NOW)
        everything = [b"", b"a", b"a-c", b"a/b", b"\xff"]
        assert sorted(await store.folders(root.root_id)) == sorted(everything)
        assert sorted(await store.folders(root.root_id, b"a")) == [b"a", b"a/b"]
        assert await store.folders(root.root_id, b"nowhere") == []

    async def test_known_files_of_a_folder(self, store: Store, root: Root) -> None:
        here = seen(root, b"a/\xe9.png", stat=stat(inode=2**64 - 5, device=2**63 + 1))
        await put(store, here, seen(root, b"a/gone.png"), seen(root, b"a/b/deep.png"))
        await store.mark_missing(root.root_id, [b"a/gone.png"], NOW)
        known = await store.known(root.root_id, b"a")
        assert set(known) == {b"\xe9.png", b"gone.png"}
        assert known[b"\xe9.png"].stat == here.stat
        assert known[b"gone.png"].state == LocationState.MISSING

    async def test_names_that_are_asked_for_alone(self, store: Store, root: Root) -> None:
        await put(store, *(seen(root, b"%d.png" % number) for number in range(101)))
        everything = await store.known(root.root_id, b"")
        for names in (set[bytes](), {b"7.png", b"none"}, {*everything, b"none"} - {b"7.png"}):
            wanted = {name: file for name, file in everything.items() if name in names}
            assert await store.known(root.root_id, b"", names) == wanted

    async def test_names_of_which_disk_and_store_may_differ(self, store: Store, root: Root) -> None:
        here = {b"%d.png" % number: stat(device=2**63 + 1, inode=number) for number in range(9)}
        await put(store, *(seen(root, b"a/" + name, stat=one) for name, one in here.items()))
        await put(store, seen(root, b"a/gone.png"), seen(root, b"b/lost.png"))
        await put(store, seen(root, b"b/odd.png", state=LocationState.INCOMPLETE))
        await store.mark_missing(root.root_id, [b"a/gone.png"], NOW)

        async def unlike(folder: bytes, **changes: FileStat | None) -> set[bytes]:
            files = here | {name.encode() + b".png": one for name, one in changes.items()}
            folders = {folder: {name: one for name, one in files.items() if one}}
            return set((await store.unlike(root.root_id, folders)).get(folder, ()))

        assert await store.unlike(root.root_id, {b"a": here, b"none": {}}) == {}
        assert await unlike(b"a", gone=stat()) == {b"gone.png"}
        assert await unlike(b"a", **{"3": None, "4": stat()}) == {b"3.png", b"4.png"}
        for field, value in here[b"5.png"]._asdict().items():
            for other in (value - 1, value + 1):
                changed = here[b"5.png"]._replace(**{field: other})
                assert await unlike(b"a", **{"5": changed}) == {b"5.png"}, field
        moved = here[b"0.png"]._replace(device=1)
        assert b"0.png" in await unlike(b"a", **{"0": moved})
        swapped = {"5": here[b"6.png"], "6": here[b"5.png"]}
        assert await unlike(b"a", **swapped) == {b"5.png", b"6.png"}
        assert await store.unlike(root.root_id, {b"b": {}}) == {b"b": {b"lost.png"}}

    async def test_what_was_forgotten_is_compared(self, store: Store, root: Root) -> None:
        one = seen(root, b"a.png")
        (record,) = await put(store, one)
        assert await store.forget(record.image_id, NOW)
        assert await store.unlike(root.root_id, {b"": {b"a.png": one.stat}}) == {b"": {b"a.png"}}
        known = await store.known(root.root_id, b"", {b"a.png"})
        assert known[b"a.png"].stat == one.stat
        assert await store.known(root.root_id, b"", {b"b.png"}) == {}

    async def test_the_newest_present_images_with_a_file_and_what_is_known_of_it(
        self, store: Store, root: Root
    ) -> None:
        old, new, later = [seen(root, b"%d.png" % at, stat=stat(at)) for at in range(3)]
        both = replace(new, path=b"again.png")  # a second file of the same image
        await put(store, old, new, both, later, seen(root, b"gone.png", stat=stat(9)))
        await store.mark_missing(root.root_id, [b"gone.png"], NOW)
        first, second, third = await store.newest(below=None, limit=9)
        assert (first.location.path, third.location.path) == (b"2.png", b"0.png")
        assert first.location.stat == later.stat
        assert (first.format, first.content_hash, first.has_pixel_key) == ("png", None, False)
        assert await store.newest(below=second.seq, limit=9) == [third]
        assert await store.newest(below=None, limit=1) == [first]

    async def test_keys_are_noted_of_files_that_are_still_the_same(
        self, store: Store, root: Root
    ) -> None:
        one, other = seen(root, b"a.png"), seen(root, b"b.png")
        await put(store, one, other)
        await store.set_keys(
            [
                FileKeys(b"/pictures/a.png", one.stat, b"hash", b"key"),
                FileKeys(b"/pictures/b.png", other.stat._replace(size=1), b"wrong", b"wrong"),
                FileKeys(b"/nowhere/c.png", one.stat, b"wrong", b"wrong"),
            ]
        )
        await store.set_keys([FileKeys(b"/pictures/a.png", one.stat)])  # takes nothing away
        known = {kept.location.path: kept for kept in await store.newest(below=None, limit=9)}
        assert (known[b"a.png"].content_hash, known[b"a.png"].has_pixel_key) == (b"hash", True)
        assert (known[b"b.png"].content_hash, known[b"b.png"].has_pixel_key) == (None, False)

    async def test_unfinished_files_are_shown_with_their_reason(
        self, store: Store, root: Root
    ) -> None:
        states = [LocationState.SETTLING, LocationState.INCOMPLETE, LocationState.UNREADABLE]
        await put(
            store,
            *(seen(root, s.encode(), None, state=s, reason=f"it is {s}") for s in states),
            seen(root, b"fine.png"),
        )
        assert sorted(await store.unfinished(root.root_id)) == sorted(s.encode() for s in states)
        shown = {image.state: image.reason for image in await found(store)}
        assert {s: shown[s] for s in states} == {s: f"it is {s}" for s in states}
        assert (await store.queue()).ready[NEW] == 1

    async def test_files_with_a_quick_key_are_nominated(self, store: Store, root: Root) -> None:
        one = seen(root, b"a.png", quick_key=b"k1")
        (first, _) = await put(store, one, seen(root, b"b.png", quick_key=b"k2"))
        file = FileKeys(b"/pictures/a.png", one.stat)
        assert await store.nominated([b"k1", b"k3"]) == {b"k1": [file]}
        hashed = replace(file, content_hash=b"h" * 32)
        await store.mark_missing(root.root_id, [b"a.png"], NOW)
        assert await store.nominated([b"k1"]) == {}  # nobody can read it any more
        await put(store, one)
        await store.set_keys([hashed])
        await store.mark_missing(root.root_id, [b"a.png"], NOW)
        assert await store.nominated([b"k1"]) == {b"k1": [hashed]}
        await store.forget(first.image_id, NOW)
        assert await store.nominated([b"k1"]) == {b"k1": [hashed]}

    async def test_only_what_is_like_nothing_is_recorded_in_one_trip(
        self, store: Store, root: Root
    ) -> None:
        async def recorded(*seen: Observation) -> int | None:
            records = await store.record_unlike(seen, now=NOW, priority=NEW)
            return None if records is None else len(records)

        one = seen(root, b"a.png", quick_key=b"k1", pixel_hint=1)
        assert await recorded(one, seen(root, b"b.png", quick_key=b"k2", pixel_hint=2)) == 2
        assert await recorded(seen(root, b"copy.png", quick_key=b"k1")) is None
        assert await recorded(seen(root, b"twin.png", quick_key=b"k3", pixel_hint=2)) is None
        pair = [seen(root, path, quick_key=b"k4") for path in (b"c.png", b"d.png")]
        assert await recorded(*pair) is None
        assert (await store.counts())["images"] == 2
        assert await recorded(seen(root, b"e.png")) == 1

    async def test_what_is_seen_twice_is_one_image(self, store: Store, root: Root) -> None:
        one = seen(root, b"a.png", says("red hair, dog"))
        first, second = await put(store, one, one)
        (third,) = await put(store, one)
        assert [r.verdict for r in (first, second, third)] == ["new", "unchanged", "unchanged"]
        assert first.image_id == third.image_id
        assert (await store.image(first.image_id)).prompt is not None

    async def test_a_hard_link_and_a_rename_are_the_same_image(
        self, store: Store, root: Root
    ) -> None:
        one = seen(root, b"a.png", says("a dog"))
        first, linked = await put(store, one, replace(one, path=b"b/link.png"))
        assert (linked.verdict, linked.image_id) == (Verdict.LINKED, first.image_id)
        assert await store.mark_missing(root.root_id, [b"a.png", b"never.png"], NOW) == 1
        assert await store.mark_missing(root.root_id, [b"a.png"], NOW) == 0
        image = await store.image(first.image_id)
        assert image.state == LocationState.PRESENT
        assert [(at.path, at.state) for at in image.locations] == [
            (b"b/link.png", LocationState.PRESENT),
            (b"a.png", LocationState.MISSING),
        ]

    async def test_a_file_that_is_mounted_or_moved_with_its_times_stays_the_same_image(
        self, store: Store, root: Root
    ) -> None:
        one = seen(root, b"a.png", quick_key=b"k1")
        (first,) = await put(store, one)
        await finished(store, await claimed(store), "a fox")
        anew = replace(one, stat=one.stat._replace(device=8, inode=5))
        (mounted,) = await put(store, anew)
        await store.mark_missing(root.root_id, [b"a.png"], NOW)
        other_drive = await store.register_root(b"/drive")
        moved_stat = one.stat._replace(device=9, inode=77)
        moved = replace(one, root_id=other_drive.root_id, path=b"b.png", stat=moved_stat)
        (carried,) = await put(store, moved)
        assert (mounted.verdict, carried.verdict) == (Verdict.UNCHANGED, Verdict.LINKED)
        assert first.image_id == mounted.image_id == carried.image_id
        assert [prompt.text for prompt in await store.prompts(first.image_id)] == ["a fox"]
        assert not any((await store.queue()).ready.values())

    async def test_new_bytes_at_a_path_are_a_new_revision(self, store: Store, root: Root) -> None:
        (first,) = await put(store, seen(root, b"a.png", says("a dog, grass")))
        (again,) = await put(store, seen(root, b"a.png", says("a cat, grass")))
        assert (again.verdict, again.image_id) == (Verdict.UPDATED, first.image_id)
        image = await store.image(first.image_id)
        assert image.revision == 2
        assert [tag.name for tag in image.tags] == ["a cat", "grass"]
        assert [(p.text, p.current) for p in await store.prompts(image.image_id)] == [
            ("a cat, grass", True),
            ("a dog, grass", False),
        ]
        assert [await found(store, q) for q in ("dog", "tag:'a dog'")] == [[], []]
        assert len(await found(store, "cat")) == 1

    async def test_a_file_that_was_unfinished_keeps_its_revision(
        self, store: Store, root: Root
    ) -> None:
        (first,) = await put(store, seen(root, b"a.png", None, state=LocationState.INCOMPLETE))
        (whole,) = await put(store, seen(root, b"a.png", says("a dog")))
        assert (whole.verdict, whole.image_id) == (Verdict.UPDATED, first.image_id)
        image = await store.image(first.image_id)
        assert (image.revision, image.state, image.outcome) == (1, "present", "prompt")

    async def test_a_name_used_again_after_it_was_gone_is_a_new_image(
        self, store: Store, root: Root
    ) -> None:
        one = seen(root, b"0001.png", says("a dog"), content_hash=b"d" * 32)
        (first,) = await put(store, one)
        await store.mark_missing(root.root_id, [b"0001.png"], NOW)
        (other,) = await put(store, seen(root, b"0001.png", says("a cat")))
        assert other.verdict == Verdict.NEW
        assert (await store.image_at(b"/pictures/0001.png")).image_id == other.image_id
        assert (await store.image(first.image_id)).state == LocationState.MISSING
        await store.mark_missing(root.root_id, [b"0001.png"], NOW)
        (back,) = await put(store, replace(one, stat=stat(9)))
        assert (back.verdict, back.image_id) == (Verdict.UPDATED, first.image_id)

    async def test_one_of_two_copies_that_is_rewritten_leaves_the_image(
        self, store: Store, root: Root
    ) -> None:
        one = seen(root, b"a.png", says("a dog"), content_hash=b"d" * 32)
        first, _ = await put(store, one, replace(one, path=b"b.png", stat=stat()))
        (apart,) = await put(store, seen(root, b"b.png", says("a cat")))
        assert apart.verdict == Verdict.NEW
        here, gone = (await store.image(first.image_id)).locations
        assert [(at.path, at.state) for at in (here, gone)] == [
            (b"a.png", LocationState.PRESENT),
            (b"b.png", LocationState.MISSING),
        ]

    async def test_hard_links_that_are_rewritten_stay_one_image(
        self, store: Store, root: Root
    ) -> None:
        one = seen(root, b"a.png", says("a dog"))
        first, _ = await put(store, one, replace(one, path=b"b.png"))
        after = one.stat._replace(size=501)
        both = [seen(root, path, says("a cat"), stat=after) for path in (b"a.png", b"b.png")]
        assert {r.image_id for r in await put(store, *both)} == {first.image_id}
        assert (await store.image(first.image_id)).revision == 2

    async def test_many_images_with_one_mtime_have_times_of_their_own(
        self, store: Store, root: Root
    ) -> None:
        for chunk in range(5):
            names = [b"%d-%d.png" % (chunk, number) for number in range(1000)]
            await put(store, *(seen(root, name) for name in names), priority=None)
        page = await store.list_images(Query(None), limit=500)
        assert (page.total, page.total_is_exact) == (5000, True)
        assert len({image.seq for image in page.images}) == 500
        assert max(image.seq for image in page.images) < NOW + 10_000
        page = await store.list_images(parse("-fox", LOCAL), limit=1, after=page.position)
        assert (page.total, page.total_is_exact) == (1000, False)
