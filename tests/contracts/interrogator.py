"""What every interrogator does, whatever it asks, and what those do that ask a server."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from io import BytesIO
from ssl import SSLContext
from typing import Any, ClassVar, TypeAlias

import pytest
from PIL import Image

from clipwatch.errors import (
    BackendAbsent,
    BackendBusy,
    BackendFailed,
    BackendMisconfigured,
    Blame,
    CaptionRejected,
    InterrogatorError,
    Problem,
)
from clipwatch.interrogators import build
from clipwatch.interrogators.base import Activity, Interrogator, Picture
from clipwatch.settings import BackendSettings
from tests.servers import FakeServer
from tests.servers.behaviour import (
    Behaviour,
    Hang,
    drops,
    echoes_credentials,
    halves,
    never_ends,
    never_ends_failing,
    repeats_request,
    says,
    says_text,
)

Appear: TypeAlias = Callable[[], Awaitable[None]]
USER, PASSWORD = "lena", "correct-horse"

FAILURES: dict[str, tuple[Behaviour, type[InterrogatorError]]] = {
    "HTML": (says_text("<html><body>Welcome</body></html>"), BackendFailed),
    "broken JSON": (says_text('{"caption": ', content_type="application/json"), BackendFailed),
    "JSON null": (says(200, None), BackendFailed),
    "JSON list": (says(200, ["a", "b"]), BackendFailed),
    "no caption": (says(200, {"images": []}), BackendFailed),
    "a number": (says(200, {"caption": 7}), BackendFailed),
    "dropped": (drops, BackendFailed),
    "half an answer": (halves, BackendFailed),
    "endless": (never_ends, BackendFailed),
    "500": (says(500, {"detail": "", "errors": "CUDA out of memory"}), BackendFailed),
    "500 without words": (says_text("", status=500), BackendFailed),
    "500 with a list": (says(500, {"detail": [{"loc": ["body"], "msg": "no"}]}), BackendFailed),
    "500 with an object": (says(500, {"detail": {"msg": "no", "type": "x"}}), BackendFailed),
    "500 in HTML": (says_text("<html>Internal Server Error</html>", status=500), BackendFailed),
    "too short a length": (says_text('{"caption', content_type="application/json"), BackendFailed),
    "error page without end": (never_ends_failing, BackendFailed),
    "502": (says_text("<html>Bad Gateway</html>", status=502), BackendAbsent),
    "echo": (echoes_credentials, BackendFailed),
    "401": (says(401, {"detail": "Not authenticated"}), BackendMisconfigured),
    "403": (says_text("Forbidden", status=403), BackendMisconfigured),
    "another host": (
        says(302, headers={"Location": f"http://{USER}:{PASSWORD}@elsewhere.example:81/x"}),
        BackendMisconfigured,
    ),
    "429": (says(429, {"detail": "slow down"}, headers={"Retry-After": "7"}), BackendBusy),
    "503": (says(503, {"detail": {"msg": "Server is busy; please try again."}}), BackendBusy),
}


def make_red() -> Picture:
    """A picture as ``make_picture`` gives it."""
    out = BytesIO()
    Image.new("RGB", (64, 48), (200, 0, 0)).save(out, "PNG")
    return Picture(out.getvalue(), "image/png", 64, 48, b"\1" * 32)


def make_large() -> Picture:
    """More than a megabyte, which no message may repeat."""
    return Picture(random.Random(1).randbytes(1_500_000), "image/png", 64, 48, b"\2" * 32)


class CaptionContract:
    """What holds of all of them, with a server behind or without one."""

    text: ClassVar[str] = "red square"  #: in the caption
    used: ClassVar[str] = "clip"  #: the model that answers to this name

    def ready(self) -> AbstractAsyncContextManager[Interrogator]:
        """One that can be asked."""
        raise NotImplementedError

    def absent(self) -> AbstractAsyncContextManager[tuple[Interrogator, Appear]]:
        """One that lacks what it asks, and what makes that appear."""
        raise NotImplementedError

    async def test_gives_a_caption_and_the_model_that_made_it(self) -> None:
        async with self.ready() as interrogator:
            caption = await interrogator.caption(make_red(), "clip")
            assert self.text in caption.text
            assert caption.model == self.used
            assert await interrogator.activity() in (Activity.IDLE, Activity.UNKNOWN)

    async def test_what_is_not_there_costs_no_attempt_until_it_is(self) -> None:
        async with self.absent() as (interrogator, appear):
            with pytest.raises(InterrogatorError) as caught:
                await interrogator.caption(make_red(), "")
            assert caught.value.blame is Blame.BACKEND
            assert caught.value.message and caught.value.hint
            found = await interrogator.probe()
            assert not found.available
            assert found.problem and found.reason and found.hint
            await appear()
            assert (await interrogator.caption(make_red(), "")).text

    async def test_a_call_that_was_cancelled_does_not_hold_up_the_next(self) -> None:
        async with self.ready() as interrogator:
            call = asyncio.create_task(interrogator.caption(make_red(), ""))
            await asyncio.sleep(0)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert self.text in (await interrogator.caption(make_red(), "")).text

    async def test_a_probe_says_what_can_be_asked(self) -> None:
        async with self.ready() as interrogator:
            found = await interrogator.probe()
            assert found.available and not found.busy
            assert found.problem is found.reason is None
            assert found.kind == interrogator.kind
            assert found.models
            assert all(map(interrogator.accepts, ("", "clip", *found.models)))
            assert found.latency_ms is not None and found.latency_ms >= 0


class InterrogatorContract(CaptionContract):
    """Subclass it with the kind and the fake of its server."""

    kind: ClassVar[str]
    fake: ClassVar[type[FakeServer]]
    sent: ClassVar[str | None] = "clip"  #: under "model" of the request

    def worded(self, text: str) -> Any:
        """The answer with which this server gives a text as its caption."""
        return {"caption": text, "prompt": text}

    def saying(self, server: FakeServer, text: str) -> Behaviour:
        """The fake's behaviour when it gives a text as its caption."""
        return says(200, self.worded(text))

    @asynccontextmanager
    async def made(self, url: str, *, user: str = USER) -> AsyncIterator[Interrogator]:
        settings = BackendSettings.model_validate(
            {
                "name": "default",
                "url": url,
                "kind": self.kind,
                "username": user,
                "password": PASSWORD,
            }
        )
        interrogator = await build(settings, monotonic=time.monotonic)
        try:
            yield interrogator
        finally:
            await interrogator.close()

    @asynccontextmanager
    async def ready(self) -> AsyncIterator[Interrogator]:
        async with self.fake() as server, self.made(server.url) as interrogator:
            yield interrogator

    @asynccontextmanager
    async def absent(self) -> AsyncIterator[tuple[Interrogator, Appear]]:
        async with self.fake() as server, self.made(server.url) as interrogator:
            await server.stop()
            yield interrogator, server.start

    async def test_sends_the_picture_and_returns_the_caption(self) -> None:
        picture = make_red()
        async with self.fake() as server, self.made(server.url) as interrogator:
            caption = await interrogator.caption(picture, "clip")
            assert self.text in caption.text
            assert caption.model == self.used
            assert server.calls[-1].picture == picture.data
            assert server.calls[-1].model == self.sent
            assert "Origin" not in server.calls[-1].headers

    async def test_keeps_the_path_of_the_url_and_no_double_slash(self) -> None:
        async with self.fake(prefix="/sd/ui") as server:
            async with self.made(server.url + "//") as interrogator:
                await interrogator.caption(make_red(), "")
            assert server.calls[-1].path.startswith("/sd/ui/")
            assert "//" not in server.calls[-1].path

    async def test_sends_credentials_unasked(self) -> None:
        async with self.fake(auth=(USER, PASSWORD)) as server:
            async with self.made(server.url) as interrogator:
                await interrogator.caption(make_red(), "")
            assert server.seen[0].headers["Authorization"].startswith("Basic ")

    async def test_wrong_credentials_are_the_owners_to_correct(self) -> None:
        async with self.fake(auth=("anna", "other")) as server:
            async with self.made(server.url) as interrogator:
                with pytest.raises(BackendMisconfigured) as caught:
                    await interrogator.caption(make_red(), "")
            assert "401" in caught.value.message
            assert "password" in caught.value.hint
            assert caught.value.problem is Problem.CREDENTIALS

    @pytest.mark.parametrize("user", ["lena:a", "lenä"])
    async def test_credentials_that_cannot_be_sent_are_said_to_be(self, user: str) -> None:
        async with self.fake() as server, self.made(server.url, user=user) as interrogator:
            with pytest.raises(BackendMisconfigured, match="cannot be sent") as caught:
                await interrogator.caption(make_red(), "")
            assert "ASCII" in caught.value.hint
            assert server.seen == []

    async def test_a_server_that_is_not_there_costs_no_attempt(self) -> None:
        async with self.fake() as server:
            url = server.url
        async with self.made(url) as interrogator:
            with pytest.raises(BackendAbsent) as caught:
                await interrogator.caption(make_red(), "")
            with pytest.raises(BackendAbsent):
                await interrogator.activity()
            found = await interrogator.probe()
        assert caught.value.blame is Blame.BACKEND
        assert url in caught.value.message
        assert not found.available
        assert found.problem is Problem.DOWN
        assert found.reason and found.hint

    async def test_a_host_that_does_not_exist_is_absent(self) -> None:
        async with self.made("http://no-such-host.invalid:7860") as interrogator:
            with pytest.raises(BackendAbsent, match=r"no-such-host\.invalid"):
                await interrogator.caption(make_red(), "")

    async def test_a_hanging_call_can_be_cancelled(self) -> None:
        async with self.fake() as server, self.made(server.url) as interrogator:
            hang = Hang()
            server.script.append(hang)
            call = asyncio.create_task(interrogator.caption(make_red(), ""))
            await hang.entered.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            hang.release.set()
            assert self.text in (await interrogator.caption(make_red(), "")).text

    @pytest.mark.parametrize("failure", FAILURES)
    async def test_failures_have_a_cause_and_tell_no_secret(self, failure: str) -> None:
        behaviour, expected = FAILURES[failure]
        async with self.fake() as server, self.made(server.url) as interrogator:
            server.script.append(behaviour)
            with pytest.raises(expected) as caught:
                await interrogator.caption(make_red(), "")
            shown = f"{caught.value.message} {caught.value.hint} {caught.value!r}"
            assert caught.value.message and caught.value.hint
            assert len(caught.value.message) < 600
            assert PASSWORD not in shown
            assert "Basic bGVu" not in shown
            assert (await interrogator.caption(make_red(), "")).text

    @pytest.mark.parametrize("text", ["", " \n", "a red square<error>"])
    async def test_a_failure_in_disguise_is_no_caption(self, text: str) -> None:
        async with self.fake() as server, self.made(server.url) as interrogator:
            server.script.append(self.saying(server, text))
            with pytest.raises(CaptionRejected) as caught:
                await interrogator.caption(make_red(), "")
            assert caught.value.message.startswith(f"{server.url} ")
            assert caught.value.hint

    async def test_a_failure_in_disguise_tells_no_secret(self) -> None:
        async with self.fake() as server, self.made(server.url) as interrogator:
            server.script.append(self.saying(server, f"{PASSWORD} is wrong<error>"))
            with pytest.raises(CaptionRejected) as caught:
                await interrogator.caption(make_red(), "")
            assert PASSWORD not in f"{caught.value.message} {caught.value!r}"

    async def test_says_how_long_a_busy_server_wants_to_be_left_alone(self) -> None:
        async with self.fake() as server, self.made(server.url) as interrogator:
            server.script.append(says(503, {}, headers={"Retry-After": "120"}))
            with pytest.raises(BackendBusy) as caught:
                await interrogator.caption(make_red(), "")
            assert caught.value.retry_after == 120.0

    async def test_does_not_follow_a_redirect_and_names_its_target(self) -> None:
        async with self.fake() as server, self.fake() as other:
            async with self.made(server.url) as interrogator:
                server.script.append(says(307, headers={"Location": other.url + "/x"}))
                with pytest.raises(BackendMisconfigured, match=f"127.0.0.1:{other.port}"):
                    await interrogator.caption(make_red(), "")
            assert other.seen == []

    async def test_a_refusal_that_repeats_the_picture_is_cut_short(self) -> None:
        """FastAPI's 422 repeats what it was sent, megabytes of base64 among it."""
        async with self.fake() as server, self.made(server.url) as interrogator:
            server.script.append(repeats_request)
            with pytest.raises(InterrogatorError) as caught:
                await interrogator.caption(make_large(), "")
            assert caught.value.blame is Blame.BACKEND
            assert len(f"{caught.value!r} {caught.value.hint}") < 1000
            assert "field required" in caught.value.message

    async def test_a_404_about_the_model_is_not_about_the_route(self) -> None:
        async with self.fake() as server, self.made(server.url) as interrogator:
            server.script.append(says(404, {"detail": "Model not found"}))
            with pytest.raises(InterrogatorError) as caught:
                await interrogator.caption(make_red(), "")
            assert caught.value.problem is Problem.MODEL_ABSENT

    async def test_a_certificate_that_nobody_vouches_for_is_said_to_be_one(
        self, certificate: SSLContext
    ) -> None:
        server = self.fake()
        server.tls = certificate
        async with server, self.made(server.url) as interrogator:
            with pytest.raises(BackendMisconfigured, match="certificate") as caught:
                await interrogator.caption(make_red(), "")
            found = await interrogator.probe()
            assert server.seen == []
        assert caught.value.problem is found.problem is Problem.CERTIFICATE
        assert "trusts" in caught.value.hint

    async def test_https_where_http_is_spoken_is_no_connection(self) -> None:
        async with self.fake() as server:
            async with self.made(server.url.replace("http://", "https://")) as interrogator:
                with pytest.raises(BackendMisconfigured) as caught:
                    await interrogator.caption(make_red(), "")
            assert "http" in caught.value.hint

    async def test_a_proxy_in_the_environment_is_not_used(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        async with self.fake() as server, self.made(server.url) as interrogator:
            assert (await interrogator.caption(make_red(), "")).text

    async def test_a_probe_gives_the_server_no_work(self) -> None:
        async with self.fake() as server, self.made(server.url) as interrogator:
            assert (await interrogator.probe()).available
            assert server.calls == []
