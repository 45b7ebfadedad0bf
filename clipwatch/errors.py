"""Every error that clipwatch raises on purpose.

    ClipwatchError                 message, hint: what to do next
    ├── SettingsError              a setting is wrong; all of them at once        exit 78
    ├── StartError                 the daemon cannot start (port, lock, schema)   exit 69, or 78
    ├── DaemonUnreachable          a client command found no daemon               exit 69
    │                              (cli/client.py adds what such a daemon refuses)
    ├── QueryError                 a search text cannot be understood: token, place
    ├── SearchTooSlow              a search was cut off: it would take too long
    ├── NotFound                   no such image, prompt, job or batch
    │   └── ChangesForgotten       nor such changes, by now or ever
    ├── Conflict                   the file is missing or not finished
    │   └── Unshowable             it holds no picture that can be shown
    ├── Forbidden                  a path outside the roots and allowed folders
    ├── Unavailable                disabled, paused, or no back end in reach
    ├── NotInTime                  an interactive call's answer did not come; the job stays queued
    ├── StoreError                 the database cannot be read or written
    │   ├── StoreFull              the disk under it is full
    │   ├── StoreDamaged           its file is damaged; the next start salvages it
    │   └── IndexDamaged           only its full-text index is, which is made anew
    └── InterrogatorError          a back end gave no usable caption
        ├── BackendAbsent          refused, no such host, connect time-out        no attempt
        ├── BackendBusy            it asks to wait (429, 503)                     no attempt
        ├── BackendTimeout         idle, and yet no answer in time                no attempt
        ├── BackendMisconfigured   no --api, credentials, not this kind           no attempt
        ├── BackendFailed          5xx, HTML, nonsense                            one attempt
        │   └── BackendBrokeOff    it went away with the picture in hand          the second time
        ├── CaptionRejected        a failure dressed up as a caption              one attempt
        ├── ModelUnknown           the model asked for does not exist there       dead at once
        └── PictureRejected        this picture cannot be interrogated            dead at once

Third-party exceptions never cross a package's edge: they are raised ``from`` into one of these.
"""

from enum import StrEnum
from uuid import UUID


class Blame(StrEnum):
    """Whose failure it was, which decides what it costs."""

    BACKEND = "backend"  #: the server's: the job waits and loses nothing
    ATTEMPT = "attempt"  #: it may be either's: one attempt is spent
    IMAGE = "image"  #: this image's or this request's: no further attempt can help


class Problem(StrEnum):
    """What is wrong with a back end, for programs; the words of ``/api/v1/clip/health``."""

    DOWN = "down"  #: nothing answers
    NO_API = "no_api"  #: a web UI that was started without --api
    ROUTE_REMOVED = "route_removed"  #: this version or fork no longer interrogates
    WRONG_KIND = "wrong_kind"  #: another server than the kind that is set, or none that is known
    CREDENTIALS = "credentials"  #: missing, refused, or not to be sent
    CERTIFICATE = "certificate"  #: no secure connection
    REDIRECTED = "redirected"  #: it points to another address
    MODEL_ABSENT = "model_absent"  #: no model that looks at pictures, or not the one asked for
    LOADING = "loading"  #: it loads its model
    BUSY = "busy"  #: it works, or asks to wait
    FAILED = "failed"  #: it answers with an error or nonsense


