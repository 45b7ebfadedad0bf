"""The tagger kind against the answers of both wd14-tagger extensions."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.errors import (
    BackendFailed,
    BackendMisconfigured,
    InterrogatorError,
    ModelUnknown,
    PictureRejected,
)
from clipwatch.interrogators.http import Server
from clipwatch.interrogators.tagger import Tagger, told_apart
from clipwatch.model import Tag
from tests.contracts.interrogator import InterrogatorContract, make_red
from tests.servers import FakeTagger
from tests.servers.behaviour import repeats, says
from tests.servers.recorded import recorded

RED = make_red()
ANSWERS = recorded("tagger")
Fork = Literal["toriato", "picobyte"]


class TestTaggerContract(InterrogatorContract):
    kind = "tagger"
    fake = FakeTagger
    text = "1girl"
    used = "wd14-vit-v2-git"
    sent = "wd14-vit-v2-git"

    def worded(self, text: str) -> Any:
        return {"caption": {text.strip(): 0.9}}


@asynccontextmanager
async def asking(server: FakeTagger, model: str = "") -> AsyncIterator[Tagger]:
    tagger = Tagger(Server(server.url), model=model, monotonic=time.monotonic)
    try:
        yield tagger
    finally:
        await tagger.close()


def of(tags: tuple[Tag, ...], category: str) -> Mapping[str, float | None]:
    return {tag.name: round(tag.score or 0, 2) for tag in tags if tag.category == category}


@pytest.mark.parametrize("fork", ["toriato", "picobyte"])
async def test_scores_come_best_first_and_ratings_apart(fork: Fork) -> None:
    async with FakeTagger(fork=fork) as server, asking(server) as tagger:
        caption = await tagger.caption(RED, "")
    assert caption.text == "1girl, saber \\(fate\\), long hair"
    general = of(caption.tags, "general")
    assert list(general)[:3] == ["1girl", "saber (fate)", "long hair"]
    assert (general["1girl"], general["saber (fate)"]) == (0.99, 0.9)
    ratings = of(caption.tags, "rating")
    assert (ratings["general"], ratings["explicit"], len(ratings)) == (0.9, 0.01, 4)


async def test_scores_below_the_text_are_kept() -> None:
    async with FakeTagger(fork="picobyte") as server, asking(server) as tagger:
        caption = await tagger.caption(RED, "")
    assert of(caption.tags, "general")["^ ^"] == 0.2
    assert "^" not in caption.text
    assert 0 < server.calls[-1].body["threshold"] <= 0.2


@pytest.mark.parametrize("fork", ["toriato", "picobyte"])
async def test_an_unknown_model_names_those_that_exist(fork: Fork) -> None:
    async with FakeTagger(fork=fork) as server, asking(server) as tagger:
        assert tagger.accepts("wd14-moat")
        with pytest.raises(ModelUnknown) as caught:
            await tagger.caption(RED, "wd14-moat")
        assert caught.value.known == ("wd14-vit-v2-git",)
        assert not tagger.accepts("wd14-moat")
        assert tagger.accepts("clip_vit_l_14") and tagger.accepts("wd14-vit-v2-git")


async def test_the_first_that_it_lists_is_taken_unless_one_is_set() -> None:
    async with FakeTagger() as server:
        server.models = ["wd-v3", "wd14-vit-v2-git"]
        async with asking(server) as tagger:
            assert (await tagger.caption(RED, "clip")).model == "wd-v3"
            assert (await tagger.probe()).models == ("wd-v3", "wd14-vit-v2-git")
        async with asking(server, "wd14-vit-v2-git") as tagger:
            assert (await tagger.caption(RED, "deepdanbooru")).model == "wd14-vit-v2-git"
            assert (await tagger.caption(RED, "wd-v3")).model == "wd-v3"


async def test_picobytes_failure_with_credentials_says_what_to_do() -> None:
    async with FakeTagger(fork="picobyte", auth=("a", "b")) as server, asking(server) as tagger:
        with pytest.raises(BackendMisconfigured) as caught:
            await tagger.caption(RED, "wd14-vit-v2-git")
    assert "--api-auth" in caught.value.hint


@pytest.mark.parametrize(
    ("case", "expected"),
    [("picobyte_nonimage", PictureRejected), ("picobyte_nomodel", ModelUnknown)],
)
async def test_what_it_answered_is_told_apart(case: str, expected: type[InterrogatorError]) -> None:
    async with FakeTagger() as server, asking(server) as tagger:
        server.script.append(repeats(ANSWERS[case]))
        with pytest.raises(expected):
            await tagger.caption(RED, "wd14-vit-v2-git")


async def test_a_web_ui_without_the_extension_is_told_to_get_it() -> None:
    async with FakeTagger(api=False) as server, asking(server) as tagger:
        found = await tagger.probe()
    assert not found.available
    assert found.hint and "wd14-tagger" in found.hint


async def test_a_tagger_that_lists_nothing_is_not_available() -> None:
    async with FakeTagger() as server, asking(server) as tagger:
        server.models = []
        found = await tagger.probe()
    assert not found.available
    assert found.reason and "no models" in found.reason


@pytest.mark.parametrize(
    "caption", [{"1girl": "much"}, {"1girl": None}, {"tag": {"1girl": True}}, ["1girl"], None]
)
async def test_what_is_no_score_is_no_answer(caption: Any) -> None:
    async with FakeTagger() as server, asking(server) as tagger:
        server.script.append(says(200, {"caption": caption}))
        with pytest.raises(BackendFailed):
            await tagger.caption(RED, "")


def test_ratings_of_deepdanbooru_models_are_ratings() -> None:
    tags, ratings = told_apart({"caption": {"rating:safe": 0.9, "1girl": 0.8}}, "x")
    assert (tags, ratings) == ({"1girl": 0.8}, {"rating:safe": 0.9})


@given(
    st.recursive(st.none() | st.text() | st.floats(), lambda each: st.dictionaries(st.text(), each))
)
def test_any_answer_is_read_or_refused(answer: Any) -> None:
    try:
        tags, ratings = told_apart({"caption": answer}, "x")
    except BackendFailed as error:
        assert error.hint
    else:
        assert not {*tags} & {*ratings} or "tag" in answer


@pytest.mark.parametrize("fork", ["picobyte", "toriato"])
async def test_a_fork_that_cannot_unload_its_models_is_no_trouble(fork: Fork) -> None:
    async with FakeTagger(fork=fork) as server, asking(server) as tagger:
        assert await tagger.unload() is (fork == "picobyte")
        assert [seen.path for seen in server.seen] == ["/tagger/v1/unload-interrogators"]
