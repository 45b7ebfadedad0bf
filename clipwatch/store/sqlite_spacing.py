"""Words for the full-text index out of scripts that are written without blanks: pure.

unicode61 takes a run of Chinese, Japanese or Thai for one word, and a Korean word with its
particles too, so that no part of it would be found. Such runs are indexed as overlapping pairs of
letters, the last letter once more alone:

    黒髪の少女 -> 黒髪 髪の の少 少女 女

A search for two letters or more is then a phrase of pairs, and one for a single letter asks for
the words that begin with it. Texts without such scripts are indexed as they are.
"""

import re
import unicodedata
from itertools import pairwise

# Thai to Tibetan, Burmese, Hangul Jamo, Khmer, CJK with Kana and Hangul, compatibility and
# half-width forms, and the planes of rare Han characters.
SCRIPTS = (
    "\u0e00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u2fff\u3005-\u3007"
    "\u3021-\u302f\u3031-\u303f\u3040-\u318f\u31a0-\u9fff\ua960-\ua97f\uac00-\ud7ff"
    "\uf900-\ufaff\uff66-\uffdc\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
_RUN = re.compile(f"[{SCRIPTS}]+")


def spaced(text: str) -> str | None:
    """The text as it is indexed, None where that is no other."""
    if text.isascii() or not _RUN.search(text):
        return None
    return _RUN.sub(lambda run: f" {' '.join(_pairs(run[0]))} ", text)


def asked(text: str, prefix: bool) -> tuple[str, bool]:
    """A word or phrase as it is looked for, and whether it is the beginning of one."""
    runs = list(_RUN.finditer(text)) if not text.isascii() else []
    if not runs:
        return text, prefix
    written = spaced(text) or text
    last = runs[-1]
    if any(character.isalnum() for character in text[last.end() :]):
        return written, prefix
    letters = _letters(last[0])
    if len(letters) == 1:
        return written, True
    # Without the letter that stands alone at the end of a run: the text may go on.
    return (written.rstrip()[: -len(letters[-1])] if len(letters) > 1 else written), False


def _pairs(run: str) -> list[str]:
    letters = _letters(run)
    pairs = [a + b for a, b in pairwise(letters)]
    return [*pairs, *letters[-1:]]


def _letters(run: str) -> list[str]:
    """Letters and digits, in one form each; vowel signs and marks are left out."""
    return [each for each in unicodedata.normalize("NFKC", run) if each.isalnum()]
