"""Bytes to text, where a format's rule says little of what programs write."""

from clipwatch.embedded.base import MAX_TEXT, Damaged


def decode(data: bytes) -> str:
    """Text that ought to be ASCII or latin-1 and is UTF-8 in practice. Raises ``Damaged``."""
    if len(data) > MAX_TEXT:
        raise Damaged("a text field is larger than 4 MiB")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def decode_utf16(data: bytes) -> str:
    """UTF-16 in the order that the data shows, or UTF-8 where it is that. Raises ``Damaged``.

    The order of an EXIF block says nothing: piexif writes big endian always, ImageSharp little.
    """
    if len(data) > MAX_TEXT:
        raise Damaged("a text field is larger than 4 MiB")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    if b"\0" not in data.rstrip(b"\0"):
        try:
            return data.decode()
        except UnicodeDecodeError:
            pass
    text = data.decode("utf-16-be", "replace")
    return text if _is_plausible(text, data) else data.decode("utf-16-le", "replace")


def _is_plausible(text: str, data: bytes) -> bool:
    """Whether this is the data in its own byte order: with blanks and commas rather than what they
    are in the other one. A text without them has more lower halves than upper ones, because the
    letters of a script stand together."""
    right = text.count(" ") + text.count(",")
    wrong = text.count("\u2000") + text.count("\u2c00")
    return right > wrong if right != wrong else len(set(data[0::2])) <= len(set(data[1::2]))
