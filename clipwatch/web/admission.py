"""Who may speak to us: pure decisions over a request's headers.

A page that the owner visits can make the browser send requests here. Its name in ``Host`` gives
away DNS rebinding; ``Origin`` and ``Sec-Fetch-Site`` give away the rest.
"""

import hashlib
import hmac
import ipaddress
from collections.abc import Collection, Iterable

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})

#: Methods that change nothing, and so need no proof beyond the cookie.
SAFE_METHODS = frozenset({"GET", "HEAD"})


def known_names(host: str, allowed_hosts: Collection[str]) -> frozenset[str]:
    """The names under which clients may reach us: loopback, configured ones, and the address
    that we are bound to where it is a particular one."""
    bound = () if _is_any_address(host) else (_bracketed(host),)
    return LOOPBACK_NAMES | {name.lower() for name in (*bound, *allowed_hosts)}


def host_allowed(host: str, names: Collection[str], port: int | None) -> bool:
    """Whether a ``Host`` header names us. A port must be ours, unless the configured name has one.

    ``port`` is None on a Unix socket, where none can be right.
    """
    host = host.lower()
    if host in names:
        return True
    name, separator, given = host.rpartition(":")
    return bool(separator) and name in names and port is not None and given == str(port)


def origin_allowed(origin: str, host: str) -> bool:
    """Whether an ``Origin`` header is that of our own pages, reached under ``host``."""
    scheme, separator, rest = origin.lower().partition("://")
    return bool(separator) and scheme in ("http", "https") and rest == host.lower()


def fetch_site_allowed(site: str) -> bool:
    """Whether ``Sec-Fetch-Site`` says that our own page, or the address bar, made the request."""
    return site in ("same-origin", "none")


def bearer_allowed(authorization: str, token: str) -> bool:
    """Whether an ``Authorization`` header carries the token."""
    scheme, _, given = authorization.partition(" ")
    return scheme.lower() == "bearer" and token_matches(given.strip(), token)


def token_matches(given: str, token: str) -> bool:
    """Compare in a time that does not tell how much of it was right."""
    return hmac.compare_digest(given.encode(errors="surrogateescape"), token.encode())


def session_value(token: str) -> str:
    """What the gallery's cookie holds. Not the token: other ports of this host see cookies too."""
    return hmac.digest(token.encode(), b"clipwatch gallery session", hashlib.sha256).hex()


def from_browser(header_names: Iterable[str]) -> bool:
    """Whether a page's script may have made the request, going by the names of its headers."""
    return any(
        name.lower() == "origin" or name.lower().startswith("sec-fetch-") for name in header_names
    )


def _is_any_address(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return not host


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
