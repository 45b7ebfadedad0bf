"""What holds for every route: methods, problems, headers, who may ask."""

import asyncio
import io
import json
import re
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from structlog.testing import capture_logs

from clipwatch import errors
from clipwatch.settings import ServerSettings
from clipwatch.web.app import ROUTES
from clipwatch.web.asking import ScanBody
from clipwatch.web.incoming import read_body
from clipwatch.web.middleware import middlewares
from clipwatch.web.problems import STATUS_OF, Refused
from tests.web.conftest import TOKEN, Rig, body, problem

UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"
READING = sorted({route.path for route in ROUTES if route.method == "GET"})
WRITING = sorted((route.method, route.path) for route in ROUTES if route.method != "GET")


def filled(path: str) -> str:
    return path.replace("{id}", UNKNOWN).replace("{name}", "gallery.css")


@pytest.mark.parametrize("path", READING)
async def test_whatever_can_be_read_can_be_headed(off: Rig, path: str) -> None:
    query = "?q=fox" if path.endswith("/search") else ""
    read = await off.client.get(filled(path) + query)
    head = await off.client.head(filled(path) + query)
    assert (head.status, head.content_type) == (read.status, read.content_type)
    assert await head.read() == b""


@pytest.mark.parametrize("path", READING)
async def test_every_answer_is_safe_to_have_in_a_browser(off: Rig, path: str) -> None:
    answer = await off.client.get(filled(path))
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("path", READING)
async def test_a_query_key_that_is_unknown_is_named(off: Rig, path: str) -> None:
    if path == "/static/{name}":
        return
    told = await problem(await off.client.get(filled(path) + "?q=fox&sorting=up"), 422)
    assert "sorting" in [wrong["name"] for wrong in told["errors"]]


@pytest.mark.parametrize(("method", "path"), WRITING)
async def test_a_body_that_is_no_json_is_refused(off: Rig, method: str, path: str) -> None:
    if method != "POST":
        return
    for text in ("{", "nul", '{"a": NaN}', "[" * 5000, '"\\ud800"'):
        told = await problem(await off.client.post(filled(path), data=text), 400)
        assert "JSON" in told["detail"]


@pytest.mark.parametrize(("method", "path"), WRITING)
async def test_a_field_that_is_unknown_is_named(off: Rig, method: str, path: str) -> None:
    if method != "POST":
        return
    told = await problem(await off.post(filled(path), {"colour": "red"}), 422)
    assert "colour" in [wrong["name"] for wrong in told["errors"]]
    await problem(await off.post(filled(path), ["no object"]), 422)


@pytest.mark.parametrize("path", ["/nothing", "/api/v1/", "/api/v2/images", "/static/../app.py"])
async def test_an_unknown_address_is_not_found(off: Rig, path: str) -> None:
    told = await problem(await off.client.get(path), 404)
    assert told["instance"].startswith("/")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "TRACE", "DELETE"])
async def test_another_method_is_refused_with_those_that_are_known(off: Rig, method: str) -> None:
    answer = await off.client.request(method, "/api/v1/images")
    await problem(answer, 405)
    assert set(answer.headers["Allow"].split(",")) == {"GET", "HEAD"}


async def test_a_body_that_cannot_be_unpacked_is_refused(off: Rig) -> None:
    headers = {"Content-Encoding": "gzip"}
    answer = await off.client.post("/api/v1/images/scan", data=b"no gzip", headers=headers)
    assert "Content-Encoding" in (await problem(answer, 400))["detail"]


