"""What every interrogator is: a dumb client of one kind of server.

An interrogator sends a picture, receives an answer, translates it into a ``Caption`` and
classifies what went wrong into an ``InterrogatorError``. It keeps nothing between calls but the
names of the models that its server listed, waits for nothing but the server, and never tries
again: the pipeline decides all of that.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from clipwatch.errors import Problem
from clipwatch.model import Caption


@dataclass(frozen=True, slots=True)
class Picture:
    """An image as a server takes it: first frame, upright, 8-bit RGB on white."""

    data: bytes  #: a PNG or JPEG file
    media_type: str  #: image/png or image/jpeg
    width: int
    height: int
    content_hash: bytes  #: BLAKE3 of the file it was made from
    pixel_key: bytes | None = None  #: of that file's coded picture data, where the format has one


class Activity(StrEnum):
    """What a server does at this moment."""

    IDLE = "idle"
    OURS = "ours"  #: it works on an interrogation
    RENDERING = "rendering"  #: for its owner: wait
    UNKNOWN = "unknown"  #: this kind cannot tell


class Auth(StrEnum):
    """How a server and our credentials get on."""

    OPEN = "open"  #: it asks for none
    ACCEPTED = "accepted"
    MISSING = "missing"  #: it asks for some, and none are set
    REFUSED = "refused"
    UNKNOWN = "unknown"  #: it has not been seen, or answers whoever asks about it


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a probe of a server found. It never raises: what is wrong is ``problem``."""

    available: bool
    kind: str
    busy: bool = False
    problem: Problem | None = None
    reason: str | None = None  #: the problem in one sentence
    hint: str | None = None  #: what the owner can do
    product: str = ""  #: the program's name, where it tells
    version: str | None = None  #: the program's, as it tells
    models: tuple[str, ...] = ()
    scores: bool | None = None  #: whether the default model's tags have some; None: not known
    auth: Auth = Auth.UNKNOWN
    latency_ms: int | None = None  #: of one question that costs the server nothing


class Interrogator(Protocol):
    """One server of one kind."""

    kind: str
    url: str
    modes: tuple[str, ...]  #: ways to look at a picture that can be asked for
    models: tuple[str, ...]  #: names to offer to whoever asks for one that is unknown

    def accepts(self, model: str) -> bool:
        """Whether this model name, or alias, is one that the kind could know."""

    async def caption(self, picture: Picture, model: str) -> Caption:
        """Ask for a prompt; ``model`` empty is the server's default. Has no total time-out of its
        own: the caller limits it. Raises ``InterrogatorError``."""

    async def activity(self) -> Activity:
        """What the server does now; RENDERING means that its owner uses it. Raises
        ``InterrogatorError`` where it does not answer."""

    async def probe(self) -> Capabilities:
        """Look at the server without giving it work."""

    async def close(self) -> None: ...


@runtime_checkable
class Unloader(Protocol):
    """An interrogator of a kind whose servers can be told to free the card's memory."""

    async def unload(self) -> bool:
        """Have it let go of its models, which the next picture loads again; False where this
        program cannot. Only for a server that is idle. Raises ``InterrogatorError``."""
