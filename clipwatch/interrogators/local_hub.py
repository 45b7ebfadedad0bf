"""The hub that has the models: huggingface.co, or another one that speaks its language. Blocking.

What it says of a file stands in the headers of the file's ``/resolve/`` address: the commit in
``X-Repo-Commit``, and as the ETag (``X-Linked-Etag``, ``X-Linked-Size`` where it redirects) the
SHA-256 of a large file, or git's SHA-1 of a small one. Redirects may lead to other hosts, which get
no token.
"""

import hashlib
import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO
from urllib.parse import urljoin, urlsplit

from clipwatch.errors import ClipwatchError, Forbidden, NotFound, Unavailable
from clipwatch.printable import printable

DEFAULT_ENDPOINT = "https://huggingface.co"
#: Seconds without a byte.
PATIENCE_SECS = 30.0
MOST_REDIRECTS = 5
CHUNK = 1 << 20
HINT_AGAIN = "run the same command again: it goes on where it stopped"
HINT_ENDPOINT = "set HF_ENDPOINT to a hub's address, or unset it"
_CHECKSUM = re.compile(r"[0-9a-f]{64}|[0-9a-f]{40}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_RANGE_START = re.compile(r"bytes (\d+)-")


@dataclass(frozen=True, slots=True)
class Remote:
    """A file as the hub has it."""

    repository: str
    name: str
    commit: str
    size: int  #: bytes
    checksum: str  #: hexadecimal: SHA-256, or git's SHA-1

    def digest(self) -> "hashlib._Hash":
        """What its content must be put through to give the checksum; git's begins with a header."""
        if len(self.checksum) == 64:
            return hashlib.sha256()
        return hashlib.sha1(b"blob %d\0" % self.size, usedforsecurity=False)


class Hub:
    """A hub at an address. Every call raises ``Unavailable`` where it does not answer, ``NotFound``
    for what it has not, ``Forbidden`` for what it gives only to others, and ``ClipwatchError``
    where it is no hub."""

    def __init__(self, endpoint: str = DEFAULT_ENDPOINT, token: str = "") -> None:
        self.url = endpoint.rstrip("/")
        if urlsplit(self.url).scheme not in ("http", "https"):
            raise ClipwatchError(f"{endpoint!r} is no address of a hub", hint=HINT_ENDPOINT)
        self._token = token
        self._opener = urllib.request.build_opener(_Unredirected)

    def look_up(self, repository: str, name: str, revision: str = "main") -> Remote:
        """What the hub says of a file."""
        said: dict[str, str] = {}
        for answer in self._answers("HEAD", repository, revision, name, {}):
            said = told(answer.headers, answer.status) | said
            if said.keys() >= {"commit", "etag", "size"}:
                break
        return self._remote(repository, name, said)

    @contextmanager
    def opened(self, remote: Remote, at: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        """The file's bytes from ``at`` on, or from where the hub would rather begin: its start."""
        headers = {"Range": f"bytes={at}-"} if at else {}
        answers = self._answers("GET", remote.repository, remote.commit, remote.name, headers)
        for answer in answers:
            if answer.status not in REDIRECTS:
                start = _RANGE_START.match(answer.headers.get("Content-Range", ""))
                yield int(start[1]) if start and answer.status == 206 else 0, self._chunks(answer)

    def _answers(
        self, method: str, repository: str, revision: str, name: str, headers: Mapping[str, str]
    ) -> Iterator[Any]:
        """The answer, and before it the redirects that lead there; each is closed in the end."""
        url = f"{self.url}/{repository}/resolve/{revision}/{name}"
        for _ in range(MOST_REDIRECTS):
            with self._ask(method, url, headers) as answer:
                if answer.status >= 400:
                    raise self._refusal(answer, repository, name)
                yield answer
                if answer.status not in REDIRECTS:
                    return
                url = urljoin(url, answer.headers.get("Location", ""))
        raise Unavailable(f"{self.url} redirects in circles", hint=HINT_ENDPOINT)

    def _ask(self, method: str, url: str, headers: Mapping[str, str]) -> Any:
        """One answer, whatever its status."""
        request = urllib.request.Request(url, method=method, headers={**headers, **IDENTITY})
        if self._token and urlsplit(url)[:2] == urlsplit(self.url)[:2]:
            request.add_header("Authorization", f"Bearer {self._token}")
        try:
            return self._opener.open(request, timeout=PATIENCE_SECS)
        except urllib.error.HTTPError as answer:
            return answer
        except NETWORK_ERRORS as error:
            raise self._silence(error) from error

    def _chunks(self, answer: BinaryIO) -> Iterator[bytes]:
        try:
            while chunk := answer.read(CHUNK):
                yield chunk
        except NETWORK_ERRORS as error:
            raise self._silence(error) from error

    def _silence(self, error: Exception) -> Unavailable:
        reason = printable(str(getattr(error, "reason", error)))[:200] or type(error).__name__
        return Unavailable(f"no answer from {self.url}: {reason}", hint=HINT_AGAIN)

    def _refusal(self, answer: Any, repository: str, name: str) -> ClipwatchError:
        """The error for a status of 400 and more. Of repositories that it does not have, the hub
        says 401 to whoever has not said who he is."""
        code = answer.headers.get("X-Error-Code", "")
        if code == "EntryNotFound":
            return NotFound(
                f"{repository} at {self.url} has no {name}",
                hint="it is no tagger of the WD family; see `clipwatch model pull --help`",
            )
        if code == "RepoNotFound" or answer.status == 404:
            return NotFound(
                f"{self.url} has no {repository}, or not for you",
                hint="check the name; for a private one set HF_TOKEN",
            )
        if answer.status in (401, 403):
            return Forbidden(
                f"{self.url} gives {repository} only to some ({answer.status})",
                hint="accept its terms there, and set HF_TOKEN to a token that may read it",
            )
        return Unavailable(f"{self.url} answered {answer.status} for {name}", hint=HINT_AGAIN)

    def _remote(self, repository: str, name: str, said: Mapping[str, str]) -> Remote:
        commit, etag, size = (said.get(key, "") for key in ("commit", "etag", "size"))
        if not _COMMIT.fullmatch(commit) or not _CHECKSUM.fullmatch(etag) or not size.isdecimal():
            raise ClipwatchError(
                f"{self.url} does not say what {name} must be: it is no hub, or no whole one",
                hint=HINT_ENDPOINT,
            )
        return Remote(repository, name, commit, int(size), etag)


class _Unredirected(urllib.request.HTTPRedirectHandler):
    """Shows redirects as answers: their headers matter, and the token must not follow them all."""

    def redirect_request(self, *_: Any) -> None:
        return None


REDIRECTS = frozenset({301, 302, 303, 307, 308})
NETWORK_ERRORS = (OSError, http.client.HTTPException, ValueError)
#: Compressed on the way, a file would have another size and checksum.
IDENTITY = {"Accept-Encoding": "identity", "User-Agent": "clipwatch"}


def told(headers: Mapping[str, str], status: int) -> dict[str, str]:
    """What one answer says of the file: commit, etag, size. Of a redirect the plain ones count
    not: they are its own."""
    plain = status == 200
    found = {
        "commit": headers.get("X-Repo-Commit"),
        "etag": headers.get("X-Linked-Etag") or (headers.get("ETag") if plain else None),
        "size": headers.get("X-Linked-Size") or (headers.get("Content-Length") if plain else None),
    }
    return {key: value.removeprefix("W/").strip('"') for key, value in found.items() if value}
