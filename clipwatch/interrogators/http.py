"""One server over HTTP: the only place that knows aiohttp's client and its failures."""

import os
from base64 import b64encode
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit
from uuid import uuid4

import aiohttp
import orjson

from clipwatch.errors import (
    BackendAbsent,
    BackendBrokeOff,
    BackendFailed,
    BackendMisconfigured,
    BackendTimeout,
    InterrogatorError,
    Problem,
)
from clipwatch.interrogators.answer import (
    HINT_SILENT,
    Answer,
    decoded,
    failure,
    failure_said,
    hidden,
)
from clipwatch.interrogators.body import PictureBody

ANSWER_LIMIT = 1 << 20
#: A websocket may send pictures among its messages.
MESSAGE_LIMIT = 16 << 20
SENT_AT_ONCE = 1 << 17
#: A refusal may repeat the request, with the picture in it, before it says what is wrong.
ERROR_LIMIT = 16 << 20
CONNECT_SECONDS = 5.0
#: How long a server may take for a question that costs it nothing.
PATIENCE_SECONDS = 10.0
#: Shorter than any server's own, so that no request meets a connection that is just being closed.
KEEPALIVE_SECONDS = 2.0
#: How long a websocket may take to say goodbye.
GOODBYE_SECONDS = 0.5

#: Of every request: what is compressed can be endless in a few bytes.
PLAIN = {"Accept-Encoding": "identity"}

#: Routes of chat servers that are not below a base URL which ends with /v1.
BESIDE_V1 = (
    "/v1/",
    "/api/version",
    "/api/tags",
    "/api/show",
    "/api/generate",
    "/api/v0/",
    "/props",
    "/version",
)

HINT_START = "start it, or correct the back end's url"
HINT_BROKE_OFF = (
    "see whether it still runs, and its log; if it speaks TLS, begin its url with https://"
)
#: How errors call the server that raise who do not know it.
THE_SERVER = "the server "