async def test_a_client_that_goes_away_in_mid_body_is_no_fault_of_ours() -> None:
    entered = asyncio.Event()
    refused = asyncio.get_running_loop().create_future()

    async def handler(request: web.Request) -> web.Response:
        entered.set()
        with pytest.raises(Refused) as caught:
            await read_body(request, ScanBody)
        refused.set_result(caught.value.problem.status)
        return web.Response()

    app = web.Application()
    app.router.add_post("/", handler)
    runner = web.AppRunner(app)  # as the daemon's: it does not cancel what nobody waits for
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        _, writer = await asyncio.open_connection(*runner.addresses[0][:2])
        writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{")
        await entered.wait()
        writer.close()
        assert await refused == 400
    finally:
        await runner.cleanup()


async def test_too_large_a_body_is_refused(off: Rig) -> None:
    data = io.BytesIO(json.dumps({"path": "/" + "x" * 2_000_000}).encode())
    told = await problem(await off.client.post("/api/v1/images/scan", data=data), 413)
    assert told["detail"].endswith("exceeded.") and ".." not in told["detail"]


# --- Host and Origin -------------------------------------------------------------------------


async def test_another_host_is_refused_everywhere(off: Rig) -> None:
    for path in READING:
        answer = await off.client.get(filled(path), headers={"Host": "evil.example"})
        told = await problem(answer, 403)
        assert "evil.example" in told["detail"]


async def raw(rig: Rig, request: str) -> bytes:
    """Send bytes that no client library would, and read until the server closes."""
    reader, writer = await asyncio.open_connection(rig.client.host, rig.client.port)
    writer.write(request.replace("\n", "\r\n").encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        ("", 400),
        ("Host: localhost\nHost: localhost\n", 400),
        ("Host: \n", 403),
        ("Host: localhost:1\n", 403),
        ("Host: localhost\n", 200),
    ],
)
async def test_exactly_one_host_is_asked_for(off: Rig, hosts: str, status: int) -> None:
    answer = await raw(off, f"GET /health HTTP/1.1\n{hosts}Connection: close\n\n")
    assert int(answer.split()[1]) == status


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "null"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost:8188"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_other_sites_are_refused(off: Rig, headers: dict[str, str]) -> None:
    await problem(await off.client.get("/api/v1/images", headers=headers), 403)
    await problem(await off.client.post("/api/v1/queue/pause", headers=headers), 403)
    assert not (await body(await off.client.get("/api/v1/queue")))["paused"]


