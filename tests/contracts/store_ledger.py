"""What a store knows of the same picture in another file."""

from dataclasses import replace
from typing import Any

import pytest

from clipwatch.model import (
    Ask,
    JobState,
    LocationState,
    Priority,
    PromptType,
    Root,
    Tag,
    TagOrigin,
)
from clipwatch.store.base import Store, Taker
from tests.contracts.observations import NEW, NOW, claimed, finished, found, put, says, seen, stat

KEY, HASH, HINT = b"k" * 16, b"h" * 32, -5


class LedgerContract:
    async def test_pixels_that_have_a_prompt_elsewhere_inherit_it(
        self, store: Store, root: Root
    ) -> None:
        told = says("red hair, dog", "ugly", parameters={"seed": 7})
        (giver,) = await put(store, seen(root, b"a.png", told, pixel_key=KEY))
        (heir,) = await put(store, seen(root, b"stripped.png", pixel_key=KEY))
        assert (heir.job_made, heir.image_id != giver.image_id) == (False, True)
        image = await store.image(heir.image_id)
        assert image.prompt is not None
        assert image.prompt.type is PromptType.INHERITED
        assert (image.prompt.text, image.prompt.negative) == ("red hair, dog", "ugly")
        assert image.prompt.parameters == {"seed": 7}
        assert image.tags == image.prompt.tags == (Tag("red hair"), Tag("dog"))
        assert len(await found(store, "dog")) == len(await found(store, "tag:dog")) == 2
        assert await store.claim(NOW) is None

    async def test_it_does_not_matter_which_came_first(self, store: Store, root: Root) -> None:
        heir, giver = await put(
            store,
            seen(root, b"stripped.png", pixel_key=KEY),
            seen(root, b"a.png", says("a dog"), pixel_key=KEY),
        )
        assert [answer.job_made for answer in (heir, giver)] == [False, False]
        (early,) = await put(store, seen(root, b"early.png", pixel_key=b"other"))
        assert early.job_made
        await put(store, seen(root, b"late.png", says("a cat"), pixel_key=b"other"))
        for answer, text in ((heir, "a dog"), (early, "a cat")):
            image = await store.image(answer.image_id)
            assert image.prompt is not None
            assert (image.prompt.type, image.prompt.text) == (PromptType.INHERITED, text)
        assert await store.claim(NOW) is None
        assert [change.kind for change in await store.changes(0)].count("prompt.stored") == 2

    async def test_an_answer_is_repeated_for_the_same_pixels(
        self, store: Store, root: Root
    ) -> None:
        await put(store, seen(root, b"a.png"))
        first = await finished(store, await claimed(store), "lighthouse", pixel_key=KEY)
        (copy,) = await put(store, seen(root, b"b.png", pixel_key=KEY))
        assert not copy.job_made
        (prompt,) = await store.prompts(copy.image_id)
        same = replace(
            first, prompt_id=prompt.prompt_id, image_id=copy.image_id, cached=True, revision=1
        )
        assert prompt == same
        assert len(await found(store, "lighthouse")) == 2

    async def test_where_no_jobs_are_made_no_answer_is_repeated(
        self, store: Store, root: Root
    ) -> None:
        await put(store, seen(root, b"a.png"))
        await finished(store, await claimed(store), "lighthouse", pixel_key=KEY)
        (copy,) = await put(store, seen(root, b"b.png", pixel_key=KEY), priority=None)
        assert await store.prompts(copy.image_id) == []

    async def test_recalled_is_what_was_asked_for_and_nothing_else(
        self, store: Store, root: Root
    ) -> None:
        one, two = await put(
            store,
            seen(root, b"a.png", pixel_key=KEY),
            seen(root, b"b.png", pixel_key=KEY),
            priority=None,
        )
        ask = Ask(model="wd14", mode="fast")
        await store.enqueue(one.image_id, ask, NEW, NOW)
        first = await finished(store, await claimed(store), "lighthouse")
        assert first.options == {"mode": "fast"}
        for other in (
            Ask(),
            Ask(model="wd14"),
            Ask(model="clip", mode="fast"),
            replace(ask, backend="gpu"),
        ):
            assert await store.recall(two.image_id, other, NOW) is None
        looked = await store.recall(two.image_id, replace(ask, save=False), NOW)
        assert looked is not None
        assert (looked.image_id, looked.cached) == (two.image_id, True)
        assert await store.prompts(two.image_id) == []
        by_name = await store.recall(two.image_id, replace(ask, model="model-x"), NOW)
        assert by_name is not None
        assert (by_name.text, by_name.model_asked) == ("lighthouse", "model-x")
        assert [prompt.current for prompt in await store.prompts(two.image_id)] == [True]

    async def test_images_with_the_same_pixels_are_handed_out_one_after_the_other(
        self, store: Store, root: Root
    ) -> None:
        names = (b"a.png", b"b.png")
        await put(store, *(seen(root, n, stat=stat(i), pixel_key=KEY) for i, n in enumerate(names)))
        (other,) = await put(store, seen(root, b"other.png", pixel_key=b"o" * 16))
        first = await claimed(store, Taker(most=NEW))
        held = [first, await claimed(store)]
        assert other.image_id in {job.image_id for job in held}
        assert await store.claim(NOW) is None
        (one,) = (job for job in held if job.image_id != other.image_id)
        await store.release(one, run_at=NOW + 9, error="no", attempted=True)
        twin = await claimed(store)
        assert twin.image_id not in {job.image_id for job in held}
        assert await store.claim(NOW + 9) is None
        await finished(store, twin, "lighthouse", pixel_key=KEY)
        late = await store.claim(NOW + 9)
        assert late is not None
        assert await store.recognise(late, content_hash=HASH, pixel_key=KEY, now=NOW)

    async def test_a_job_is_ended_with_what_is_known(self, store: Store, root: Root) -> None:
        await put(store, seen(root, b"a.png", stat=stat(1)))
        first = await finished(
            store, await claimed(store), "lighthouse", content_hash=HASH, pixel_key=KEY
        )
        (two,) = await put(store, seen(root, b"b.png", stat=stat(2)))
        job = await claimed(store)
        keys: dict[str, Any] = {"content_hash": b"x" * 32, "pixel_key": b"y" * 16, "now": NOW}
        assert await store.recognise(job, **keys) is None
        prompt = await store.recognise(job, **keys | {"pixel_key": KEY})
        assert prompt is not None
        assert (prompt.image_id, prompt.text, prompt.cached) == (two.image_id, first.text, True)
        assert (await store.job(job.job_id)).state is JobState.DONE
        assert await store.recognise(job, **keys | {"content_hash": HASH}) is None

    async def test_force_is_not_answered_from_memory(self, store: Store, root: Root) -> None:
        (one,) = await put(store, seen(root, b"a.png"))
        await finished(store, await claimed(store), "lighthouse", pixel_key=KEY)
        await store.enqueue(one.image_id, Ask(force=True), NEW, NOW)
        job = await claimed(store)
        known = await store.recognise(job, content_hash=HASH, pixel_key=KEY, now=NOW)
        assert known is None

    @pytest.mark.parametrize("priority", [Priority.INTERACTIVE, Priority.NEW])
    async def test_only_the_job_of_a_scan_is_content_with_what_a_file_says(
        self, store: Store, root: Root, priority: Priority
    ) -> None:
        await put(store, seen(root, b"a.png", says("a dog"), pixel_key=KEY, stat=stat(1)))
        (heir,) = await put(store, seen(root, b"b.png", stat=stat(2)))
        await store.enqueue(heir.image_id, Ask(), priority, NOW)
        job = await claimed(store)
        prompt = await store.recognise(job, content_hash=HASH, pixel_key=KEY, now=NOW)
        if priority is Priority.INTERACTIVE:
            assert prompt is None
        else:
            assert prompt is not None
            assert prompt.type is PromptType.INHERITED

    async def test_rewritten_metadata_cost_no_prompt(self, store: Store, root: Root) -> None:
        a, b = seen(root, b"a.png", says("a dog"), pixel_hint=HINT), seen(root, b"b.png")
        told, bare = await put(store, a, replace(b, pixel_hint=HINT + 1))
        await finished(store, await claimed(store), "lighthouse", pixel_key=KEY)
        answers = await put(
            store,
            seen(root, b"a.png", pixel_hint=HINT),
            seen(root, b"b.png", pixel_hint=HINT + 1, pixel_key=KEY),
        )
        assert [(a.image_id, a.job_made) for a in answers] == [
            (told.image_id, False),
            (bare.image_id, False),
        ]
        dog, light = [await store.image(answer.image_id) for answer in answers]
        assert (dog.revision, light.revision) == (2, 2)
        assert dog.prompt is not None and light.prompt is not None
        assert (dog.prompt.type, dog.prompt.text) == (PromptType.INHERITED, "a dog")
        assert (light.prompt.text, light.prompt.cached) == ("lighthouse", True)
        assert {tag.origin for tag in light.tags} == {TagOrigin.GENERATED}
        assert await store.claim(NOW) is None

    async def test_another_picture_at_a_path_inherits_nothing(
        self, store: Store, root: Root
    ) -> None:
        await put(store, seen(root, b"a.png", says("a dog"), pixel_hint=HINT, pixel_key=KEY))
        (again,) = await put(store, seen(root, b"a.png", pixel_hint=HINT, pixel_key=b"other"))
        assert again.job_made
        assert (await store.image(again.image_id)).prompt is None

    async def test_hints_nominate_the_files_whose_keys_are_wanted(
        self, store: Store, root: Root
    ) -> None:
        a, b = seen(root, b"a.png", pixel_hint=HINT), seen(root, b"b.png", pixel_hint=2**63 - 1)
        await put(store, a, b, seen(root, b"c.png", pixel_hint=9, pixel_key=KEY))
        alike = await store.alike([HINT, 2**63 - 1, 9, 10])
        assert alike == {
            HINT: [(b"/pictures/a.png", a.stat)],
            2**63 - 1: [(b"/pictures/b.png", b.stat)],
            9: [],
        }
        await store.set_pixel_key(b"/pictures/a.png", stat(), KEY)
        assert (await store.alike([HINT]))[HINT] != []
        await store.set_pixel_key(b"/pictures/a.png", a.stat, KEY)
        await store.mark_missing(root.root_id, [b"b.png"], NOW)
        assert await store.alike([HINT, 2**63 - 1]) == {HINT: [], 2**63 - 1: []}

    async def test_an_unfinished_file_gives_and_gets_nothing(
        self, store: Store, root: Root
    ) -> None:
        half = seen(root, b"h.png", pixel_key=KEY, state=LocationState.INCOMPLETE)
        await put(store, half, seen(root, b"a.png", says("a dog"), pixel_key=KEY))
        unfinished = await store.image_at(b"/pictures/h.png")
        assert unfinished.prompt is None