class Server:
    """Requests to the server at a base URL (settings have checked it); its path is kept.

    Proxies of the environment are not used, redirects not followed, cookies not kept. Credentials,
    ``headers`` and ``query``, which go with every request, reach no other host and no message.
    Needs a running event loop; ``close`` it in the end.
    """

    def __init__(
        self,
        url: str,
        *,
        username: str = "",
        password: str = "",
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self.url = _base(url)
        self._username = username
        self._password = password
        self._headers = dict(headers or {})
        self._query = dict(query or {})
        self._patience = patience
        redirects = aiohttp.TraceConfig()
        redirects.on_request_redirect.append(_refuse_redirect)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(keepalive_timeout=KEEPALIVE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[redirects],
            trust_env=False,
        )

    @property
    def has_credentials(self) -> bool:
        """Whether there is anything by which the server, or a proxy before it, could know us."""
        return bool(self._username or self._password or self._headers or self._query)

    async def get(
        self, path: str, *, params: Mapping[str, str] | None = None, limit: int = ANSWER_LIMIT
    ) -> Any:
        """The JSON at ``path``, within the patience and ``limit`` bytes. Raises
        ``InterrogatorError``."""
        answer = await self._ask("GET", path, params=params, limit=limit, seconds=self._patience)
        return decoded(answer)

    async def upload(
        self, path: str, name: str, media_type: str, data: bytes, fields: Mapping[str, str]
    ) -> Any:
        """The JSON answered to a form with one image; waits as long as it takes. Raises
        ``InterrogatorError``."""
        boundary = uuid4().hex
        body = _form(boundary, name, media_type, data, fields)
        content_type = f"multipart/form-data; boundary={boundary}"
        return decoded(await self._ask("POST", path, body=body, content_type=content_type))

    async def post(self, path: str, body: bytes | PictureBody, *, is_quick: bool = False) -> Any:
        """The JSON answered to a JSON body; waits as long as it takes, unless ``is_quick``.
        Raises ``InterrogatorError``."""
        seconds = self._patience if is_quick else None
        return decoded(await self._ask("POST", path, body=body, seconds=seconds))

    async def tell(self, path: str, body: bytes) -> None:
        """Post JSON that is answered with nothing, within the patience. Raises
        ``InterrogatorError``."""
        answer = await self._ask("POST", path, body=body, seconds=self._patience)
        if not 200 <= answer.status < 300:
            raise failure(answer)

    async def messages(self, path: str, params: Mapping[str, str]) -> AsyncGenerator[Any, None]:
        """What the websocket at ``path`` says in JSON, until it ends; all else is left out.

        Raises ``InterrogatorError`` where there is none, and where it breaks off.
        """
        url = self.url + path
        headers, secrets = self._credentials()
        try:
            async with self._session.ws_connect(
                url,
                params={**self._query, **params},
                headers=headers,
                timeout=aiohttp.ClientWSTimeout(ws_close=GOODBYE_SECONDS),
                max_msg_size=MESSAGE_LIMIT,
            ) as socket:
                async for message in socket:
                    if message.type is aiohttp.WSMsgType.TEXT:
                        yield _told(message.data)
        except (aiohttp.ClientError, OSError) as error:
            raise _cause(error, url, secrets) from error

    async def takes_post(self, path: str) -> bool:
        """Whether the server has a route that takes POST here, without giving it work.

        Asked with OPTIONS: a GET is 404 on KoboldCpp though the route exists. Raises
        ``InterrogatorError`` where the answer is about something else.
        """
        answer = await self._ask("OPTIONS", path, seconds=self._patience)
        if answer.status in (404, 410):
            return False
        if answer.status < 300 or answer.status in (405, 501):
            return "POST" in answer.headers.get("Allow", "POST")
        raise failure(answer)

    async def is_guarded(self, path: str) -> bool:
        """Whether ``path`` is refused without credentials. Raises ``InterrogatorError``."""
        answer = await self._ask("GET", path, seconds=self._patience, is_anonymous=True)
        return answer.status in (401, 403, 407)

    def failure(self, said: Any) -> InterrogatorError:
        """The error that the server tells with success, in words or JSON."""
        return failure_said(said, self.url, self._credentials()[1])

    @contextmanager
    def discreet(self) -> Iterator[None]:
        """Errors about a caption that are raised inside name the server, and show no credentials:
        it may put them even into what it gives for a caption."""
        try:
            yield
        except InterrogatorError as error:
            message = hidden(error.message, self._credentials()[1])
            if message.startswith(THE_SERVER):
                message = f"{self.url} {message.removeprefix(THE_SERVER)}"
            error.message = message
            error.args = (error.message,)
            raise

    async def close(self) -> None:
        await self._session.close()

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes | PictureBody | None = None,
        params: Mapping[str, str] | None = None,
        limit: int = ANSWER_LIMIT,
        seconds: float | None = None,
        content_type: str = "application/json",
        is_anonymous: bool = False,
    ) -> Answer:
        """The whole answer. Raises ``InterrogatorError`` where there is none."""
        url = self._address(path)
        headers, secrets = (dict(PLAIN), ()) if is_anonymous else self._credentials()
        query = {} if is_anonymous else self._query
        timeout = aiohttp.ClientTimeout(
            total=seconds, connect=CONNECT_SECONDS, sock_connect=CONNECT_SECONDS
        )
        try:
            async with self._session.request(
                method,
                url,
                data=None if body is None else _sent(body),
                params={**query, **(params or {})},
                headers={**headers, **_described(body, content_type)},
                allow_redirects=False,
                timeout=timeout,
            ) as response:
                answered = await _read(response, limit if response.ok else ERROR_LIMIT)
                return Answer(url, response.status, response.headers, answered, secrets)
        except (aiohttp.ClientError, OSError) as error:
            raise _cause(error, url, secrets) from error

    def _address(self, path: str) -> str:
        """Chat servers' users write the base with /v1 or without; /v1 is not doubled, and what
        lies beside it is found."""
        base = self.url.removesuffix("/v1") if path.startswith(BESIDE_V1) else self.url
        return base + path

    def _credentials(self) -> tuple[dict[str, str], tuple[str, ...]]:
        """Headers of every request, and what must not be shown.

        Basic credentials are sent unasked: A1111 loses its WWW-Authenticate. They have to be
        ASCII, or it refuses them whatever they are. A password alone is a key.
        """
        authorization, secrets = self._authorization()
        given = (*self._headers.values(), *self._query.values())
        return {**PLAIN, **authorization, **self._headers}, (
            *secrets,
            *(form for value in given for form in _forms(value)),
        )

    def _authorization(self) -> tuple[dict[str, str], tuple[str, ...]]:
        if not self._username and not self._password:
            return {}, ()
        pair = f"{self._username}:{self._password}"
        if not pair.isascii() or ":" in self._username:
            raise BackendMisconfigured(
                f"the credentials for {self.url} cannot be sent",
                hint="user name and password must be ASCII, the user name without a colon",
                problem=Problem.CREDENTIALS,
            )
        if not self._username:
            return {"Authorization": f"Bearer {self._password}"}, (self._password,)
        token = b64encode(pair.encode()).decode()
        secrets = tuple(filter(None, (token, pair, self._password)))
        return {"Authorization": f"Basic {token}"}, secrets


