"""Text from outside, made safe to show: prompts, paths and answers may contain anything."""


def printable(text: str) -> str:
    """The text on one line, whatever a terminal would act on written as an escape.

    Newlines, tabs, control characters, bidirectional overrides and undecodable bytes become
    ``\\n``, ``\\x1b``, ``\\u202e``, ``\\udce9``; all other text stays as it is.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
