"""What a store counts, and the tags that people give."""

import pytest

from clipwatch.counts import TagCount, ValueCount
from clipwatch.errors import Conflict, NotFound
from clipwatch.model import Root, new_id
from clipwatch.query import parse
from clipwatch.store.base import Store
from tests.clock import LOCAL
from tests.contracts.observations import (
    NOTHING,
    NOW,
    claimed,
    finished,
    found,
    put,
    says,
    seen,
    stat,
)

MONTH = 31 * 24 * 3600


class CountingContract:
    async def test_a_tag_that_is_given_is_found_at_once(self, store: Store, root: Root) -> None:
        (one,) = await put(store, seen(root, b"a.png", says("a dog")))
        for _ in range(2):
            tagged = await store.give_tag(one.image_id, "favourite", NOW)
            assert (tagged.image_id, tagged.names) == (one.image_id, ["favourite"])
        assert (await store.give_tag(one.image_id, "to print", NOW)).names == [
            "favourite",
            "to print",
        ]
        for text in ("is:favourite", "tag:favourite", "tag:to_print", "dog is:favourite"):
            assert len(await found(store, text)) == 1
        kinds = [change.kind for change in await store.changes(0)]
        assert kinds == ["image.added", "image.tagged", "image.tagged"]

    async def test_a_tag_stays_until_it_is_taken(self, store: Store, root: Root) -> None:
        (one,) = await put(store, seen(root, b"a.png", says("a dog")))
        await store.give_tag(one.image_id, "favourite", NOW)
        await put(store, seen(root, b"a.png", says("a cat")))
        assert len(await found(store, "is:favourite")) == 1
        for _ in range(2):
            assert (await store.take_tag(one.image_id, "favourite", NOW)).names == []
        assert await found(store, "is:favourite") == []
        assert [tag.name for tag in await store.tags(one.image_id)] == ["a cat"]
        assert (await store.changes(0))[-1].data == {"tag": "favourite"}

    async def test_a_tag_of_the_file_is_not_taken(self, store: Store, root: Root) -> None:
        (one,) = await put(store, seen(root, b"a.png", says("a dog")))
        await store.take_tag(one.image_id, "a dog", NOW)
        assert len(await found(store, "tag:a_dog")) == 1

    async def test_an_image_has_so_many_tags_and_no_more(self, store: Store, root: Root) -> None:
        (one,) = await put(store, seen(root, b"a.png"))
        for number in range(100):
            await store.give_tag(one.image_id, str(number), NOW)
        with pytest.raises(Conflict):
            await store.give_tag(one.image_id, "one more", NOW)
        for refused in (store.give_tag, store.take_tag):
            with pytest.raises(NotFound):
                await refused(new_id(NOW), "favourite", NOW)

    async def test_tags_are_told_by_use(self, store: Store, root: Root) -> None:
        one, two, _ = await put(
            store,
            seen(root, b"a.png", says("red fox, snow")),
            seen(root, b"b.png", says("red fox, red hair, moon")),
            seen(root, b"c.png", says("red hair, moon, red fox")),
        )
        await store.give_tag(two.image_id, "moon", NOW)
        tags = await store.top_tags("", limit=3)
        assert [(tag.name, tag.uses) for tag in tags] == [
            ("moon", 3),
            ("red fox", 3),
            ("red hair", 2),
        ]
        assert tags[0] == TagCount("moon", "general", 2, 0, 1)
        assert [tag.name for tag in await store.top_tags("Red_", limit=9)] == [
            "red fox",
            "red hair",
        ]
        await store.forget(one.image_id, NOW)
        assert await store.top_tags("snow", limit=9) == []

    async def test_tags_are_completed_from_each_of_their_words(
        self, store: Store, root: Root
    ) -> None:
        texts = (
            "long hair, hair bow, hair",
            "long hair, hair hair, red hair",
            "long hair, hairpin",
        )
        await put(store, *(seen(root, b"%d.png" % n, says(t)) for n, t in enumerate(texts)))

        async def like(begin: str, limit: int) -> list[str]:
            return [tag.name for tag in await store.tags_like(begin, limit=limit)]

        begin_so = ["hair", "hair bow", "hair hair", "hairpin"]
        assert await like("Hair", 9) == [*begin_so, "long hair", "red hair"]
        assert await like("hair", 5) == [*begin_so, "long hair"]
        assert await like("hair", 3) == ["hair", "hair bow", "long hair"]
        assert await like("hair", 1) == ["hair"]
        assert await like("hair_b", 9) == ["hair bow"]
        assert await like("air", 9) == []
        assert (await like("", 9))[0] == "long hair"

    async def test_spellings_of_a_value_are_one(self, store: Store, root: Root) -> None:
        samplers = ("DPM++ 2M Karras", "dpm++_2m karras", "DPM++ 2M Karras", "Euler a", "euler a")
        await put(
            store,
            *(
                seen(root, b"%d.png" % number, says("x", parameters={"sampler": sampler}))
                for number, sampler in enumerate(samplers)
            ),
        )
        told = [ValueCount("DPM++ 2M Karras", 3), ValueCount("Euler a", 2)]
        assert await store.top_values("sampler", "", limit=9) == told
        assert await store.top_values("sampler", "karras", limit=1) == told[:1]
        assert (await store.statistics(LOCAL)).fields["sampler"] == told
        assert len(await found(store, 'sampler:"=DPM++ 2M Karras"')) == 3

    async def test_values_are_told_by_use_and_by_a_part(self, store: Store, root: Root) -> None:
        models = ("Flux dev", "Flux dev", "SDXL", "flux_schnell", "100%", "Ärger*", "МоДель ?")
        await put(
            store,
            *(
                seen(root, b"%d.png" % number, says("x", parameters={"model": model}))
                for number, model in enumerate(models)
            ),
        )
        assert await store.top_values("model", "flux", limit=9) == [
            ValueCount("Flux dev", 2),
            ValueCount("flux_schnell", 1),
        ]
        assert [each.value for each in await store.top_values("model", "", limit=1)] == ["Flux dev"]
        assert await store.top_values("model", "0%", limit=9) == [ValueCount("100%", 1)]
        assert await store.top_values("nothing", "", limit=9) == []
        for text in ('model:"=flux dev"', "model:=flux_dev"):
            assert len(await found(store, text)) == 2
        assert await store.top_values("model", "модель", limit=9) == [ValueCount("МоДель ?", 1)]
        for text in ("model:ärger", "model:ÄRGER*", 'model:"=ärger*"', "model:МОДЕЛЬ_?"):
            assert len(await found(store, text)) == 1
        for text in ("model:ärge", "model:=ärger", "model:=модель_x", "model:flux-dev"):
            assert len(await found(store, text)) == (text == "model:ärge")

    async def test_folders_are_told_level_by_level(self, store: Store, root: Root) -> None:
        other = await store.register_root(b"/pictures-2")
        paths = (b"x.png", b"2026/1.png", b"2026/a/1.png", b"2026/a/b/1.png", b"2026-x/1.png")
        await put(store, *(seen(root, path) for path in paths), seen(other, b"2025/a.png"))
        await put(store, seen(root, b"\xff/1.png"), seen(root, b"gone/1.png"))
        await store.mark_missing(root.root_id, [b"gone/1.png"], NOW)
        for begin, expected in (
            ("", ["2026", "2026-x", "2025", "/pictures", "/pictures-2"]),
            ("202", ["2026", "2026-x", "2025"]),
            ("2026", ["2026", "2026-x", "2026/a"]),
            ("2026/", ["2026/a"]),
            ("2026/a", ["2026/a", "2026/a/b"]),
            ("2026/a/", ["2026/a/b"]),
            ("/", ["/pictures", "/pictures-2"]),
            ("/pictures-2", ["/pictures-2", "/pictures-2/2025"]),
            ("/pictures/2026-", ["/pictures/2026-x"]),
            ("/pictures/", ["/pictures/2026", "/pictures/2026-x"]),
            ("zzz", []),
        ):
            assert await store.folders_like(begin, limit=9) == expected
        assert await store.folders_like("", limit=2) == ["2026", "2026-x"]

    async def test_late_negatives_are_told(self, store: Store, root: Root) -> None:
        told = (says("a cat", "blurry"), says("a dog"), says("an owl", "text"))
        put_in = [seen(root, b"%d.png" % at, each) for at, each in enumerate(told)]
        for each in put_in:
            await put(store, each)
        assert await store.late_negatives() == ["text", "blurry"]

    async def test_facets_are_of_what_the_search_finds(self, store: Store, root: Root) -> None:
        files = (
            ("fox, snow", "Flux dev", 0),
            ("fox, moon", "SDXL", 0),
            ("fox", "flux_dev", 0),
            ("fox", "Flux dev", 0),
            ("owl", "SDXL", MONTH),
        )
        await put(
            store,
            *(
                seen(
                    root,
                    b"%d.png" % number,
                    says(prompt, parameters={"model": model, "sampler": "Euler"}),
                    stat=stat(later),
                )
                for number, (prompt, model, later) in enumerate(files)
            ),
        )
        told = await store.facets(parse("fox", LOCAL), LOCAL)
        assert (told.sample_size, told.exact) == (4, True)
        assert told.fields["model"] == [ValueCount("Flux dev", 3), ValueCount("SDXL", 1)]
        assert told.fields["sampler"] == [ValueCount("Euler", 4)]
        assert told.fields["tag"][0] == ValueCount("fox", 4)
        assert told.fields["type"] == [ValueCount("embedded", 4)]
        assert told.fields["created"] == [ValueCount("2025-10", 4)]
        every = await store.facets(parse("sort:oldest", LOCAL), LOCAL)
        assert [each.value for each in every.fields["created"]] == ["2025-11", "2025-10"]
        nothing = await store.facets(parse("wolf", LOCAL), LOCAL)
        assert (nothing.sample_size, nothing.exact, set(map(len, nothing.fields.values()))) == (
            0,
            True,
            {0},
        )

    async def test_figures_are_of_everything(self, store: Store, root: Root) -> None:
        await put(
            store,
            seen(root, b"a.png", says("fox", parameters={"model": "Flux"})),
            seen(root, b"b.png", says("fox", parameters={"model": "Flux"}), stat=stat(MONTH)),
            seen(root, b"c.png", NOTHING, stat=stat(MONTH)),
        )
        await finished(store, await claimed(store), "lighthouse")
        await store.mark_missing(root.root_id, [b"a.png"], NOW)
        told = await store.statistics(LOCAL)
        assert (told.images, told.missing) == (2, 1)
        assert told.fields["model"] == [ValueCount("Flux", 2)]
        assert told.fields["type"] == [ValueCount("embedded", 2), ValueCount("clip_generated", 1)]
        assert told.months == [ValueCount("2025-11", 2)]
        assert [tag.name for tag in told.terms] == ["fox", "lighthouse"]
        (backend,) = told.backends
        assert (backend.backend, backend.model, backend.answers) == ("default", "model-x", 1)
        assert backend.duration_ms == 12
        (counted,) = await store.root_counts()
        assert (counted.path, counted.states) == (b"/pictures", {"present": 2, "missing": 1})

    async def test_an_empty_store_has_figures_too(self, store: Store, root: Root) -> None:
        told = await store.statistics(LOCAL)
        assert (told.images, told.months, told.terms, told.backends) == (0, [], [], [])
        assert await store.top_tags("x", limit=5) == []
