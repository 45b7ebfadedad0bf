"""The fake ComfyUI answers what the genuine one was recorded to answer."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest

from tests.servers import FakeComfyui
from tests.servers.comfyui import SHOW, WD14
from tests.servers.comfyui_validation import ANSWERS

UUID = "9c6eac24-c860-41e4-a9ee-52cb585537ac"
LOAD = {"class_type": "LoadImage", "inputs": {"image": "red.png [temp]"}}
LOOK = {
    "class_type": WD14,
    "inputs": {
        "image": ["1", 0],
        "model": "wd-vit-tagger-v3",
        "threshold": 0.35,
        "character_threshold": 0.85,
        "replace_underscore": False,
        "trailing_comma": False,
        "exclude_tags": "",
    },
}
GRAPH = {"1": LOAD, "2": LOOK}
PARTLY = {
    **GRAPH,
    "4": {"class_type": "LoadImage", "inputs": {"image": "missing.png"}},
    "5": {"class_type": "PreviewImage", "inputs": {"images": ["4", 0]}},
}


def looking(**inputs: Any) -> dict[str, Any]:
    """The graph with other inputs for the tagger; None leaves one out."""
    given = {**LOOK["inputs"], **inputs}  # type: ignore[dict-item]
    return {"1": LOAD, "2": {**LOOK, "inputs": {k: v for k, v in given.items() if v is not None}}}


@pytest.fixture
async def server() -> AsyncIterator[FakeComfyui]:
    async with FakeComfyui() as fake:
        fake.uploads["red.png [temp]"] = b"a picture"
        yield fake


async def ask(
    server: FakeComfyui, method: str, path: str, body: bytes = b"", **options: Any
) -> tuple[int, Any]:
    """Status and JSON, or else text."""
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, server.url + path, data=body or None, **options) as answer,
    ):
        text = await answer.text()
        return answer.status, orjson.loads(text) if answer.content_type.endswith("json") else text


async def queue(server: FakeComfyui, graph: Any, **fields: Any) -> tuple[int, Any]:
    return await ask(server, "POST", "/prompt", orjson.dumps({"prompt": graph, **fields}))


def as_recorded(case: str) -> tuple[int, Any]:
    return ANSWERS[case].status, ANSWERS[case].answer


@pytest.mark.parametrize(
    ("method", "path", "body", "case"),
    [
        ("POST", "/prompt", b'{"prompt":', "err_badjson"),
        ("POST", "/prompt", b"", "err_emptybody"),
        ("POST", "/prompt", b"{}", "err_noprompt"),
        ("POST", "/prompt", b"[]", "err_noprompt"),
        ("POST", "/prompt", b'{"prompt": "abc"}', "err_promptstr"),
        ("POST", "/prompt", b'{"prompt": {"nodes": [], "links": []}}', "err_uiworkflow"),
        ("POST", "/prompt", b'{"prompt": {"1": {"inputs": {}}}}', "err_noclass"),
        ("POST", "/prompt", b'{"prompt": {"1": {"class_type": "LoadImage"}}}', "err_nooutputs"),
        ("POST", "/prompt", b'{"prompt": {"1": {"class_type": "NoSuchNode"}}}', "err_badclass"),
        ("DELETE", "/prompt", b"", "err_method"),
        ("POST", "/sdapi/v1/interrogate", b"{}", "err_method"),
        ("GET", "/nope", b"", "err_404"),
        ("GET", "/object_info/Nope", b"", "object_info_unknown"),
        ("GET", "/object_info/WD14Tagger%7Cpysssss", b"", "object_info_one"),
        ("GET", "/system_stats", b"", "system_stats"),
        ("GET", "/history/does-not-exist", b"", "history_unknown"),
        ("POST", "/queue", b'{"delete": ["zzz"]}', "queue_delete_unknown"),
        ("POST", "/queue", b"{", "queue_badjson"),
        ("POST", "/interrupt", b'{"prompt_id": "zzz"}', "interrupt_json"),
    ],
)
async def test_requests_are_answered_as_recorded(
    server: FakeComfyui, method: str, path: str, body: bytes, case: str
) -> None:
    assert await ask(server, method, path, body) == as_recorded(case)


@pytest.mark.parametrize(
    ("graph", "case"),
    [
        (looking(model="nope"), "prompt_wd_badmodel"),
        (looking(threshold=None), "prompt_wd_missinginput"),
        ({"1": PARTLY["4"], "2": LOOK}, "prompt_wd_noimg"),
    ],
)
async def test_graphs_are_refused_as_recorded(server: FakeComfyui, graph: Any, case: str) -> None:
    status, answer = await queue(server, graph)
    expected = ANSWERS[case]
    assert status == expected.status and answer["node_errors"].keys() == {"2", "1"} & {
        *expected.answer["node_errors"]
    }
    for name in ("type", "message"):
        assert answer["error"][name] == expected.answer["error"][name]
    told, said = (a["error"]["details"] for a in (answer, expected.answer))
    assert told.partition(" not in")[0] == said.partition(" not in")[0]  # the list is longer there


async def test_a_graph_that_is_right_in_parts_is_queued(server: FakeComfyui) -> None:
    status, answer = await queue(server, PARTLY)
    expected = ANSWERS["prompt_wd_partial_bad"].answer["node_errors"]["4"]
    assert status == 200 and [*answer["node_errors"]] == ["4"]
    error = answer["node_errors"]["4"]
    assert error["dependent_outputs"] == expected["dependent_outputs"] == ["5"]
    assert error["errors"][0]["details"] == expected["errors"][0]["details"]
    assert [*server.history[answer["prompt_id"]]["outputs"]] == ["2"]


async def test_a_history_is_gone_after_a_restart(server: FakeComfyui) -> None:
    _, answer = await queue(server, GRAPH, client_id="me")
    path = f"/history/{answer['prompt_id']}"
    _, before = await ask(server, "GET", path)
    assert before[answer["prompt_id"]]["outputs"]["2"]["tags"]
    server.restart()
    assert await ask(server, "GET", path) == as_recorded("restart_history")
    assert server.uploads == {}


async def test_a_text_that_is_shown_is_put_out_twice(server: FakeComfyui) -> None:
    server.nodes["PreviewAny"] = SHOW
    shown = {**GRAPH, "3": {"class_type": "PreviewAny", "inputs": {"source": ["2", 0]}}}
    _, answer = await queue(server, shown)
    (recorded,) = ANSWERS["history_wd_preview"].answer.values()
    assert server.history[answer["prompt_id"]]["outputs"].keys() == recorded["outputs"].keys()


@pytest.mark.parametrize("client", [{}, {"client_id": "me"}])
async def test_what_is_cached_is_put_out_to_clients_alone(
    server: FakeComfyui, client: dict[str, str]
) -> None:
    server.version = "0.8.0"
    await queue(server, GRAPH)
    _, answer = await queue(server, GRAPH, **client)
    case = "history_cached_cid" if client else "history_cached_nocid2"
    (recorded,) = ANSWERS[case].answer.values()
    assert [*server.history[answer["prompt_id"]]["outputs"]] == [*recorded["outputs"]]


@pytest.mark.parametrize(
    ("version", "prompt_id", "status"),
    [
        ("0.3.64", "my-id-1", 200),
        ("0.9.1", UUID, 200),
        ("0.9.1", "my-id-1", 400),
        ("0.9.1", UUID.upper(), 400),
    ],
)
async def test_new_versions_want_canonical_ids(
    server: FakeComfyui, version: str, prompt_id: str, status: int
) -> None:
    server.version = version
    assert (await queue(server, GRAPH, prompt_id=prompt_id))[0] == status


def form(name: str | None, data: bytes, field: str = "image") -> aiohttp.FormData:
    made = aiohttp.FormData({"type": "temp"}, quote_fields=False)
    made.add_field(field, data, filename=name, content_type="image/png")
    return made


async def test_uploads_are_answered_as_recorded(server: FakeComfyui) -> None:
    async with aiohttp.ClientSession() as session:

        async def upload(data: aiohttp.FormData) -> tuple[int, Any]:
            async with session.post(server.url + "/upload/image", data=data) as answer:
                is_json = answer.content_type.endswith("json")
                return answer.status, await (answer.json() if is_json else answer.text())

        assert await upload(form("ow.png", b"a")) == as_recorded("up_temp")
        assert await upload(form("ow.png", b"a")) == as_recorded("up_temp")
        renamed = {**ANSWERS["upload_same_name_other_bytes"].answer, "type": "temp"}
        assert await upload(form("red.png", b"other")) == (200, {**renamed, "name": "red (1).png"})
        assert await upload(form("red.png", b"", "file")) == as_recorded("upload_no_image")
        assert await upload(form("../red.png", b"")) == as_recorded("upload_traversal")


@pytest.mark.parametrize(
    ("origin", "status"),
    [(None, 200), ("http://localhost:1", 403), ("http://127.0.0.1:1", 403)],
)
async def test_pages_of_another_origin_are_refused(
    server: FakeComfyui, origin: str | None, status: int
) -> None:
    headers = {"Origin": origin} if origin else {}
    assert (await ask(server, "GET", "/system_stats", headers=headers))[0] == status


@pytest.mark.parametrize("ending", ["success", "error"])
async def test_messages_come_before_the_answer_and_end_with_nothing_that_runs(
    server: FakeComfyui, ending: str
) -> None:
    server.ending = {"status_str": ending, "completed": ending == "success", "messages": []}
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(server.url + "/ws?clientId=me") as socket,
    ):
        assert (await socket.receive_json())["type"] == "status"
        queued = asyncio.create_task(queue(server, GRAPH, client_id="me", prompt_id=UUID))
        kinds: list[tuple[str, str | None]] = []
        while not (kinds and kinds[-1] == ("executing", None)):
            message = await socket.receive()
            if message.type is aiohttp.WSMsgType.TEXT:
                told = orjson.loads(message.data)
                assert told["data"]["prompt_id"] == UUID
                kinds.append((told["type"], told["data"].get("node")))
        assert (f"execution_{ending}", None) in kinds
        assert (await queued)[0] == 200
