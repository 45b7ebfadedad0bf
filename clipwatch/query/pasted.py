r"""What AUTOMATIC1111 writes below an image, pasted as it is, as a search: pure.

    a fox in the snow
    Negative prompt: blurry
    Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x768, Model: x

The last line is enough. Each parameter that a field knows must be met; the others (hashes,
versions) are passed over. The prompt and the negative stand in the image as they are here.
"""

import re
from collections.abc import Iterator
from datetime import datetime

from clipwatch.errors import QueryError
from clipwatch.query.fields import BY_NAME, read_field, says_something
from clipwatch.query.nodes import And, Field, Node, Words

#: A1111's names, in lower case, and ours.
NAMES = {
    "steps": "steps",
    "sampler": "sampler",
    "schedule type": "scheduler",
    "cfg scale": "cfg",
    "seed": "seed",
    "size": "size",
    "model": "model",
}
#: So many of them make a line one of parameters, and not a text that happens to have a colon.
LEAST = 2

_PAIR = re.compile(r'\s*([A-Za-z][\w /-]{0,40}+):\s+("(?:\\.|[^"\\])*+"|[^,\n]*+)(?:,|$)')
_NEGATIVE = re.compile(r"^Negative prompt:[ \t]*", re.M | re.I)


def read_pasted(text: str, now: datetime) -> Node | None:
    """What the pasted text asks for; None where it is no such text.

    Raises ``QueryError`` where a parameter has a value that its field does not take.
    """
    start = text.rstrip().rfind("\n") + 1
    fields = list(_fields(text, start, now))
    if len(fields) < LEAST:
        return None
    before = text[:start]
    prompt, negative = before, ""
    if match := _NEGATIVE.search(before):
        prompt, negative = before[: match.start()], before[match.end() :]
    nodes: list[Node] = []
    if says_something(prompt):
        nodes.append(Words(" ".join(prompt.split()), phrase=True))
    if says_something(negative):
        nodes.append(Field("negative", " ".join(negative.split()), len(prompt)))
    return And((*nodes, *fields))


def _fields(text: str, start: int, now: datetime) -> Iterator[Field]:
    """The known parameters of a line that is nothing else; none of any other line."""
    end, pairs = start, []
    while end < len(text.rstrip()):
        match = _PAIR.match(text, end)
        if match is None:
            return
        pairs.append(match)
        end = match.end()
    known = [pair for pair in pairs if pair[1].strip().lower() in NAMES and pair[2].strip()]
    if len(known) < LEAST:
        return
    for pair in known:
        spec = BY_NAME[NAMES[pair[1].strip().lower()]]
        try:
            yield read_field(spec, pair[2].strip(), pair.start(1), pair.start(2), now)
        except QueryError as error:
            error.hint = f"leave {pair[1].strip()} out, or {error.hint}"
            raise