class ClipwatchError(Exception):
    """What happened, to which file or server; ``hint`` says what to do next."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class SettingsError(ClipwatchError):
    """One or more settings are wrong; the message lists all of them, a line each."""

    exit_code = 78


class StartError(ClipwatchError):
    """The daemon cannot start now: a port in use, a second daemon, a database from the future."""

    exit_code = 69

    def __init__(self, message: str, *, hint: str = "", exit_code: int = 69) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code


class DaemonUnreachable(ClipwatchError):
    """A client command needs the daemon, and none answers."""

    exit_code = 69


class QueryError(ClipwatchError):
    """A search text cannot be understood. ``token`` is the offending part, ``at`` its offset."""

    exit_code = 2

    def __init__(self, message: str, *, token: str, at: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.token = token
        self.at = at


class SearchTooSlow(ClipwatchError):
    """A search was cut off, as it would have kept others waiting."""


class NotFound(ClipwatchError):
    """No image, prompt, job or batch has this id."""


class ChangesForgotten(NotFound):
    """Changes that were asked for are not kept; ``oldest`` is the number of the first that is."""

    def __init__(self, message: str, *, oldest: int) -> None:
        hint = f"The oldest is {oldest}: read the images again, then go on from there."
        super().__init__(message, hint=hint)
        self.oldest = oldest


class Conflict(ClipwatchError):
    """The image's file is missing or not finished, so this cannot be done now."""


class Unshowable(Conflict):
    """The image's file holds no picture that can be shown, and never will."""

    def __init__(self, message: str) -> None:
        super().__init__(message, hint="look at the file itself; it may be damaged")


class Forbidden(ClipwatchError):
    """A path lies outside the roots and the allowed folders."""


class Unavailable(ClipwatchError):
    """It cannot be done now; ``retry_after`` says in how many seconds it may be."""

    exit_code = 69

    def __init__(self, message: str, *, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class NotInTime(ClipwatchError):
    """The answer did not come in time; the job with ``job_id`` stays queued and goes on."""

    exit_code = 75

    def __init__(self, message: str, *, job_id: UUID, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.job_id = job_id


class StoreError(ClipwatchError):
    """The database cannot be read or written."""


class StoreFull(StoreError):
    """The disk that holds the database is full."""


class StoreDamaged(StoreError):
    """The database's file is damaged: nothing more is written, and the next start salvages it."""


class IndexDamaged(StoreError):
    """The full-text index is damaged; it can be made anew from the tables."""


class InterrogatorError(ClipwatchError):
    """A back end gave no usable caption.

    ``retry_after`` is what the server asked for, in seconds, or None. ``problem`` is what is wrong
    with the server, where that is known better than by the class of the error.
    """

    blame = Blame.ATTEMPT
    problem = Problem.FAILED

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        retry_after: float | None = None,
        problem: Problem | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after
        if problem is not None:
            self.problem = problem


class BackendAbsent(InterrogatorError):
    """Nothing answers at the back end's address."""

    blame = Blame.BACKEND
    problem = Problem.DOWN


class BackendBusy(InterrogatorError):
    """The back end asks to come back later."""

    blame = Blame.BACKEND
    problem = Problem.BUSY


class BackendTimeout(InterrogatorError):
    """The back end was idle and yet gave no answer in time."""

    blame = Blame.BACKEND
    problem = Problem.BUSY


class BackendMisconfigured(InterrogatorError):
    """The back end answers, but cannot interrogate until its owner changes something."""

    blame = Blame.BACKEND
    problem = Problem.WRONG_KIND


class BackendFailed(InterrogatorError):
    """The back end answered with an error, or something that is no answer."""


class BackendBrokeOff(BackendFailed):
    """The back end went away while it had the picture: its owner ended it, or the picture did."""


class CaptionRejected(InterrogatorError):
    """The back end reported success with a text that is a failure in disguise."""


class ModelUnknown(InterrogatorError):
    """The model, mode or back end asked for does not exist; ``known`` lists those that do.

    ``field`` is what was asked by: model, mode or backend.
    """

    blame = Blame.IMAGE
    problem = Problem.MODEL_ABSENT

    def __init__(
        self,
        message: str,
        *,
        known: tuple[str, ...] = (),
        hint: str = "",
        field: str = "model",
        problem: Problem | None = None,
    ) -> None:
        super().__init__(message, hint=hint, problem=problem)
        self.known = known
        self.field = field


class PictureRejected(InterrogatorError):
    """The image cannot be turned into a picture, or the server cannot read this one."""

    blame = Blame.IMAGE
