"""One look at one file: how it stands, what it carries, and what is to be recorded of that."""

import os
import stat
from dataclasses import dataclass, replace

from clipwatch import embedded
from clipwatch.embedded.container import ENDS, File, describe
from clipwatch.embedded.pixels import pixel_hint
from clipwatch.embedded.sidecar import names_for, read_sidecar
from clipwatch.embedded.stealth import hidden
from clipwatch.embedded.terms import tags_of
from clipwatch.model import Embedded, FileStat, LocationState, Observation, Outcome, Tag
from clipwatch.watching.listing import (
    file_stat,
    has_image_name,
    irregularity,
    open_regular,
    quick_key,
)
from clipwatch.watching.settle import Decision

#: More is no caption and no settings.
SIDECAR_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at one file saw; ``stat`` is None where it is gone."""

    path: bytes
    stat: FileStat | None = None
    quiet_secs: float = 0.0  #: since the last change of anything about it, by its ctime
    embedded: Embedded | None = None
    tags: tuple[Tag, ...] = ()
    quick_key: bytes | None = None
    pixel_hint: int | None = None
    sidecar: Embedded | None = None  #: asked only where the image has no prompt itself
    problem: str | None = None  #: why it cannot be read


def look_at(root: bytes, path: bytes, now: int) -> Look:
    """Open the file, read what it carries and how it stands. Runs in a thread."""
    absolute = os.path.join(root, path)
    try:
        descriptor = open_regular(absolute)
    except (FileNotFoundError, NotADirectoryError):
        return Look(path)
    except OSError as error:
        return _unopened(path, absolute, error)
    try:
        before = file_stat(os.fstat(descriptor))
        file = File(descriptor, before.size, ends=ENDS)
        said = read_prompt(file)
        key = quick_key(before.size, file.head, file.tail)
        hint = pixel_hint(file, said.format, (said.width or 0, said.height or 0))
        after = os.fstat(descriptor)
    except OSError as error:
        return _unopened(path, absolute, error)
    finally:
        os.close(descriptor)
    stat_after = file_stat(after)
    if before != stat_after:
        said = replace(said, complete=False)
    quiet_secs = max(0.0, (now * 1000 - after.st_ctime_ns) / 1e9)
    beside = None if said.outcome is Outcome.PROMPT else find_sidecar(absolute)
    return Look(path, stat_after, quiet_secs, said, tags_of(said), key, hint, beside)


def read_prompt(file: File) -> Embedded:
    """Everything that an image file says; hidden in its pixels, too, where nothing else is. Raises
    ``OSError`` only where the pixels cannot be read."""
    try:
        raw = describe(file)
        said = embedded.understand(raw)
    except OSError as error:
        return embedded.failed(error)
    if not said.complete or said.outcome not in (Outcome.NONE, Outcome.NO_PROMPT):
        return said
    found = hidden(file, raw)
    if found is None or (found.outcome is not Outcome.PROMPT and said.outcome is not Outcome.NONE):
        return said
    return found


def find_sidecar(image: bytes) -> Embedded | None:
    """What the first text file beside this image (absolute path) that says something says."""
    folder, name = os.path.split(image)
    for beside in names_for(os.fsdecode(name)):
        path = os.path.join(folder, os.fsencode(beside))
        # Mostly there is none, and an exception for each of the names would cost twice as much.
        text = _text_of(path) if os.access(path, os.F_OK) else None
        if text is not None and (told := read_sidecar(beside, text)) is not None:
            return told
    return None


def _text_of(path: bytes) -> str | None:
    """A small text file's content; None where there is none, or it is something else."""
    try:
        descriptor = open_regular(path)
    except OSError:
        return None
    try:
        data = os.pread(descriptor, SIDECAR_BYTES + 1, 0)
        return data.decode() if len(data) <= SIDECAR_BYTES else None
    except (OSError, UnicodeDecodeError):
        return None
    finally:
        os.close(descriptor)


def _unopened(path: bytes, absolute: bytes, error: OSError) -> Look:
    try:
        status = os.lstat(absolute)
    except OSError:
        return Look(path)
    if stat.S_ISREG(status.st_mode):
        return Look(path, stat=file_stat(status), problem=f"cannot be read: {error.strerror}")
    return Look(path, stat=file_stat(status), problem=irregularity(status.st_mode))


def observation_of(root_id: int, look: Look, decision: Decision) -> Observation | None:
    """What to record of a look; None while the file is to be waited for, or is no image."""
    if look.stat is None:
        return None
    if is_other(look):
        return None
    if look.problem is not None:
        return Observation(
            root_id, look.path, look.stat, LocationState.UNREADABLE, reason=look.problem
        )
    said = look.embedded
    if said is None or decision is Decision.SETTLING:
        return None
    if decision is Decision.INCOMPLETE:
        state, reason = LocationState.INCOMPLETE, "the end of the file is missing"
    elif decision is Decision.OVERDUE:
        state, reason = LocationState.SETTLING, "it is being written and does not come to an end"
    elif said.outcome is Outcome.UNREADABLE:
        state, reason = LocationState.UNREADABLE, said.reason or ""
    else:
        state, reason = LocationState.PRESENT, ""
    return Observation(
        root_id,
        look.path,
        look.stat,
        state,
        reason=reason or None,
        embedded=said,
        tags=look.tags,
        quick_key=look.quick_key,
        pixel_hint=look.pixel_hint if state is LocationState.PRESENT else None,
        sidecar=look.sidecar if state is LocationState.PRESENT else None,
        sidecar_tags=tags_of(look.sidecar) if look.sidecar else (),
    )


def is_other(look: Look) -> bool:
    """Whether it is a file that nobody would take for an image, by content and by name."""
    if look.stat is None or has_image_name(look.path):
        return False
    return look.embedded is None or look.embedded.format is None
