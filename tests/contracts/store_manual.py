"""What people write into a store, and what they remove."""

from dataclasses import replace

import pytest

from clipwatch.errors import NotFound
from clipwatch.model import Ask, Outcome, PromptType, Root, Tag, new_id
from clipwatch.store.base import Store
from tests.contracts.observations import (
    NEW,
    NOTHING,
    NOW,
    claimed,
    finished,
    found,
    put,
    says,
    seen,
)

KEY = b"k" * 16


class ManualContract:
    async def test_what_somebody_writes_is_current(self, store: Store, root: Root) -> None:
        (one,) = await put(store, seen(root, b"a.png", says("a dog")))
        written = await store.write_prompt(one.image_id, "a wolf", "a dog", NOW)
        assert (written.type, written.current, written.negative) == ("manual", True, "a dog")
        image = await store.image(one.image_id)
        assert image.prompt == written
        assert [len(await found(store, q)) for q in ("wolf", "dog", "has:manual")] == [1, 1, 1]
        await put(store, seen(root, b"a.png", says("a cat")))
        assert (await store.image(one.image_id)).prompt == written
        assert [change.kind for change in await store.changes(0)][1] == "prompt.stored"

    async def test_a_correction_takes_the_place(self, store: Store, root: Root) -> None:
        (one,) = await put(store, seen(root, b"a.png", says("a dog")))
        (told,) = await store.prompts(one.image_id)
        first = await store.correct_prompt(told.prompt_id, "a wolf", "", NOW)
        second = await store.correct_prompt(first.prompt_id, "a fox", "", NOW)
        texts = [(p.type.value, p.text) for p in await store.prompts(one.image_id)]
        assert texts == [("manual", "a fox"), ("embedded", "a dog")]
        assert second.current
        assert await found(store, "wolf") == []
        with pytest.raises(NotFound):
            await store.correct_prompt(first.prompt_id, "again", "", NOW)

    async def test_what_is_removed_gives_way_to_the_next(self, store: Store, root: Root) -> None:
        (one,) = await put(store, seen(root, b"a.png", says("a dog")))
        await store.enqueue(one.image_id, Ask(), NEW, NOW)
        answered = await finished(store, await claimed(store), "lighthouse")
        written = await store.write_prompt(one.image_id, "a wolf", "", NOW)
        (told,) = [p for p in await store.prompts(one.image_id) if p.type == "embedded"]
        for gone, left in ((written, "a dog"), (told, "lighthouse"), (answered, None)):
            assert await store.remove_prompt(gone.prompt_id, NOW) == one.image_id
            prompt = (await store.image(one.image_id)).prompt
            assert (prompt and prompt.text) == left
        image = await store.image(one.image_id)
        assert (image.tags, await store.prompts(one.image_id)) == ((), [])
        for word in ("wolf", "dog", "lighthouse", "tag:lighthouse"):
            assert await found(store, word) == []
        assert (await store.changes(0))[-1].kind == "prompt.removed"
        with pytest.raises(NotFound):
            await store.remove_prompt(answered.prompt_id, NOW)

    async def test_an_older_sidecar_is_current_again_with_its_tags(
        self, store: Store, root: Root
    ) -> None:
        bare = seen(root, b"a.png")
        for text in ("a dog, lake", "a wolf"):
            terms = tuple(Tag(term) for term in text.split(", "))
            (one,) = await put(store, replace(bare, sidecar=says(text), sidecar_tags=terms))
        newer, older = await store.prompts(one.image_id)
        assert {tag.name for tag in newer.tags} == {"a wolf"}
        await store.remove_prompt(newer.prompt_id, NOW)
        image = await store.image(one.image_id)
        assert image.prompt is not None
        assert image.prompt.prompt_id == older.prompt_id
        assert image.tags == image.prompt.tags == (Tag("a dog"), Tag("lake"))
        assert [len(await found(store, q)) for q in ("tag:lake", "tag:wolf")] == [1, 0]
        await store.remove_prompt(older.prompt_id, NOW)
        assert (await store.image(one.image_id)).tags == ()

    async def test_no_scan_brings_back_what_was_removed(self, store: Store, root: Root) -> None:
        (one,) = await put(store, seen(root, b"a.png", says("a dog"), pixel_key=KEY))
        (told,) = await store.prompts(one.image_id)
        await store.remove_prompt(told.prompt_id, NOW)
        for again in (says("a dog"), NOTHING, says("a dog")):
            await put(store, seen(root, b"a.png", again, pixel_key=KEY), priority=None)
            image = await store.image(one.image_id)
            assert (image.prompt, image.tags) == (None, ())
        await put(store, seen(root, b"a.png", says("a cat")))
        assert (await store.image(one.image_id)).prompt is not None

    async def test_neither_do_twins(self, store: Store, root: Root) -> None:
        await put(store, seen(root, b"a.png", says("a dog"), pixel_key=KEY))
        (heir,) = await put(store, seen(root, b"b.png", pixel_key=KEY))
        (inherited,) = await store.prompts(heir.image_id)
        assert inherited.type is PromptType.INHERITED
        await store.remove_prompt(inherited.prompt_id, NOW)
        await put(store, seen(root, b"c.png", pixel_key=KEY))
        await put(store, seen(root, b"b.png", pixel_key=KEY), priority=None)
        image = await store.image(heir.image_id)
        assert (image.prompt, image.outcome) == (None, Outcome.NONE)

    async def test_an_answer_that_was_removed_is_not_recalled(
        self, store: Store, root: Root
    ) -> None:
        one, two = await put(
            store, seen(root, b"a.png", pixel_key=KEY), seen(root, b"b.png", pixel_key=KEY)
        )
        first = await finished(store, await claimed(store), "lighthouse")
        copy_of, other = (
            (one.image_id, two.image_id)
            if first.image_id == two.image_id
            else (two.image_id, one.image_id)
        )
        copy = await store.recall(copy_of, Ask(), NOW)
        assert copy is not None
        await store.remove_prompt(copy.prompt_id, NOW)
        assert await store.recall(copy_of, Ask(), NOW) is None
        assert await store.recall(other, Ask(), NOW) is not None

    async def test_what_is_not_there_cannot_be_written(self, store: Store) -> None:
        for refused in (
            store.write_prompt(new_id(NOW), "x", "", NOW),
            store.correct_prompt(new_id(NOW), "x", "", NOW),
            store.remove_prompt(new_id(NOW), NOW),
        ):
            with pytest.raises(NotFound):
                await refused
