"""Symbols that say something by themselves: arrows, shapes, dingbats and emoji.

People put these into prompts, and look for them. Signs that only go with letters and numbers (°, ™,
€, all of ASCII) are none of them, nor is what changes another one's colour of skin.
"""

import re

#: For a set of characters in a pattern. Numbers in circles, which are digits, are left out.
SYMBOLS = (
    "\u2190-\u21ff\u2300-\u23ff\u2500-\u2775\u2794-\u27bf\u2900-\u297f\u2b00-\u2bff"
    "\U0001f000-\U0001f0ff\U0001f10d-\U0001f3fa\U0001f400-\U0001faff"
)
_SYMBOL = re.compile(f"[{SYMBOLS}]")


def has_symbol(text: str) -> bool:
    """Whether it has one of SYMBOLS."""
    return not text.isascii() and _SYMBOL.search(text) is not None
