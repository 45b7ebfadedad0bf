"""Where each setting was given: file, environment, command line; read, merged, not yet checked.

The model that describes the settings is passed in: this module knows none of them by name but the
documented variables of existing installations.
"""

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeAlias, get_args, get_origin

from pydantic import BaseModel

from clipwatch.errors import SettingsError
from clipwatch.printable import printable

#: One setting: section and key; or one word, the name of a list of tables.
Key: TypeAlias = tuple[str, ...]
Model: TypeAlias = type[BaseModel]

#: Variables of existing installations; of two with one key the later wins.
DOCUMENTED: Mapping[str, Key] = {
    "STABLE_DIFFUSION_API_URL": ("clip", "base_url"),
    "STABLE_DIFFUSION_BASE_URL": ("clip", "base_url"),
    "CLIP_TIMEOUT_SECS": ("clip", "timeout_secs"),
    "CLIP_ENABLED": ("clip", "enabled"),
}
#: Variables of ours that are no settings: they tell clients where the daemon is, and the file.
NOT_SETTINGS = frozenset({"CLIPWATCH_URL", "CLIPWATCH_TOKEN", "CLIPWATCH_CONFIG"})
#: What the command line calls a setting, where it is not ``--key``.
ARGUMENTS: Mapping[Key, str] = {("roots",): "FOLDER"}


@dataclass(frozen=True, slots=True)
class Given:
    """A value, and the file, variable or option that it was given in."""

    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class Origin:
    """What one or more places give, and what could not be read there, a line each."""

    given: Mapping[Key, Given] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def __or__(self, stronger: "Origin") -> "Origin":
        return Origin({**self.given, **stronger.given}, self.problems + stronger.problems)


def read_file(model: Model, path: Path, home: Path) -> Origin:
    """What the TOML file gives; relative paths in it are below its folder.

    Raises ``SettingsError`` where it cannot be read or is no TOML.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SettingsError(
            f"{path}: cannot be read: {error.strerror}", hint="name another file with --config"
        ) from error
    except ValueError as error:  # TOMLDecodeError tells line and column
        raise SettingsError(f"{path}: is not valid TOML: {error}") from error
    given: dict[Key, Any] = {}
    problems: list[str] = []
    for name, value in tables.items():
        if not _is_section(model, name):
            given[(name,)] = value
        elif isinstance(value, dict):
            given |= {(name, key): entry for key, entry in value.items()}
        else:
            problems.append(problem(name, str(path), f"must be a table, [{name}]"))
    base = Path(os.path.abspath(path)).parent
    return Origin(_anchored_all(model, given, str(path), base, home), tuple(problems))


def read_environment(model: Model, environ: Mapping[str, str], cwd: Path, home: Path) -> Origin:
    """What the variables give; an empty one counts as unset."""
    origin = Origin()
    for name, key in {**_variables(model), **DOCUMENTED}.items():
        text = environ.get(name, "").strip()
        if not text:
            continue
        try:
            value = _decoded(text, annotation(model, key))
        except ValueError as error:
            wrong = f"is not valid JSON: {error}; or separate the entries by commas"
            origin |= Origin(problems=(problem(".".join(key), name, wrong),))
        else:
            origin |= Origin(_anchored_all(model, {key: value}, name, cwd, home))
    return origin | Origin(problems=tuple(_unknown_variables(model, environ)))


def read_command_line(model: Model, overrides: Mapping[str, Any], cwd: Path, home: Path) -> Origin:
    """What the options give, by dotted key; None counts as not given."""
    origin = Origin()
    for dotted, value in overrides.items():
        if value is not None:
            key = tuple(dotted.split("."))
            option = ARGUMENTS.get(key, "--" + key[-1].replace("_", "-"))
            origin |= Origin(_anchored_all(model, {key: value}, option, cwd, home))
    return origin


def annotation(model: Any, place: tuple[str | int, ...]) -> Any:
    """The type that the settings have at ``place`` (keys, and numbers within lists); None where
    they have nothing there."""
    kind = model
    for step in place:
        if isinstance(step, int):
            kind = next(iter(get_args(kind)), None)
        else:
            found = kind.model_fields.get(step) if _is_model(kind) else None
            kind = found.annotation if found else None
    return kind


def suggestion(name: str, known: list[str]) -> str:
    """What somebody may have meant who wrote ``name``."""
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"


def problem(key: str, origin: str, wrong: str, shown: str = "") -> str:
    """The line that tells what is wrong with a setting, and where it was given."""
    return printable(f"{key}{shown and ' = '}{shown} ({origin}): {wrong}")


def _variables(model: Model) -> dict[str, Key]:
    keys: list[Key] = []
    for name in model.model_fields:
        section = annotation(model, (name,))
        keys += [(name, key) for key in section.model_fields] if _is_model(section) else [(name,)]
    return {"CLIPWATCH_" + "__".join(key).upper(): key for key in keys}


def _unknown_variables(model: Model, environ: Mapping[str, str]) -> list[str]:
    known = _variables(model)
    ours = {name for name in environ if name.startswith("CLIPWATCH_")}
    return [
        problem(name, "environment", f"unknown variable; {suggestion(name, list(known))}")
        for name in sorted(ours - known.keys() - NOT_SETTINGS)
    ]


def _decoded(text: str, kind: Any) -> Any:
    """A variable's text; a list as JSON or separated by commas. Raises ``ValueError``."""
    if get_origin(kind) is not tuple:
        return text
    if text.startswith(("[", "{")):
        return json.loads(text)
    return [entry.strip() for entry in text.split(",") if entry.strip()]


def _anchored_all(
    model: Model, given: Mapping[Key, Any], origin: str, base: Path, home: Path
) -> dict[Key, Given]:
    return {
        key: Given(_anchored(annotation(model, key), value, base, home), origin)
        for key, value in given.items()
    }


def _anchored(kind: Any, value: Any, base: Path, home: Path) -> Any:
    """The value with ``~`` expanded and relative paths put below ``base``, wherever ``kind`` says
    that there is a path."""
    if isinstance(value, str | Path) and (kind is Path or Path in get_args(kind)):
        return base / _expanded(str(value), home)
    if isinstance(value, str | Path) and annotation(kind, ("path",)) is Path:
        value = {"path": value}  # a root may be given as its path alone
    if isinstance(value, list | tuple):
        return [_anchored(annotation(kind, (0,)), entry, base, home) for entry in value]
    if isinstance(value, dict) and _is_model(kind):
        return {
            name: _anchored(annotation(kind, (name,)), entry, base, home)
            for name, entry in value.items()
        }
    return value


def _expanded(path: str, home: Path) -> str:
    if path == "~" or path.startswith("~/"):
        return str(home) + path[1:]
    return os.path.expanduser(path)  # ~user, from the password database


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _is_section(model: Model, name: str) -> bool:
    return _is_model(annotation(model, (name,)))
