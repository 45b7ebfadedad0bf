"""Words for the full-text index out of what unicode61 takes for none: pure.

It takes a run of Chinese, Japanese or Thai for one word, and a Korean word with its
particles too, so that no part of it would be found. Such runs are indexed as overlapping pairs of
letters, the last letter once more alone:

    黒髪の少女 -> 黒髪 髪の の少 少女 女

A search for two letters or more is then a phrase of pairs, and one for a single letter asks for
the words that begin with it.

Arrows, shapes and emoji are blanks to it. Each is indexed as a word of its own: a character of
private use, which unicode61 takes for a letter, stands for it. Texts with neither are indexed as
they are.
"""

import re
import unicodedata
from itertools import pairwise

from clipwatch.query import SYMBOLS

# Thai to Tibetan, Burmese, Hangul Jamo, Khmer, CJK with Kana and Hangul, compatibility and
# half-width forms, and the planes of rare Han characters.
SCRIPTS = (
    "\u0e00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u2fff\u3005-\u3007"
    "\u3021-\u302f\u3031-\u303f\u3040-\u318f\u31a0-\u9fff\ua960-\ua97f\uac00-\ud7ff"
    "\uf900-\ufaff\uff66-\uffdc\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
_APART = re.compile(f"[{SCRIPTS}]+|[{SYMBOLS}]")
_SYMBOL = re.compile(f"[{SYMBOLS}]")
_PRIVATE = 0xF0000  #: a plane for private use; SYMBOLS differ in their last 16 bits


def spaced(text: str) -> str | None:
    """The text as it is indexed, None where that is no other."""
    if text.isascii() or not _APART.search(text):
        return None
    return _APART.sub(_words, text)


def _words(found: re.Match[str]) -> str:
    if _SYMBOL.match(found[0]):
        return f" {chr(_PRIVATE | ord(found[0]) & 0xFFFF)} "
    return f" {' '.join(_pairs(found[0]))} "


def asked(text: str, prefix: bool) -> tuple[str, bool]:
    """A word or phrase as it is looked for, and whether it is the beginning of one."""
    apart = [] if text.isascii() else [*_APART.finditer(text)]
    if not apart:
        return text, prefix
    last = apart[-1]
    said, behind = text[: last.end()], text[last.end() :]
    if any(character.isalnum() for character in behind):
        return spaced(text) or text, prefix
    written = (spaced(said) or said).rstrip()
    if _SYMBOL.match(last[0]):
        return written, False
    letters = _letters(last[0])
    if len(letters) == 1:
        return written, True
    # Without the letter that stands alone at the end of a run: the text may go on.
    return (written[: -len(letters[-1])] if len(letters) > 1 else written), False


def _pairs(run: str) -> list[str]:
    letters = _letters(run)
    pairs = [a + b for a, b in pairwise(letters)]
    return [*pairs, *letters[-1:]]


def _letters(run: str) -> list[str]:
    """Letters and digits, in one form each; vowel signs and marks are left out."""
    return [each for each in unicodedata.normalize("NFKC", run) if each.isalnum()]
