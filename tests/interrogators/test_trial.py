"""A real interrogation to see whether it works."""

import time

from clipwatch.errors import Problem
from clipwatch.interrogators.http import Server
from clipwatch.interrogators.sdapi import Sdapi
from clipwatch.interrogators.tagger import Tagger
from clipwatch.interrogators.trial import Trial, tried
from tests.servers import FakeA1111, FakeTagger
from tests.servers.behaviour import Hang


async def trial_of(server: FakeA1111, kind: type[Sdapi | Tagger], limit: float = 5.0) -> Trial:
    made = kind(Server(server.url), model="", monotonic=time.monotonic)
    try:
        return await tried(made, "", limit=limit, monotonic=time.monotonic)
    finally:
        await made.close()


async def test_scores_are_counted() -> None:
    async with FakeTagger() as server:
        trial = await trial_of(server, Tagger)
    assert trial.scores > 4
    assert trial.duration_ms is not None and trial.duration_ms >= 0


async def test_an_answer_that_does_not_come_is_not_waited_for() -> None:
    async with FakeA1111() as server:
        server.script.append(Hang())
        trial = await trial_of(server, Sdapi, limit=0.2)
    assert (trial.text, trial.problem) == (None, Problem.BUSY)
    assert trial.reason and "0.2 s" in trial.reason
    assert trial.hint


async def test_a_server_that_works_for_its_owner_is_left_alone() -> None:
    async with FakeA1111() as server:
        server.rendering = True
        assert (await trial_of(server, Sdapi)).problem is Problem.BUSY
        assert server.calls == []
