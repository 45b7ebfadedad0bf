"""What a chat model's reply says: a prompt, or why there is none. Pure."""

import re
from typing import Any

from clipwatch.errors import BackendFailed, CaptionRejected
from clipwatch.interrogators.caption import checked
from clipwatch.printable import printable

HINT_MODEL = "set the back end's model to one with vision, and less strict if it refuses images"
HINT_THINKING = "switch its reasoning off, or take a model without"

_THOUGHT = re.compile(r"<(think|thinking|reasoning)>.*?(</\1>|\Z)", re.DOTALL | re.IGNORECASE)
#: Templates often put the opening tag into the question: the reply then has the closing one only.
_REST_OF_THOUGHT = re.compile(r"\A.*</(think|thinking|reasoning)>", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"^\s*```\w*\s*$", re.MULTILINE)
_BULLET = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+")
_EMPHASIS = re.compile(r"\*\*|__(?=\S)|(?<=\S)__|^#+\s+", re.MULTILINE)
_LABEL = re.compile(
    r"\A(?:(?:sure|certainly|of course|okay)\b[^:\n]{0,80}[!.,:]\s*)?"
    r"(?:here(?:'s| is| are)\b[^:\n]{0,120}:\s*)?"
    r"(?:(?:the |image |positive |stable diffusion )*(?:prompt|caption|description|tags):\s*)?",
    re.IGNORECASE,
)
_QUOTES = (
    ('"', '"'),
    ("'", "'"),
    ("\u201c", "\u201d"),
    ("\u2018", "\u2019"),
    ("«", "»"),
    ("`", "`"),
)
_REFUSAL = re.compile(
    r"\A(?:i'?m (?:very |so )?sorry\b|sorry,|i apologi[sz]e|as an ai\b|"
    r"(?:unfortunately, )?(?:i (?:can'?t|cannot|can not|won'?t|am (?:not able|unable))|"
    r"i'?m (?:not able|unable)) |"
    r"i (?:do not|don'?t) (?:see|have|feel comfortable)\b|"
    r"no image (?:was|is|has)\b|there is no image\b|"
    r"it (?:looks|seems)(?: like| that)? (?:you|there (?:is|was) no|the image (?:did|fail|could))|"
    r"please (?:provide|upload|share|attach)\b)",
    re.IGNORECASE,
)


def prompt_of(answer: Any, url: str) -> str:
    """The prompt in a chat completion.

    Raises ``BackendFailed`` where it is no chat completion, and ``CaptionRejected`` where the model
    refused, said nothing or thought until its tokens were spent.
    """
    choice = _first_choice(answer)
    message = choice.get("message")
    if not isinstance(message, dict):
        raise BackendFailed(
            f"{url} answered without choices[0].message",
            hint="set the kind that this server really is",
        )
    text = plain(_content(message.get("content")))
    is_cut = choice.get("finish_reason") == "length"
    if not text and (is_cut or message.get("reasoning") or message.get("reasoning_content")):
        raise CaptionRejected(f"{url} thought without coming to an answer", hint=HINT_THINKING)
    _refuse(message, choice, text)
    return checked(_whole_terms(text) if is_cut else text)


def plain(text: str) -> str:
    """One line without thoughts, markdown, labels and quotation marks around it.

    >>> plain('<think>A cat?</think>Prompt: "a **red** cat"')
    'a red cat'
    """
    text = _REST_OF_THOUGHT.sub("", _THOUGHT.sub("", text))
    text = _EMPHASIS.sub("", _FENCE.sub("", text).replace("\u2019", "'"))
    lines = [line for line in text.splitlines() if line.strip()]
    is_list = len(lines) > 1 and all(_BULLET.match(line) for line in lines)
    text = (", " if is_list else " ").join(_BULLET.sub("", line).strip() for line in lines)
    return _unquoted(_LABEL.sub("", _unquoted(text), count=1))


def _unquoted(text: str) -> str:
    text = " ".join(text.split())
    for opening, closing in _QUOTES:
        inner = text[1:-1]
        if len(text) > 1 and text[0] == opening and text[-1] == closing and opening not in inner:
            return inner.strip()
    return text


def _whole_terms(text: str) -> str:
    """As much of a text that was cut off as ends in a whole sentence or term."""
    end = max(text.rfind("."), text.rfind(","))
    return text[:end] if end > 0 else ""


def _first_choice(answer: Any) -> dict[str, Any]:
    choices = answer.get("choices") if isinstance(answer, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else {}


def _content(content: Any) -> str:
    """A reply's text; some servers send a list of parts."""
    if isinstance(content, list):
        parts = (part.get("text") for part in content if isinstance(part, dict))
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _refuse(message: dict[str, Any], choice: dict[str, Any], text: str) -> None:
    refusal = message.get("refusal")
    said = refusal if isinstance(refusal, str) and refusal else text
    if said is refusal or choice.get("finish_reason") == "content_filter" or _REFUSAL.match(said):
        shown = printable(said)[:100]
        raise CaptionRejected(f"the model refused to describe it: {shown!r}", hint=HINT_MODEL)
