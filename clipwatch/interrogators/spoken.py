"""What a vision model that speaks says of a picture: without its thoughts, and unless it refuses.
Pure.

Chat models stand behind OpenAI's protocol, and also behind KoboldCpp, SD.Next's VQA and ComfyUI's
nodes, which hand on whatever they say.
"""

import re

from clipwatch.errors import CaptionRejected
from clipwatch.interrogators.caption import checked
from clipwatch.printable import printable

HINT_MODEL = "set the back end's model to one with vision, and less strict if it refuses images"
HINT_THINKING = "switch its reasoning off, or take a model without"

#: What models put around their thoughts: most of them, Seed, Magistral, Kimi-VL, Gemma.
_AROUND = (
    *((f"<{tag}>", f"</{tag}>") for tag in ("think", "thinking", "reasoning", "seed:think")),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|channel>thought", "<channel|>"),
)
_THOUGHT = re.compile(
    "|".join(rf"{re.escape(begin)}.*?(?:{re.escape(end)}|\Z)" for begin, end in _AROUND),
    re.DOTALL | re.IGNORECASE,
)
#: Templates often put the opening tag into the question: the reply then has the closing one only.
_REST_OF_THOUGHT = re.compile(
    rf"\A.*(?:{'|'.join(re.escape(end) for _, end in _AROUND)})", re.DOTALL | re.IGNORECASE
)
#: Ends and separators of a model's own language, where a server has its template wrong.
_TOKENS = re.compile(r"<\|\w+\|>|</s>|<(?:end_of_turn|eos|pad)>")
_REFUSAL = re.compile(
    r"\A\W*(?:unfortunately,? )?(?:i'?m (?:very |so )?sorry\b|sorry(?:,| but\b| i (?:can|do|am)\b)|"
    r"i apologi[sz]e|as an? (?:ai\b(?![- ]?(?:generated|made|created|art))|"
    r"(?:large )?language model\b)|"
    r"(?:i (?:can'?t|cannot|can not|won'?t|am (?:not able|unable))|i'?m (?:not able|unable)) |"
    r"i(?:'?m| am) (?:just |only )?an? (?:ai|text|language)\b|"
    r"i (?:do not|don'?t) (?:see|have|feel comfortable)\b|"
    r"no image (?:was|is|has)\b|there is no image\b|"
    r"you (?:have not|haven'?t|did not|didn'?t) (?:provide|attach|upload|share)|"
    r"it (?:looks|seems)(?: like| that)? (?:you(?:'?ve| have| did| forgot)\b|there (?:is|was) no|"
    r"the image (?:did|fail|could))|"
    r"please (?:provide|upload|share|attach)\b)",
    re.IGNORECASE,
)


def spoken(text: str) -> str:
    """The caption in what a model said, in its own form.

    Raises ``CaptionRejected`` where it refused, or came to no answer, or a failure is in disguise,
    and as ``checked`` does.
    """
    said = unthought(text)
    if text.strip() and not said:
        raise no_answer()
    refuse(said)
    return checked(said)


def unthought(text: str) -> str:
    """Without thoughts and tokens.

    >>> unthought("<think>A cat?</think> a red cat<|im_end|>")
    'a red cat'
    """
    return _TOKENS.sub("", _REST_OF_THOUGHT.sub("", _THOUGHT.sub("", text))).strip()


def no_answer() -> CaptionRejected:
    """The error for a model that only thought."""
    return CaptionRejected(
        "the server gave no caption, its model thought without coming to an answer",
        hint=HINT_THINKING,
    )


def refuse(said: str, *, is_refusal: bool = False) -> None:
    """Raises ``CaptionRejected`` for a refusal, by its words if not by what else is known."""
    if is_refusal or _REFUSAL.match(said.replace("\u2019", "'")):
        shown = printable(said)[:100]
        raise CaptionRejected(
            f"the server gave no caption, its model refused to describe it: {shown!r}",
            hint=HINT_MODEL,
        )
