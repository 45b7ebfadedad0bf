"""What a chat model's reply says: a prompt, or why there is none. Pure."""

import re
from typing import Any

from clipwatch.errors import BackendFailed
from clipwatch.interrogators.answer import HINT_KIND
from clipwatch.interrogators.caption import checked
from clipwatch.interrogators.spoken import no_answer, refuse, unthought

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
            hint=HINT_KIND,
        )
    text = plain(_content(message.get("content")))
    is_cut = choice.get("finish_reason") == "length"
    if not text and (is_cut or message.get("reasoning") or message.get("reasoning_content")):
        raise no_answer()
    _refuse(message, choice, text)
    return checked(_whole_terms(text) if is_cut else text)


def error_in(answer: Any) -> Any:
    """What a completion tells of a failure, None where it tells of none.

    Proxies and LM Studio answer 200 with an ``error`` of the whole, routers with one of the choice;
    vMLX ends the choice with "error" and puts its words where the reply belongs.
    """
    if isinstance(answer, dict) and answer.get("error"):
        return answer
    choice = _first_choice(answer)
    if choice.get("error"):
        return choice
    message = choice.get("message")
    said = message.get("content") if isinstance(message, dict) else None
    return _content(said) or "error" if choice.get("finish_reason") == "error" else None


def plain(text: str) -> str:
    """One line without thoughts, markdown, labels and quotation marks around it.

    >>> plain('<think>A cat?</think>Prompt: "a **red** cat"')
    'a red cat'
    """
    text = _EMPHASIS.sub("", _FENCE.sub("", unthought(text)).replace("\u2019", "'"))
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
    is_refusal = said is refusal or choice.get("finish_reason") == "content_filter"
    refuse(said, is_refusal=is_refusal)
