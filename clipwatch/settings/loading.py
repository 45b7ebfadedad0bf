"""From what is given to the settings in force, or to a message that names everything that is wrong.

``load`` checks what ``clipwatch.settings.origins`` has read.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from clipwatch.errors import SettingsError
from clipwatch.runfile import state_directory
from clipwatch.settings.backends import BackendSettings
from clipwatch.settings.origins import (
    Given,
    Key,
    Origin,
    annotation,
    problem,
    read_command_line,
    read_environment,
    read_file,
    suggestion,
)
from clipwatch.settings.sections import Settings
from clipwatch.systemd import credential

#: What the shipped unit's ``LoadCredential=`` calls the API's token.
TOKEN_CREDENTIAL = "api-token"


def load(path: Path | None, environ: Mapping[str, str], overrides: Mapping[str, Any]) -> Settings:
    """The settings in force.

    ``path`` is the TOML file, None for none. ``overrides`` are the command line's, by dotted key,
    as in ``{"server.port": 9001, "roots": ["/images"]}``; None values count as not given.
    Raises ``SettingsError``, which names everything that is wrong.
    """
    origin = gather(path, environ, overrides)
    try:
        settings = Settings.model_validate(_tree(origin.given))
    except ValidationError as error:
        details = error.errors(include_url=False)
        found = tuple(_line(detail, origin.given) for detail in details)
        raise _settings_error(origin.problems + found) from error
    if origin.problems:
        raise _settings_error(origin.problems)
    return settings


def backend_at(url: str, **keys: Any) -> BackendSettings:
    """A back end that no file names, called by its url. Raises ``SettingsError``, which shows no
    value: the url may hold a password."""
    try:
        return BackendSettings.model_validate({"name": url, "url": url, **keys})
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        said = [
            f"{_dotted(detail['loc'])}: {detail['msg'].removeprefix('Value error, ')}"
            for detail in details
            if detail["loc"] != ("name",)
        ]
        raise SettingsError("\n".join(said), hint="`clipwatch backend test --help`") from error


def described(path: Path | None, environ: Mapping[str, str]) -> list[tuple[str, Any, str]]:
    """Every setting in force as dotted key, value and origin; secrets are not shown.

    Raises ``SettingsError``.
    """
    settings = load(path, environ, {})
    given = gather(path, environ, {}).given
    rows = []
    for name, value in settings.model_dump(mode="json").items():
        keys = [(name, key) for key in value] if isinstance(value, dict) else [(name,)]
        for key in keys:
            shown = value[key[1]] if len(key) == 2 else value
            rows.append((".".join(key), shown, _origin(key, given)))
    return rows


def gather(path: Path | None, environ: Mapping[str, str], overrides: Mapping[str, Any]) -> Origin:
    """What is given and where, the strongest value for each key, not yet checked.

    Raises ``SettingsError`` where the file cannot be read.
    """
    home, cwd = Path(environ.get("HOME") or Path.home()), Path.cwd()
    database = state_directory(environ) / "clipwatch.db"
    origin = Origin({("store", "path"): Given(database, "default")})
    if path is not None:
        origin |= read_file(Settings, path, home)
    origin |= _credential(environ)
    origin |= read_environment(Settings, environ, cwd, home)
    return origin | read_command_line(Settings, overrides, cwd, home)


def _credential(environ: Mapping[str, str]) -> Origin:
    try:
        token = credential(environ, TOKEN_CREDENTIAL)
    except (OSError, ValueError) as error:
        raise SettingsError(f"the credential {TOKEN_CREDENTIAL} cannot be read: {error}") from error
    origin = f"credential {TOKEN_CREDENTIAL}"
    return Origin({("server", "token"): Given(token, origin)} if token else {})


def _tree(given: Mapping[Key, Given]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, entry in given.items():
        if len(key) == 1:
            tree[key[0]] = entry.value
        else:
            tree.setdefault(key[0], {})[key[1]] = entry.value
    return tree


def _settings_error(problems: tuple[str, ...]) -> SettingsError:
    return SettingsError("\n".join(problems), hint="`clipwatch config check` checks them again")


#: What pydantic says in words of Python, said in words of TOML.
_ALLOWED = {
    "missing": "must be given",
    "bool_parsing": "must be true, false, 1, 0, yes, no, on or off",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "model_type": "must be a table",
    "dict_type": "must be a table",
    "path_type": "must be a path",
    "string_too_short": "must not be empty",
}


def _line(detail: ErrorDetails, given: Mapping[Key, Given]) -> str:
    place = detail["loc"]
    wrong = _ALLOWED.get(detail["type"]) or detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        known = list(annotation(Settings, place[:-1]).model_fields)
        wrong = f"unknown key; {suggestion(str(place[-1]), known)}"
    return problem(
        _dotted(place),
        _origin(place, given),
        wrong.replace("Input should be", "must be"),
        _shown(annotation(Settings, place), detail["input"]),
    )


def _dotted(place: tuple[str | int, ...]) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return "".join(steps).removeprefix(".")


def _origin(place: tuple[str | int, ...], given: Mapping[Key, Given]) -> str:
    """Where the value at ``place`` was given: itself, or all that the section it stands for has."""
    above = [entry.origin for key, entry in given.items() if key == place[: len(key)]]
    below = [entry.origin for key, entry in given.items() if place == key[: len(place)]]
    return ", ".join(dict.fromkeys(above or below)) or "default"


def _shown(kind: Any, value: Any) -> str:
    """The value, unless it is a secret or might hold one, as tables and unknown keys do."""
    if kind is None or SecretStr in (kind, *get_args(kind)):
        return ""
    if not isinstance(value, str | Path | int | float) or not _is_leaf(kind):
        return ""
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    if isinstance(value, str | Path):
        text = repr(re.sub("//.*@", "//***@", str(value)))
    return text


def _is_leaf(kind: Any) -> bool:
    return get_origin(kind) is not tuple and not (
        isinstance(kind, type) and issubclass(kind, BaseModel)
    )
