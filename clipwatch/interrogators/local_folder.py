"""Taggers on disk: a folder with ``model.onnx`` and ``selected_tags.csv`` each.

A model that was pulled lies in a folder of its name, below one folder for all. Names are those of
``KNOWN``, or ``owner/repo`` of the hub: that is ``owner--repo`` as a folder, which no repository
can be called.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from clipwatch.errors import BackendMisconfigured, Problem
from clipwatch.interrogators.aliases import is_alias

MODEL_FILE = "model.onnx"
LABELS_FILE = "selected_tags.csv"
FILES = (MODEL_FILE, LABELS_FILE)

#: The WD taggers by their authors' names, best choice first, and where the hub has them.
KNOWN: Mapping[str, str] = {
    name: f"SmilingWolf/{name}"
    for name in (
        "wd-vit-tagger-v3",
        "wd-swinv2-tagger-v3",
        "wd-convnext-tagger-v3",
        "wd-vit-large-tagger-v3",
        "wd-eva02-large-tagger-v3",
        "wd-v1-4-moat-tagger-v2",
        "wd-v1-4-swinv2-tagger-v2",
        "wd-v1-4-convnext-tagger-v2",
        "wd-v1-4-convnextv2-tagger-v2",
        "wd-v1-4-vit-tagger-v2",
    )
}
RECOMMENDED = next(iter(KNOWN))
HINT_AGAIN = "get it again with `clipwatch model pull --force NAME`, or set another model"
_NAMES_OF = {repository.lower(): name for name, repository in KNOWN.items()}
#: The hub's rules for the two parts of a repository's name.
_PART = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?"
_REPOSITORY = re.compile(rf"{_PART}/{_PART}")


def repository_of(name: str) -> str | None:
    """Where the hub has the model of this name; None where it cannot be one."""
    if name in KNOWN:
        return KNOWN[name]
    is_one = _REPOSITORY.fullmatch(name) and "--" not in name and ".." not in name
    return name if is_one else None


def name_of(repository: str) -> str:
    """What the model of a repository is called here."""
    return _NAMES_OF.get(repository.lower(), repository)


def folder_of(models: Path, name: str) -> Path:
    """Where the model of this name lies, or would."""
    return models / name.replace("/", "--")


def listed(models: Path) -> tuple[str, ...]:
    """The names of the models that are there: the known ones in their order, then the others.

    Raises ``BackendMisconfigured`` where the folder cannot be read.
    """
    try:
        found = {entry.name for entry in os.scandir(models) if not entry.name.startswith(".")}
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise unreadable(models, error) from error
    names = {name.replace("--", "/") for name in found if _is_model(models / name)}
    ours = [name for name in KNOWN if name in names]
    return (*ours, *sorted(names.difference(ours)))


def _is_model(folder: Path) -> bool:
    return os.path.isfile(folder / MODEL_FILE)


def meant_by(model: str) -> str:
    """The name, or path, that the settings mean; empty for the first model that is there."""
    return "" if is_alias("local", model) else name_of(model)


def located(models: Path, model: str) -> Path | None:
    """The folder of a model, by its name or its absolute path; None where there is none. Without a
    name it is the first that is there."""
    if model.startswith("/"):
        path = Path(model)
        return path if _is_model(path) else None
    names = listed(models)
    name = model or next(iter(names), "")
    return folder_of(models, name) if name in names else None


def hint_to_pull(name: str) -> str:
    """How to get a model that is not there."""
    if repository_of(name) is None:
        return f"`clipwatch model list` says what is there; known are {', '.join(KNOWN)}"
    return f"get it with `clipwatch model pull {name}`"


def unreadable(path: Path, error: OSError) -> BackendMisconfigured:
    """The error for a file or folder that the system does not let us read."""
    reason = error.strerror or type(error).__name__
    return BackendMisconfigured(
        f"{path} cannot be read: {reason}",
        hint="make it readable for the user of clipwatch",
        problem=Problem.FAILED,
    )


def damaged(message: str, hint: str = HINT_AGAIN) -> BackendMisconfigured:
    """The error for a model that is there and yet does not work."""
    return BackendMisconfigured(message, hint=hint, problem=Problem.FAILED)
