"""A1111 with the wd14-tagger extension, in both its forms, answering as they were recorded."""

from typing import Any, Literal

from aiohttp import web

from tests.servers.a1111 import FakeA1111
from tests.servers.recorded import recorded

ANSWERS = recorded("tagger")
INTERROGATE = "/tagger/v1/interrogate"
INTERROGATORS = "/tagger/v1/interrogators"

UNLOAD = "/tagger/v1/unload-interrogators"


class FakeTagger(FakeA1111):
    """``models`` is what it lists. Without A1111's own interrogation, as Forge Neo is.

    toriato's checks credentials; picobyte's fails whenever there are any to check.
    """

    paths = (INTERROGATE,)

    def __init__(
        self,
        *,
        prefix: str = "",
        auth: tuple[str, str] | None = None,
        api: bool = True,
        fork: Literal["toriato", "picobyte"] = "toriato",
    ) -> None:
        super().__init__(prefix=prefix, auth=auth, api=api)
        self.fork = fork
        self.models = list(ANSWERS[f"{fork}_interrogators"].answer["models"])

    def routes(self) -> list[web.RouteDef]:
        listing = web.get(self.prefix + INTERROGATORS, self._interrogators, allow_head=False)
        unloading = web.get(self.prefix + UNLOAD, self._unload, allow_head=False)
        more = [listing, *([unloading] if self.fork == "picobyte" else [])]
        return [*more, *super().routes()] if self.api else super().routes()

    def described(self) -> dict[str, Any]:
        found = super().described()
        found.pop("/sdapi/v1/interrogate", None)
        return {**found, INTERROGATE: {}, INTERROGATORS: {}} if self.api else found

    def unauthorised(self, request: web.Request) -> web.StreamResponse | None:
        if self.fork == "picobyte" and self.auth is not None:
            return ANSWERS["picobyte_auth_basic_ok"].response()
        return super().unauthorised(request)

    def answered(self, asked: dict[str, Any]) -> web.Response:
        if "model" not in asked:
            return ANSWERS["picobyte_nomodel"].response()
        if asked["model"] not in self.models:
            return ANSWERS[f"{self.fork}_badmodel"].response()
        if self.fork == "toriato":
            return ANSWERS["toriato_ok"].response()
        return ANSWERS[
            "picobyte_ok" if asked["threshold"] > 0.2 else "picobyte_nothresh"
        ].response()

    async def _interrogators(self, request: web.Request) -> web.StreamResponse:
        return self.unauthorised(request) or web.json_response({"models": self.models})

    async def _unload(self, request: web.Request) -> web.StreamResponse:
        return self.unauthorised(request) or web.json_response("Successfully unload all models")