async def _refuse_redirect(*_: object) -> None:
    """For websockets, of which aiohttp follows redirects, whatever headers they carry."""
    raise aiohttp.ClientError("it redirects, which is not followed")


def _forms(secret: str) -> tuple[str, ...]:
    """How a header's or parameter's value may be repeated: whole, quoted, without its scheme."""
    return tuple(filter(None, (secret, quote(secret, ""), quote_plus(secret), *secret.split()[1:])))


def _told(text: Any) -> Any:
    """A message's JSON, None where it is none."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _base(url: str) -> str:
    """The URL with slashes neither doubled nor at the end, where A1111 answers 404 and 307."""
    parts = urlsplit(url)
    path = "/".join(["", *filter(None, parts.path.split("/"))])
    return f"{parts.scheme}://{parts.netloc}{path}"


def _form(
    boundary: str, name: str, media_type: str, data: bytes, fields: Mapping[str, str]
) -> bytes:
    """A multipart form (RFC 7578) of text fields and a file named ``image``; all of it ASCII."""
    opening = f"--{boundary}\r\nContent-Disposition: form-data; name="
    head = "".join(f'{opening}"{key}"\r\n\r\n{value}\r\n' for key, value in fields.items())
    head += f'{opening}"image"; filename="{name}"\r\nContent-Type: {media_type}\r\n\r\n'
    return head.encode() + data + f"\r\n--{boundary}--\r\n".encode()


def _described(body: bytes | PictureBody | None, content_type: str) -> dict[str, str]:
    """Headers about the body; with its length, because KoboldCpp reads no other."""
    length = {} if body is None else {"Content-Length": str(len(body))}
    return {"Content-Type": content_type, **length}


async def _sent(body: bytes | PictureBody) -> AsyncGenerator[bytes, None]:
    """The body in pieces, between which the event loop sees to others."""
    if isinstance(body, PictureBody):
        for piece in body.pieces():
            yield piece
    else:
        for at in range(0, len(body), SENT_AT_ONCE):
            yield body[at : at + SENT_AT_ONCE]


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body. Raises ``BackendFailed`` once it is longer than ``limit`` bytes."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise BackendFailed(
                f"{response.url.origin()} answers without end: more than {limit} bytes",
                hint="check that the url is that of the server's API",
            )
    return bytes(body)


def _cause(
    error: aiohttp.ClientError | OSError, url: str, secrets: Sequence[str]
) -> InterrogatorError:
    """Our error for a request that brought no answer."""
    reason = hidden(_reason(error), secrets)[:200]
    if isinstance(error, aiohttp.ClientSSLError):
        return BackendMisconfigured(
            f"no secure connection to {url}: {reason}",
            hint="give it a certificate that this machine trusts, or write the url with http://",
            problem=Problem.CERTIFICATE,
        )
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        asked = urlsplit(url)  # of which the route says nothing to anybody
        server = f"{asked.scheme}://{asked.netloc}"
        return BackendAbsent(f"nothing answers at {server}: {reason}", hint=HINT_START)
    if isinstance(error, TimeoutError):
        return BackendTimeout(f"{url} gave no answer in time", hint=HINT_SILENT)
    said = f"{url} broke off before it had answered: {reason}"
    return BackendBrokeOff(said, hint=HINT_BROKE_OFF)


def _reason(error: aiohttp.ClientError | OSError) -> str:
    """In words for people: what the system calls it, where it was the system's."""
    if isinstance(error, aiohttp.ClientResponseError):  # as text it has the URL, query and all
        return f"{error.status} {error.message}"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        told = getattr(error.certificate_error, "verify_message", "") or "it is not valid"
        return f"its certificate is not trusted: {told}"
    if isinstance(error, aiohttp.ClientSSLError):
        return "it does not speak TLS"
    number = getattr(getattr(error, "os_error", error), "errno", None)
    known = os.strerror(number).lower() if isinstance(number, int) and number > 0 else ""
    return known or str(getattr(error, "os_error", error)) or type(error).__name__
