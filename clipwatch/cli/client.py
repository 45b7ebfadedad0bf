"""Speaks to the daemon over HTTP, with what Python brings along: a start of milliseconds."""

import http.client
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

from clipwatch.errors import ClipwatchError, DaemonUnreachable
from clipwatch.runfile import find_daemon

#: Seconds until a daemon that is alive has surely answered a plain question.
TIMEOUT = 60.0
CONNECT_TIMEOUT = 5.0

#: What an answer's status means for the exit code; all others mean 1.
EXIT_CODES = {400: 2, 422: 2, 503: 69, 504: 75}
NOT_IN_TIME = 75


class Refused(ClipwatchError):
    """The daemon answered with an error; ``status`` is that of HTTP."""

    def __init__(self, status: int, message: str, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.exit_code = EXIT_CODES.get(status, 1)


class NoAnswer(ClipwatchError):
    """The daemon took the request and did not answer in time."""

    exit_code = NOT_IN_TIME


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon at an address. Every call raises ``DaemonUnreachable`` where none answers there,
    ``Refused`` and ``NoAnswer``."""

    url: str
    token: str | None = None

    def get(self, path: str, **parameters: str | int) -> Any:
        """The JSON at ``path``."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        return self._ask("GET", path + query, None, TIMEOUT)

    def post(self, path: str, body: Mapping[str, Any], *, timeout: float | None = None) -> Any:
        """The JSON that the daemon answers to ``body``; without ``timeout`` it may take its time,
        because work that somebody waits for does."""
        return self._ask("POST", path, json.dumps(body).encode(), timeout)

    def put(self, path: str) -> Any:
        """The JSON that the daemon answers to a PUT that says everything in its path."""
        return self._ask("PUT", path, b"{}", TIMEOUT)

    def delete(self, path: str) -> Any:
        """The JSON that the daemon answers to a DELETE."""
        return self._ask("DELETE", path, None, TIMEOUT)

    def _ask(self, method: str, path: str, body: bytes | None, timeout: float | None) -> Any:
        address = _address(self.url)
        connection = _connection(address)
        try:
            connection.connect()
            connection.sock.settimeout(timeout)
            connection.request(method, address.path.rstrip("/") + path, body, self._headers())
            response = connection.getresponse()
            content = response.read()
        except ConnectionRefusedError as error:
            raise _unreachable(self.url, "nothing listens there") from error
        except TimeoutError as error:
            if connection.sock is None:
                raise _unreachable(self.url, "no answer") from error
            raise NoAnswer(f"{self.url} did not answer within {timeout:.0f} s") from error
        except (OSError, http.client.HTTPException) as error:
            raise _unreachable(self.url, str(error) or type(error).__name__) from error
        finally:
            connection.close()
        return _read(self.url, response, content)

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        return headers | ({"Authorization": f"Bearer {self.token}"} if self.token else {})


def daemon_if_any(url: str | None) -> Daemon | None:
    """The daemon to speak to: at ``url``, or found; None where none is known."""
    found = find_daemon(os.environ, url)
    return Daemon(found, os.environ.get("CLIPWATCH_TOKEN") or None) if found else None


def daemon(url: str | None) -> Daemon:
    """The daemon to speak to. Raises ``DaemonUnreachable`` where none is known."""
    found = daemon_if_any(url)
    if found is None:
        raise DaemonUnreachable(
            "no clipwatch runs here",
            hint="start it with `clipwatch run FOLDER`, or say where it is with --url",
        )
    return found


def _address(url: str) -> SplitResult:
    try:
        address = urlsplit(url)
        if address.scheme in ("http", "https") and address.hostname and address.port != 0:
            return address
    except ValueError as error:
        raise _no_address(url) from error
    raise _no_address(url)


def _no_address(url: str) -> DaemonUnreachable:
    return DaemonUnreachable(f"{url!r} is no address", hint="write it like http://localhost:9000")


def _connection(address: SplitResult) -> http.client.HTTPConnection:
    host, port = address.hostname or "", address.port
    if address.scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=CONNECT_TIMEOUT)
    return http.client.HTTPConnection(host, port, timeout=CONNECT_TIMEOUT)


def _unreachable(url: str, reason: str) -> DaemonUnreachable:
    return DaemonUnreachable(
        f"{url} cannot be reached: {reason}",
        hint="start it with `clipwatch run FOLDER`; it may also have just ended",
    )


def _read(url: str, response: http.client.HTTPResponse, content: bytes) -> Any:
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Refused(
            response.status,
            f"{url} answered {response.status} and no JSON; is that clipwatch?",
            "say where clipwatch is with --url",
        ) from error
    if response.status >= 400:
        raise _refused(url, response.status, answer)
    return answer


def _refused(url: str, status: int, problem: Any) -> Refused:
    if not isinstance(problem, dict) or not problem.keys() >= {"detail", "hint"}:
        message = f"{url} answered {status}, and not as clipwatch does; is that clipwatch?"
        return Refused(status, message, "say where clipwatch is with --url")
    hint = problem["hint"]
    if status == 401:  # the daemon's own hint is about headers
        hint = "put the daemon's token into CLIPWATCH_TOKEN"
    return Refused(status, str(problem["detail"]), str(hint))