async def test_our_own_page_may_ask_with_json(off: Rig) -> None:
    headers = {"Origin": str(off.client.make_url("")).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    answer = await off.client.post("/api/v1/queue/pause", headers=headers, json={})
    assert answer.status == 200


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
async def test_a_form_is_refused_from_a_browser_and_read_as_json_from_others(
    off: Rig, content_type: str
) -> None:
    browser = {"Sec-Fetch-Site": "same-origin", "Content-Type": content_type}
    path, data = "/api/v1/images/scan", json.dumps({"path": str(off.folder)})
    await problem(await off.client.post(path, headers=browser, data=data), 415)
    curl = await off.client.post(path, headers={"Content-Type": content_type}, data=data)
    assert curl.status == 200


async def test_a_bare_post_of_a_page_is_refused(off: Rig) -> None:
    headers = {"Sec-Fetch-Site": "same-origin"}
    await problem(await off.client.post("/api/v1/queue/pause", headers=headers), 415)


# --- the token -------------------------------------------------------------------------------


async def test_without_the_token_only_the_shell_is_shown(guarded: Rig) -> None:
    for path in READING:
        answer = await guarded.client.get(filled(path))
        if path in ("/", "/static/{name}"):
            assert answer.status == 200
        else:
            await problem(answer, 401)
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("authorization", ["Bearer wrong", "Basic Zm9vOmJhcg==", "", "Bearer"])
async def test_a_wrong_token_is_refused(guarded: Rig, authorization: str) -> None:
    headers = {"Authorization": authorization}
    await problem(await guarded.client.get("/api/v1/images", headers=headers), 401)


async def test_the_token_opens_everything(guarded: Rig) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert (await guarded.client.get("/api/v1/images", headers=headers)).status == 200
    assert (await guarded.client.post("/api/v1/queue/pause", headers=headers)).status == 200


async def test_the_token_in_an_address_is_refused(guarded: Rig) -> None:
    await problem(await guarded.client.get("/api/v1/images", params={"token": TOKEN}), 401)


async def test_the_gallery_trades_the_token_for_a_cookie_that_reads(guarded: Rig) -> None:
    answer = await guarded.post("/session", {"token": TOKEN})
    assert answer.status == 204
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert TOKEN not in cookie
    held = {"Cookie": cookie.partition(";")[0]}
    assert (await guarded.client.get("/api/v1/images", headers=held)).status == 200
    await problem(await guarded.client.post("/api/v1/queue/pause", headers=held), 401)


async def test_a_wrong_login_is_refused(guarded: Rig) -> None:
    answer = await guarded.post("/session", {"token": "wrong"})
    await problem(answer, 403)
    assert "Set-Cookie" not in answer.headers


async def test_without_a_token_there_is_nothing_to_log_in_to(off: Rig) -> None:
    await problem(await off.post("/session", {"token": ""}), 403)


# --- errors ----------------------------------------------------------------------------------

RAISED = {
    "query": errors.QueryError("what is this", token="(", at=3, hint="close it"),
    "missing": errors.NotFound("no such image"),
    "forgotten": errors.ChangesForgotten("no longer kept", oldest=7),
    "conflict": errors.Conflict("not finished"),
    "forbidden": errors.Forbidden("outside", hint="server.allowed_folders"),
    "unavailable": errors.Unavailable("disabled", retry_after=4.2),
    "in-time": errors.NotInTime("too slow", job_id=UUID(UNKNOWN)),
    "store": errors.StoreError("locked"),
    "full": errors.StoreFull("no space"),
    "absent": errors.BackendAbsent("refused"),
    "busy": errors.BackendBusy("later"),
    "timeout": errors.BackendTimeout("slow"),
    "misconfigured": errors.BackendMisconfigured("no --api"),
    "failed": errors.BackendFailed("html"),
    "rejected": errors.CaptionRejected("<error>"),
    "picture": errors.PictureRejected("too large"),
    "model": errors.ModelUnknown("no model x", known=("clip", "deepdanbooru")),
    "bug": RuntimeError("secret detail"),
    "surrogate": errors.NotFound("no file \udce9.png"),
}
STATUSES = {
    "query": 400, "missing": 404, "forgotten": 410, "conflict": 409, "forbidden": 403,
    "unavailable": 503, "in-time": 504, "store": 503, "full": 503, "absent": 503, "busy": 503,
    "timeout": 504, "misconfigured": 502, "failed": 502, "rejected": 502, "picture": 422,
    "model": 422, "bug": 500, "surrogate": 404,
}  # fmt: skip


@pytest.fixture
async def raising() -> AsyncIterator[TestClient[web.Request, web.Application]]:
    """An application whose only handler raises the error that the path names."""

    async def handler(request: web.Request) -> web.Response:
        raise RAISED[request.match_info["name"]]

    app = web.Application(middlewares=middlewares(ServerSettings()))
    app.router.add_get("/{name}", handler)
    async with TestClient(TestServer(app)) as client:
        yield client


@pytest.mark.parametrize("name", RAISED)
async def test_every_error_has_its_status(
    raising: TestClient[web.Request, web.Application], name: str
) -> None:
    answer = await raising.get(f"/{name}")
    told = await problem(answer, STATUSES[name])
    assert told["instance"] == f"/{name}"
    assert ("Retry-After" in answer.headers) == (answer.status == 503)


async def test_errors_carry_what_helps(
    raising: TestClient[web.Request, web.Application],
) -> None:
    assert (await raising.get("/unavailable")).headers["Retry-After"] == "5"
    model = await problem(await raising.get("/model"), 422)
    assert model["known"] == ["clip", "deepdanbooru"]
    assert model["hint"] == "Known are clip, deepdanbooru."
    query = await problem(await raising.get("/query"), 400)
    assert (query["token"], query["at"], query["hint"]) == ("(", 3, "close it")
    assert (await problem(await raising.get("/in-time"), 504))["job_id"] == UNKNOWN
    assert (await problem(await raising.get("/forgotten"), 410))["oldest"] == 7


async def test_a_fault_of_ours_is_logged_once_and_says_nothing_to_the_client(
    raising: TestClient[web.Request, web.Application],
) -> None:
    with capture_logs() as logs:
        answer = await raising.get("/bug")
        assert "secret" not in await answer.text()
    assert [(entry["event"], entry["path"]) for entry in logs] == [("request.failed", "/bug")]
    assert logs[0]["exc_info"]


def test_every_error_that_can_reach_a_client_is_in_the_table() -> None:
    told = {kind for kind, _ in STATUS_OF}
    ours = {kind for kind in vars(errors).values() if _is_error(kind)}
    never = {
        errors.ClipwatchError,
        errors.SettingsError,
        errors.StartError,
        errors.DaemonUnreachable,
    }
    for kind in ours - never:
        assert any(issubclass(kind, known) for known in told), kind


def _is_error(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, errors.ClipwatchError)


def test_the_table_of_routes_names_each_once() -> None:
    named = [(route.method, route.path) for route in ROUTES]
    assert len(named) == len(set(named))
    assert all(re.fullmatch(r"(/[a-z0-9{}]*)+", path) for _, path in named)
