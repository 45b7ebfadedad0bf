"""What a store does as a queue."""

from dataclasses import replace

import pytest

from clipwatch.errors import Conflict, NotFound
from clipwatch.model import (
    Ask,
    JobState,
    Priority,
    Root,
    new_id,
)
from clipwatch.query import parse
from clipwatch.store.base import Rule, Store, Taker
from tests.clock import LOCAL
from tests.contracts.observations import NEW, NOW, claimed, finished, found, put, says, seen, stat


class JobsContract:
    async def test_a_job_is_made_for_an_image_without_a_prompt(
        self, store: Store, root: Root
    ) -> None:
        plain = seen(root, b"plain.png")
        answers = await put(store, plain, seen(root, b"told.png", says("a dog")))
        assert [answer.job_made for answer in answers] == [True, False]
        assert not (await put(store, plain))[0].job_made
        (silent,) = await put(store, seen(root, b"silent.png"), priority=None)
        assert not silent.job_made
        assert await store.make_jobs([root.root_id + 1], NOW) == 0
        assert await store.make_jobs([root.root_id], NOW) == 1
        assert await store.make_jobs([root.root_id], NOW) == 0
        assert (await store.queue()).ready == {0: 0, 1: 1, 2: 1}

    async def test_the_order_of_work(self, store: Store, root: Root) -> None:
        times = enumerate([b"old", b"mid", b"new"])
        old, mid, new = await put(store, *(seen(root, n, stat=stat(i)) for i, n in times))
        await store.enqueue(old.image_id, Ask(model="other"), Priority.INTERACTIVE, NOW)
        order = [(await claimed(store)).image_id for _ in range(4)]
        assert order == [old.image_id, new.image_id, mid.image_id, old.image_id]
        assert await store.claim(NOW) is None

    async def test_a_job_waits_for_its_back_end_and_for_its_time(
        self, store: Store, root: Root
    ) -> None:
        (one,) = await put(store, seen(root, b"a.png"), priority=None)
        await store.enqueue(one.image_id, Ask(backend="gpu"), NEW, NOW + 5)
        assert await store.claim(NOW + 5) is None
        assert await store.claim(NOW, Taker(["gpu"])) is None
        job = await store.claim(NOW + 5, Taker(["cpu", "gpu"]))
        assert job is not None
        assert job.ask == Ask(backend="gpu")

    async def test_nothing_less_pressing_is_handed_out_than_is_wanted(
        self, store: Store, root: Root
    ) -> None:
        old, new = await put(store, seen(root, b"old"), seen(root, b"new", stat=stat(1)))
        await store.enqueue(old.image_id, Ask(), Priority.INTERACTIVE, NOW)
        asked = await store.claim(NOW, Taker(most=Priority.INTERACTIVE))
        assert asked is not None
        assert asked.image_id == old.image_id
        assert await store.claim(NOW, Taker(most=Priority.INTERACTIVE)) is None
        assert (await claimed(store, Taker(most=Priority.NEW))).image_id == new.image_id

    async def test_a_job_has_the_route_of_the_first_rule_that_its_image_fits(
        self, store: Store, root: Root
    ) -> None:
        other = await store.register_root(b"/other")
        rules = (
            Rule("root", root_id=other.root_id),
            Rule("anime", query=parse("path:*anime*", LOCAL)),
            Rule("never", query=parse("path:*anime*", LOCAL)),
        )
        anime, plain = await put(store, seen(root, b"anime.png"), seen(root, b"b.png"))
        (elsewhere,) = await put(store, seen(other, b"anime.png"))
        for routes, image in ((["anime"], anime), ([""], plain), (["never", "root"], elsewhere)):
            taker = Taker(rules=rules, routes=routes)
            assert (await claimed(store, taker)).image_id == image.image_id
            assert await store.claim(NOW, taker) is None

    async def test_who_asks_for_a_model_or_a_back_end_is_not_held_to_a_route(
        self, store: Store, root: Root
    ) -> None:
        (one,) = await put(store, seen(root, b"a.png"), priority=None)
        nothing = Taker(["cpu"], routes=["other"])
        for ask in (Ask(model="wd14"), Ask(backend="cpu"), Ask()):
            await store.enqueue(one.image_id, ask, NEW, NOW)
        assert {(await claimed(store, nothing)).ask for _ in range(2)} == {
            Ask(model="wd14"),
            Ask(backend="cpu"),
        }
        assert await store.claim(NOW, nothing) is None

    async def test_routes_are_given_anew_after_a_start(self, store: Store, root: Root) -> None:
        await put(store, seen(root, b"a.png"))
        before = Taker(rules=[Rule("y", root_id=root.root_id)], routes=["x"])
        after = Taker(rules=[Rule("x", root_id=root.root_id)], routes=["x"])
        for _ in range(2):
            assert await store.claim(NOW, before) is None
        assert await store.claim(NOW, after) is None
        await store.recover(NOW)
        assert await store.claim(NOW, after) is not None

    async def test_a_model_that_the_taker_lacks_is_left_to_others(
        self, store: Store, root: Root
    ) -> None:
        (one,) = await put(store, seen(root, b"a.png"), priority=None)
        await store.enqueue(one.image_id, Ask(model="wd14"), NEW, NOW)
        assert await store.claim(NOW, Taker(without=["wd14"])) is None
        assert await store.claim(NOW, Taker(without=["clip"])) is not None

    async def test_a_time_that_no_clock_can_have_meant_is_not_waited_for(
        self, store: Store, root: Root
    ) -> None:
        await put(store, seen(root, b"a.png"))
        far = NOW + 400 * 24 * 3600 * 10**6
        await store.release(await claimed(store), run_at=far, error="", attempted=False)
        assert await store.claim(NOW) is not None

    async def test_asking_again_raises_the_job_that_waits(self, store: Store, root: Root) -> None:
        (one,) = await put(store, seen(root, b"a.png"))
        raised = await store.enqueue(one.image_id, Ask(), Priority.INTERACTIVE, NOW)
        assert raised.priority == Priority.INTERACTIVE
        same = await store.enqueue(one.image_id, Ask(), Priority.BACKLOG, NOW)
        assert same == raised
        other = await store.enqueue(one.image_id, Ask(force=True), NEW, NOW)
        assert other.job_id != raised.job_id

    async def test_a_caption_becomes_the_prompt(self, store: Store, root: Root) -> None:
        (one,) = await put(store, seen(root, b"a.png"))
        prompt = await finished(store, await claimed(store), "lighthouse at dusk")
        assert (prompt.type, prompt.current, prompt.backend) == ("clip_generated", True, "default")
        (image,) = await found(store, "lighthouse")
        assert image.image_id == one.image_id
        assert image.prompt == prompt
        assert {tag.name for tag in image.tags} == {"lighthouse", "at", "dusk"}
        assert image.job is not None
        assert image.job.state == JobState.DONE
        assert await store.recall(one.image_id, Ask(), NOW) == replace(prompt, cached=True)
        assert await store.recall(one.image_id, Ask(model="other"), NOW) is None

    async def test_a_late_answer_is_dropped(self, store: Store, root: Root) -> None:
        (one,) = await put(store, seen(root, b"a.png"))
        late = await claimed(store)
        assert await store.recover(NOW) == 1
        again = await claimed(store)
        assert again.crashes == 1
        assert await finished(store, late, "late") is None
        await store.bury(late, error="late", now=NOW)
        await store.release(late, run_at=NOW, error="late", attempted=True)
        assert await store.job(late.job_id) == again
        await put(store, seen(root, b"a.png"))
        assert await finished(store, again, "of the old bytes") is None
        assert await store.prompts(one.image_id) == []
        assert (await claimed(store)).revision == 2

    async def test_a_new_content_with_a_prompt_needs_no_job(self, store: Store, root: Root) -> None:
        await put(store, seen(root, b"a.png"))
        await put(store, seen(root, b"a.png", says("a dog")))
        assert await store.claim(NOW) is None

    async def test_an_answer_that_is_not_to_be_saved(self, store: Store, root: Root) -> None:
        (one,) = await put(store, seen(root, b"a.png"), priority=None)
        await store.enqueue(one.image_id, Ask(save=False), NEW, NOW)
        prompt = await finished(store, await claimed(store), "only looking")
        assert prompt.text == "only looking"
        assert await store.prompts(one.image_id) == []

    async def test_a_lease_that_was_left_in_order_is_no_crash(
        self, store: Store, root: Root
    ) -> None:
        await put(store, seen(root, b"a.png"))
        late = await claimed(store)
        assert await store.recover(NOW, crashed=False) == 1
        assert (await claimed(store)).crashes == 0
        assert await finished(store, late, "late") is None

    async def test_a_third_crash_buries(self, store: Store, root: Root) -> None:
        await put(store, seen(root, b"a.png"))
        for _ in range(3):
            job = await claimed(store)
            assert await store.recover(NOW) == 1
        dead = await store.job(job.job_id)
        assert (dead.state, dead.crashes) == (JobState.DEAD, 3)
        assert "died 3 times" in (dead.error or "")
        assert await store.claim(NOW) is None

    async def test_dead_jobs_are_seen_and_revived(self, store: Store, root: Root) -> None:
        await put(store, seen(root, b"a.png"), seen(root, b"b.png"))
        for _ in range(2):
            await store.bury(await claimed(store), error="no such model", now=NOW)
        dead = await store.jobs(state="dead")
        assert [job.error for job in dead] == ["no such model"] * 2
        assert [await store.retry(dead[0].job_id, NOW), await store.retry(None, NOW)] == [1, 1]
        assert (await store.queue()).dead == 0
        older = await store.jobs(before=dead[0].job_id)
        assert [job.job_id for job in older] == [dead[1].job_id]
        with pytest.raises(NotFound):
            await store.retry(new_id(NOW), NOW)

    async def test_attempts_are_counted_where_they_were_made(
        self, store: Store, root: Root
    ) -> None:
        await put(store, seen(root, b"a.png"))
        await store.release(await claimed(store), run_at=NOW + 9, error="busy", attempted=False)
        assert (await store.queue()).next_run_at == NOW + 9
        assert await store.next_due() == NOW + 9
        job = await store.claim(NOW + 9)
        assert job is not None
        await store.release(job, run_at=NOW, error="500", attempted=True)
        again = await claimed(store)
        assert (again.attempts, again.error) == (1, "500")

    async def test_a_missing_image_is_not_interrogated(self, store: Store, root: Root) -> None:
        one = seen(root, b"a.png")
        (answer,) = await put(store, one)
        await store.mark_missing(root.root_id, [b"a.png"], NOW)
        assert await store.claim(NOW) is None
        with pytest.raises(Conflict):
            await store.enqueue(answer.image_id, Ask(), NEW, NOW)
        await put(store, one)
        assert (await claimed(store)).image_id == answer.image_id

    async def test_a_small_import_does_not_wait_for_an_idle_server(
        self, store: Store, root: Root
    ) -> None:
        await put(store, seen(root, b"a.png"), priority=Priority.BACKLOG)
        other = await store.register_root(b"/large")
        many = [seen(other, b"%d.png" % number) for number in range(501)]
        await put(store, *many, priority=Priority.BACKLOG)
        await store.root_imported(root.root_id, NOW)
        await store.root_imported(other.root_id, NOW)
        assert (await store.queue()).ready == {0: 0, 1: 1, 2: 501}

    async def test_a_paused_queue_hands_out_nothing(self, store: Store, root: Root) -> None:
        await put(store, seen(root, b"a.png"))
        await store.pause(True)
        assert (await store.queue()).paused
        assert await store.next_due() is None
        assert await store.claim(NOW) is None
        await store.pause(False)
        assert await store.claim(NOW) is not None
