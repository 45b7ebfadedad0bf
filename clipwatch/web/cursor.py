"""Where a listing goes on: pure.

A cursor is URL-safe base64 of a version byte, the position (the number of a ``seq``, an id or a
place) and a check over both and the listing's scope, so that one that was made up, cut off, or
taken from another listing is refused and not silently answered with the wrong page.
"""

import base64
import binascii

from xxhash import xxh3_64_digest

VERSION = b"\x01"
_POSITION = 16  #: bytes, at least
_CHECK = 4
_LENGTH = len(VERSION) + _POSITION + _CHECK


class BadCursor(Exception):
    """The text is no cursor of this listing."""


def encode_cursor(position: int, scope: str) -> str:
    """The cursor to go on after ``position`` (signed, of any length) in the listing ``scope``."""
    length = max(_POSITION, position.bit_length() // 8 + 1)
    body = VERSION + position.to_bytes(length, signed=True)
    return base64.urlsafe_b64encode(body + _check(body, scope)).rstrip(b"=").decode()


def decode_cursor(text: str, scope: str) -> int:
    """The position that ``encode_cursor`` was given. Raises ``BadCursor``."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadCursor(text) from error
    body, check = raw[:-_CHECK], raw[-_CHECK:]
    if len(raw) < _LENGTH or raw[:1] != VERSION or check != _check(body, scope):
        raise BadCursor(text)
    return int.from_bytes(body[1:], signed=True)


def _check(body: bytes, scope: str) -> bytes:
    return xxh3_64_digest(scope.encode() + b"\0" + body)[:_CHECK]
