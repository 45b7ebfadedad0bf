"""Models from a hub on loopback: whole, resumed, refused, damaged."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.errors import ClipwatchError, Conflict, Forbidden, NotFound, Unavailable
from clipwatch.interrogators.local_hub import Hub, told
from clipwatch.interrogators.local_pull import Pulled, disk_errors, pull
from tests.servers.hub import COMMIT, FakeHub
from tests.taggers import make_tagger

NAME = "wd-vit-tagger-v3"
MODEL = os.urandom(5000)
LABELS = b"tag_id,name,category,count\n1,cat,0,5\n"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own must not stand between."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
async def hub() -> AsyncIterator[FakeHub]:
    files = {}
    for repository in (f"SmilingWolf/{NAME}", "anna/tagger"):
        files[f"{repository}/model.onnx"] = MODEL
        files[f"{repository}/selected_tags.csv"] = LABELS
    files["anna/llm/README.md"] = b"hello"
    async with FakeHub(files) as hub:
        yield hub


async def pulled(
    hub: FakeHub, models: Path, name: str = NAME, *, force: bool = False, token: str = ""
) -> Pulled:
    def work() -> Pulled:
        return pull(Hub(hub.url, token), models, name, force=force, progress=unseen)

    return await asyncio.to_thread(work)


@contextmanager
def unseen(name: str, size: int) -> Iterator[Callable[[int], None]]:
    yield lambda there: None


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


WHOLE = {"model.onnx": MODEL, "selected_tags.csv": LABELS}


async def test_both_files_are_put_in_place(hub: FakeHub, tmp_path: Path) -> None:
    models = tmp_path / "state" / "models"
    assert await pulled(hub, models) == Pulled(NAME, models / NAME, is_new=True)
    assert files_in(models / NAME) == WHOLE
    assert os.listdir(models) == [NAME]
    assert hub.asked[-1].path.endswith(f"{NAME}/model.onnx")
    # The model belongs to the table: both are of one commit.
    revisions = [asked.path.split("/")[4] for asked in hub.asked if "/resolve/" in asked.path]
    assert revisions == ["main", COMMIT, COMMIT, COMMIT]


async def test_any_repository_can_be_pulled(hub: FakeHub, tmp_path: Path) -> None:
    assert (await pulled(hub, tmp_path, "anna/tagger")).folder == tmp_path / "anna--tagger"
    assert (await pulled(hub, tmp_path, f"SmilingWolf/{NAME}")).name == NAME


async def test_what_is_there_is_left_alone_unless_forced(hub: FakeHub, tmp_path: Path) -> None:
    folder = make_tagger(tmp_path / NAME)
    (folder / "notes").touch()
    assert not (await pulled(hub, tmp_path)).is_new
    assert hub.asked == []
    assert (await pulled(hub, tmp_path, force=True)).is_new
    assert files_in(folder) == WHOLE
    assert os.listdir(tmp_path) == [NAME]


async def test_an_interrupted_download_goes_on_where_it_stopped(
    hub: FakeHub, tmp_path: Path
) -> None:
    hub.breaks = [1000, 500]
    for _ in range(2):
        with pytest.raises(Unavailable) as caught:
            await pulled(hub, tmp_path)
        assert "again" in caught.value.hint
        assert not (tmp_path / NAME).exists()
    await pulled(hub, tmp_path)
    assert files_in(tmp_path / NAME) == WHOLE
    assert hub.downloads("model.onnx") == [None, "bytes=1000-", "bytes=1500-"]


async def test_where_ranges_are_unknown_it_begins_again(hub: FakeHub, tmp_path: Path) -> None:
    hub.breaks, hub.knows_ranges = [1000], False
    with pytest.raises(Unavailable):
        await pulled(hub, tmp_path)
    await pulled(hub, tmp_path)
    assert files_in(tmp_path / NAME) == WHOLE


async def test_another_version_does_not_go_on_from_the_old_one(
    hub: FakeHub, tmp_path: Path
) -> None:
    hub.breaks = [1000]
    with pytest.raises(Unavailable):
        await pulled(hub, tmp_path)
    newer = MODEL[::-1]
    hub.files[f"SmilingWolf/{NAME}/model.onnx"] = newer
    await pulled(hub, tmp_path)
    assert files_in(tmp_path / NAME) == {**WHOLE, "model.onnx": newer}


@pytest.mark.parametrize("trouble", ["corrupt", "endless"])
async def test_a_wrong_checksum_is_never_put_in_place(
    hub: FakeHub, tmp_path: Path, trouble: str
) -> None:
    setattr(hub, trouble, True)
    with pytest.raises(ClipwatchError, match=r"model\.onnx is not what the hub says") as caught:
        await pulled(hub, tmp_path)
    assert caught.value.hint
    assert not (tmp_path / NAME).exists()
    setattr(hub, trouble, False)
    assert (await pulled(hub, tmp_path)).is_new


async def test_what_the_hub_has_not_is_said(hub: FakeHub, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="has no bert/cased") as caught:
        await pulled(hub, tmp_path, "bert/cased")
    assert "HF_TOKEN" in caught.value.hint
    with pytest.raises(NotFound, match=r"anna/llm .* has no selected_tags\.csv"):
        await pulled(hub, tmp_path, "anna/llm")
    with pytest.raises(NotFound, match="no model is called 'wd'") as caught:
        await pulled(hub, tmp_path, "wd")
    assert NAME in caught.value.hint


async def test_a_gated_model_needs_a_token_that_goes_to_no_other_host(
    hub: FakeHub, tmp_path: Path
) -> None:
    hub.token = "hf_geheim"
    with pytest.raises(Forbidden) as caught:
        await pulled(hub, tmp_path, token="wrong")
    assert "HF_TOKEN" in caught.value.hint
    assert "wrong" not in caught.value.message
    assert (await pulled(hub, tmp_path, token="hf_geheim")).is_new
    told_to = {asked.place for asked in hub.asked if asked.authorization}
    assert told_to == {"hub"}
    assert "cdn" in {asked.place for asked in hub.asked}


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_hub_in_trouble_can_be_asked_again(
    hub: FakeHub, tmp_path: Path, status: int
) -> None:
    hub.status = status
    with pytest.raises(Unavailable, match=str(status)) as caught:
        await pulled(hub, tmp_path)
    assert caught.value.exit_code == 69


async def test_without_a_network_it_says_so(tmp_path: Path) -> None:
    async with FakeHub({}) as hub:
        pass
    with pytest.raises(Unavailable, match=f"no answer from {hub.url}"):
        await pulled(hub, tmp_path)


@pytest.mark.parametrize(
    "headers",
    [{"X-Repo-Commit": "main"}, {"X-Linked-Etag": '"abc"', "ETag": '"abc"'}, {"Location": "/"}],
)
async def test_what_is_no_hub_is_not_trusted(
    hub: FakeHub, tmp_path: Path, headers: dict[str, str]
) -> None:
    hub.headers = headers
    with pytest.raises(ClipwatchError) as caught:
        await pulled(hub, tmp_path)
    assert caught.value.hint
    assert not (tmp_path / NAME).exists()


@pytest.mark.parametrize("endpoint", ["", "huggingface.co", "file:///etc"])
def test_an_endpoint_must_be_an_address(endpoint: str) -> None:
    with pytest.raises(ClipwatchError, match="no address of a hub") as caught:
        Hub(endpoint)
    assert "HF_ENDPOINT" in caught.value.hint


async def test_two_pulls_of_one_model_do_not_mix(hub: FakeHub, tmp_path: Path) -> None:
    staging = tmp_path / f".{NAME}.part"
    staging.mkdir()
    descriptor = os.open(staging, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(Conflict, match="already"):
        await pulled(hub, tmp_path)
    os.close(descriptor)
    assert (await pulled(hub, tmp_path)).is_new


async def test_a_folder_that_cannot_be_written_is_named(hub: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "models").touch()
    with pytest.raises(ClipwatchError, match="cannot be written") as caught:
        await pulled(hub, tmp_path / "models")
    assert str(tmp_path / "models") in caught.value.message
    assert caught.value.hint


async def test_a_disk_without_room_is_seen_before(hub: FakeHub, tmp_path: Path) -> None:
    hub.headers = {"X-Linked-Size": str(10**18)}
    hub.files[f"SmilingWolf/{NAME}/selected_tags.csv"] = MODEL
    with pytest.raises(ClipwatchError, match="MB left") as caught:
        await pulled(hub, tmp_path)
    assert "room" in caught.value.hint
    assert hub.downloads("") == []


def test_a_disk_that_fills_meanwhile_is_said_to_be_full(tmp_path: Path) -> None:
    full = f"the disk under {tmp_path} is full"
    with pytest.raises(ClipwatchError, match=full) as caught, disk_errors(tmp_path):
        Path("/dev/full").write_bytes(b"x")
    assert "again" in caught.value.hint


@given(
    st.dictionaries(
        st.sampled_from(["X-Repo-Commit", "X-Linked-Etag", "X-Linked-Size", "ETag", "Location"]),
        st.text(max_size=5),
    ),
    st.sampled_from([200, 302]),
)
def test_any_headers_tell_something_or_nothing(headers: dict[str, str], status: int) -> None:
    found = told(headers, status)
    assert found.keys() <= {"commit", "etag", "size"}
    assert status == 200 or "etag" not in found or headers["X-Linked-Etag"]
