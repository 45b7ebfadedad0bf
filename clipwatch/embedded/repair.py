"""Text that an earlier tool garbled byte by byte, put right where that is certain.

Two accidents are known: UTF-16 written in one byte order and read in the other, which turns
English into Chinese, and UTF-8 read as latin-1 or Windows-1252, which turns "é" into "Ã©".
"""

import re

SWAPPED = 0.9  #: the share of characters that must look like a swapped ASCII letter
MIN_SWAPPED = 8  #: characters; a word of Chinese can consist of such by chance
SAMPLE = 400  #: characters that are looked at
#: What two to four bytes of UTF-8 look like where each was taken for a character.
LEAD = re.compile("[\u00c2-\u00f4][\u0080-\u00bf\u0152-\u2122]")
#: Characters that no text means: a repair that ends in one was none.
CONTROL = re.compile("[\u0080-\u009f]")
#: The bytes that Windows-1252 shows as other characters than latin-1 does.
WINDOWS = {
    ord(bytes([byte]).decode("cp1252", "ignore") or chr(byte)): byte for byte in range(0x80, 0xA0)
}


def repaired(text: str) -> str:
    """The text as it was meant, or the same text where nothing shows that it was meant otherwise.

    A repair has to work for every character of it; half a repair is none.
    """
    if text.isascii():
        return text
    return _unswapped(text) or _read_as_utf8(text) or text


def _unswapped(text: str) -> str | None:
    """``U+6100`` is an "a" whose bytes were swapped; hardly any real text is made of such."""
    sample = text[:SAMPLE]
    if len(sample.encode("latin-1", "ignore")) > (1 - SWAPPED) * len(sample):
        return None  # the rule below, many times faster where there are blanks and commas
    suspects = sum(character >= "\u0900" and not ord(character) & 0xFF for character in sample)
    if len(sample) < MIN_SWAPPED or suspects < SWAPPED * len(sample):
        return None
    try:
        return text.encode("utf-16-le").decode("utf-16-be")
    except UnicodeError:
        return None


def _read_as_utf8(text: str) -> str | None:
    if LEAD.search(text) is None:
        return None
    try:
        meant = text.translate(WINDOWS).encode("latin-1").decode()
    except UnicodeError:
        return None
    return None if CONTROL.search(meant) else meant
