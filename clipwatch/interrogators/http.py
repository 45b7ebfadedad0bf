"""One server over HTTP: the only place that knows aiohttp's client and its failures."""

import os
from base64 import b64encode
from collections.abc import Mapping
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp

from clipwatch.errors import (
    BackendAbsent,
    BackendFailed,
    BackendMisconfigured,
    BackendTimeout,
    InterrogatorError,
    Problem,
)
from clipwatch.interrogators.answer import Answer, decoded, failure, failure_said
from clipwatch.printable import printable

ANSWER_LIMIT = 1 << 20
CONNECT_SECONDS = 5.0
#: How long a server may take for a question that costs it nothing.
PATIENCE_SECONDS = 10.0
#: Shorter than any server's own, so that no request meets a connection that is just being closed.
KEEPALIVE_SECONDS = 2.0

HINT_START = "start it, or correct the back end's url"


class Server:
    """Requests to the server at a base URL (settings have checked it); its path is kept.

    Proxies of the environment are not used, redirects not followed, cookies not kept. Credentials
    go to no other host and into no message. Needs a running event loop; ``close`` it in the end.
    """

    def __init__(
        self,
        url: str,
        *,
        username: str = "",
        password: str = "",
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self.url = _base(url)
        self._username = username
        self._password = password
        self._patience = patience
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(keepalive_timeout=KEEPALIVE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )

    @property
    def has_credentials(self) -> bool:
        return bool(self._username or self._password)

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

    async def post(self, path: str, body: bytes) -> Any:
        """The JSON answered to a JSON body; waits as long as it takes. Raises
        ``InterrogatorError``."""
        return decoded(await self._ask("POST", path, body=body))

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

    def failure(self, said: Any) -> InterrogatorError:
        """The error that the server tells with success, in words or JSON."""
        return failure_said(said, self.url, self._credentials()[1])

    async def close(self) -> None:
        await self._session.close()

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        params: Mapping[str, str] | None = None,
        limit: int = ANSWER_LIMIT,
        seconds: float | None = None,
        content_type: str = "application/json",
    ) -> Answer:
        """The whole answer. Raises ``InterrogatorError`` where there is none."""
        url = self.url + path
        headers, secrets = self._credentials()
        timeout = aiohttp.ClientTimeout(
            total=seconds, connect=CONNECT_SECONDS, sock_connect=CONNECT_SECONDS
        )
        try:
            async with self._session.request(
                method,
                url,
                data=None if body is None else BytesIO(body),
                params=params,
                headers={**headers, "Content-Type": content_type},
                allow_redirects=False,
                timeout=timeout,
            ) as response:
                answered = await _read(response, limit)
                return Answer(url, response.status, response.headers, answered, secrets)
        except (aiohttp.ClientError, OSError) as error:
            raise _cause(error, url) from error

    def _credentials(self) -> tuple[dict[str, str], tuple[str, ...]]:
        """Headers of every request, and what must not be shown.

        Basic credentials are sent unasked: A1111 loses its WWW-Authenticate. They have to be
        ASCII, or it refuses them whatever they are. A password alone is a key.
        """
        headers = {"Accept-Encoding": "identity"}
        if not self.has_credentials:
            return headers, ()
        pair = f"{self._username}:{self._password}"
        if not pair.isascii() or ":" in self._username:
            raise BackendMisconfigured(
                f"the credentials for {self.url} cannot be sent",
                hint="user name and password must be ASCII, the user name without a colon",
                problem=Problem.CREDENTIALS,
            )
        if not self._username:
            return {**headers, "Authorization": f"Bearer {self._password}"}, (self._password,)
        token = b64encode(pair.encode()).decode()
        secrets = tuple(filter(None, (token, pair, self._password)))
        return {**headers, "Authorization": f"Basic {token}"}, secrets


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


def _cause(error: aiohttp.ClientError | OSError, url: str) -> InterrogatorError:
    """Our error for a request that brought no answer."""
    reason = printable(_reason(error))[:200]
    if isinstance(error, aiohttp.ClientSSLError):
        return BackendMisconfigured(
            f"no secure connection to {url}: {reason}",
            hint="give it a certificate that this machine trusts, or use http on loopback",
            problem=Problem.CERTIFICATE,
        )
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return BackendAbsent(f"nothing answers at {url}: {reason}", hint=HINT_START)
    if isinstance(error, TimeoutError):
        return BackendTimeout(f"{url} gave no answer in time", hint="see what it is busy with")
    return BackendFailed(f"{url} broke off: {reason}", hint="look at its log")


def _reason(error: aiohttp.ClientError | OSError) -> str:
    """In words for people: what the system calls it, where it was the system's."""
    number = getattr(getattr(error, "os_error", error), "errno", None)
    known = os.strerror(number).lower() if isinstance(number, int) and number > 0 else ""
    return known or str(getattr(error, "os_error", error)) or type(error).__name__
