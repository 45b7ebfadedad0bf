"""Everything that can be set, read once: command line, environment, file, default, in this order.

The four variables that existing installations use are ``STABLE_DIFFUSION_BASE_URL``, or
``STABLE_DIFFUSION_API_URL`` where the first is unset or empty, ``CLIP_TIMEOUT_SECS`` and
``CLIP_ENABLED``. Everything else is ``CLIPWATCH_<SECTION>__<KEY>``; the token may also be the
systemd credential ``api-token``.

``load`` checks what ``clipwatch.origins`` has read, and names everything that is wrong at once.
"""

import ipaddress
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from clipwatch.errors import QueryError, SettingsError
from clipwatch.hours import Hours
from clipwatch.origins import (
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
from clipwatch.query import parse
from clipwatch.runfile import state_directory
from clipwatch.systemd import credential

#: What the back end of [clip] is called.
DEFAULT_BACKEND = "default"
#: What the shipped unit's ``LoadCredential=`` calls the API's token.
TOKEN_CREDENTIAL = "api-token"


def _http_url(url: str) -> str:
    if "@" in url:
        raise ValueError("must hold no credentials; use the keys username and password")
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, half an IPv6 address
        fits = False
    if not fits or parts.query or parts.fragment or not url.isprintable() or " " in url:
        raise ValueError("must be like http://127.0.0.1:7860: http or https, host, port, path")
    return url.rstrip("/")


Url = Annotated[str, AfterValidator(_http_url)]


#: What dates in a search mean is decided when it is used.
ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


def _search(text: str) -> str:
    try:
        parse(text, ANY_TIME)
    except QueryError as error:
        raise ValueError(f"must be a search: {error.message}") from error
    return text.strip()


def _folder(path: Path) -> Path:
    # One that is absent is right: it may be on a disk that is not mounted.
    if os.path.exists(path) and not os.path.isdir(path):
        raise ValueError("must be a folder, and it is none")
    return path


Folder = Annotated[Path, AfterValidator(_folder)]


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server bound to ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _inside(path: Path, folder: Path) -> bool:
    """Whether ``path`` is ``folder`` or lies below it, links resolved."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def _keep_apart(folders: Sequence[Path]) -> None:
    for one, other in combinations(folders, 2):
        if _inside(one, other) or _inside(other, one):
            raise ValueError(f"folders must not lie in each other: {one} and {other} do")


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _truth_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        kind = cls.model_fields[info.field_name or ""].annotation
        if isinstance(value, bool) and kind in (int, float):
            raise ValueError("must be a number")
        return value


class RootSettings(Section):
    """One watched folder tree; in file and environment its path alone will do."""

    path: Folder
    recursive: bool = True
    ignore: tuple[str, ...] = ()  #: patterns beside those of [watching]
    smallest_bytes: int = Field(default=0, ge=0)
    interrogate: bool = True
    backend: str = ""  #: its images go to this one alone; empty: as the back ends say


class ServerSettings(Section):
    host: str = "127.0.0.1"
    port: int = Field(default=9000, ge=0, le=65535)
    allowed_hosts: tuple[str, ...] = ()  #: further names under which clients reach us
    token: SecretStr | None = None  #: required where host is not a loopback address
    allowed_folders: tuple[Folder, ...] = ()  #: may be scanned though they are not watched

    @model_validator(mode="after")
    def _token_off_loopback(self) -> "ServerSettings":
        token = self.token.get_secret_value() if self.token else ""
        if not token and not is_loopback(self.host):
            raise ValueError(
                f"host {self.host!r} can be reached from other machines: set server.token, or "
                "server.host to 127.0.0.1"
            )
        return self


class StoreSettings(Section):
    path: Path | None = None  #: ``load`` fills in clipwatch.db in the state directory
    backup_hours: float = Field(default=24.0, ge=0)  #: 0 makes none
    low_disk_mb: int = Field(default=200, ge=0)  #: below it no job is taken
    prune_days: float = Field(default=0, ge=0)  #: 0: what is missing is pruned by hand alone


class ClipSettings(Section):
    base_url: Url = "http://127.0.0.1:7860"
    timeout_secs: float = Field(default=30.0, gt=0)
    enabled: bool = True
    username: str = ""
    password: SecretStr | None = None


#: Names of headers (RFC 9110, 5.1), and those that cannot be given: HTTP's own, which clipwatch
#: sets, and Origin, for which ComfyUI refuses whoever sends it.
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADERS_OF_OURS = frozenset(
    ("accept-encoding", "connection", "content-length", "content-type", "host", "origin")
).union(("transfer-encoding", "upgrade"))


class BackendSettings(Section):
    """One server, or model on this machine, that can be asked; replaces the one of [clip]."""

    name: str = Field(min_length=1)
    kind: Literal[
        "auto", "sdapi", "sdnext", "tagger", "clipext", "koboldcpp", "comfyui", "openai", "generic",
        "local",
    ] = "auto"  # fmt: skip
    url: str = Field(default="", validate_default=True)
    username: str = ""
    password: SecretStr | None = None
    headers: dict[str, SecretStr] = {}  #: sent with every request, for a proxy before the server
    query: dict[str, SecretStr] = {}  #: added to every URL, for the same
    model: str = ""
    where: Annotated[str, AfterValidator(_search)] = (
        ""  #: takes the images that this search finds; empty: those no other takes
    )
    fallback: bool = False  #: asked only while those before it cannot be had
    limit: int = Field(default=1, ge=1, le=16)  #: pictures in flight
    yield_to: tuple[Url, ...] = ()  #: other servers on the same card
    workflow: Path | None = None  #: ComfyUI: a graph of one's own, in its API format
    output_node: str = ""  #: ComfyUI: the id of the workflow's node that has the text
    output_key: str = ""  #: ComfyUI: where the text is among what that node puts out
    provider: Literal["cpu", "cuda"] = "cpu"  #: local: where it runs
    general_threshold: float = Field(default=0.35, ge=0, le=1)  #: local
    character_threshold: float = Field(default=0.85, ge=0, le=1)
    batch_size: int = Field(default=4, ge=1, le=64)

    @field_validator("url")
    @classmethod
    def _url_of_a_server(cls, url: str, info: ValidationInfo) -> str:
        if info.data.get("kind") == "local":
            if url:
                raise ValueError("a local model has none; leave it out")
            return url
        if not url:
            raise ValueError("must be given")
        return _http_url(url)

    @field_validator("headers")
    @classmethod
    def _can_be_sent(cls, headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, value in headers.items():
            if not _HEADER_NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name of a header")
            if name.lower() in _HEADERS_OF_OURS:
                raise ValueError(f"{name} cannot be given")
            text = value.get_secret_value()
            if not text.isascii() or not text.isprintable():
                raise ValueError(f"the value of {name} must be printable ASCII")
        return headers

    @model_validator(mode="after")
    def _fit_together(self) -> "BackendSettings":
        has_credentials = self.username or (self.password and self.password.get_secret_value())
        if has_credentials and "authorization" in map(str.lower, self.headers):
            raise ValueError("give username and password, or the header Authorization, not both")
        if self.workflow and self.kind not in ("auto", "comfyui"):
            raise ValueError(f'a workflow is for kind = "comfyui", and this one is {self.kind}')
        if not self.workflow and (self.output_node or self.output_key):
            raise ValueError("output_node and output_key belong to a workflow, and none is given")
        return self


def _hours(text: str) -> str:
    return str(Hours.parse(text)) if text.strip() else ""


class CourtesySettings(Section):
    """How far clipwatch keeps out of the owner's way."""

    grace_secs: float = Field(default=30.0, ge=0)  #: of idleness before the backlog begins
    hours: Annotated[str, AfterValidator(_hours)] = ""  #: of the backlog; empty: all day
    pictures_per_minute: float = Field(default=0.0, ge=0)  #: that nobody waits for; 0: any
    unload: bool = False  #: models, after the last picture


class WatchingSettings(Section):
    ignore: tuple[str, ...] = (".*", "*~", "*.tmp", "*.part", "*.crdownload", "~$*", "@eaDir")
    quiet_secs: float = Field(default=2.0, gt=0)
    sweep_secs: float = Field(default=60.0, gt=0)  #: folders' mtimes are compared this often
    full_sweep_secs: float = Field(default=3600.0, gt=0)  #: every file is, at least this often


class ThumbnailSettings(Section):
    most_mb: int = Field(default=1000, ge=0)  #: kept on disk; 0 keeps none


class IdleSettings(Section):
    share: float = Field(default=0.1, ge=0, le=1)  #: of a core; 0 does nothing


class LogSettings(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "console", "json"] = "auto"


class Settings(Section):
    # Validators see the fields that stand above theirs.
    backends: tuple[BackendSettings, ...] = ()
    roots: tuple[RootSettings, ...] = ()
    server: ServerSettings = ServerSettings()
    store: StoreSettings = StoreSettings()
    clip: ClipSettings = ClipSettings()
    courtesy: CourtesySettings = CourtesySettings()
    watching: WatchingSettings = WatchingSettings()
    thumbnails: ThumbnailSettings = ThumbnailSettings()
    idle: IdleSettings = IdleSettings()
    log: LogSettings = LogSettings()

    def all_backends(self) -> tuple[BackendSettings, ...]:
        """The servers to ask: those of [[backends]], else the one of [clip], named default."""
        clip = self.clip
        default = BackendSettings(
            name=DEFAULT_BACKEND,
            url=clip.base_url,
            username=clip.username,
            password=clip.password,
        )
        return self.backends or (default,)

    @field_validator("roots")
    @classmethod
    def _apart(cls, roots: tuple[RootSettings, ...]) -> tuple[RootSettings, ...]:
        _keep_apart([root.path for root in roots])
        return roots

    @field_validator("server")
    @classmethod
    def _allowed_apart(cls, server: ServerSettings, info: ValidationInfo) -> ServerSettings:
        roots = [root.path for root in info.data.get("roots", ())]
        if server.allowed_folders:
            _keep_apart([*roots, *server.allowed_folders])
        return server

    @field_validator("store")
    @classmethod
    def _outside_roots(cls, store: StoreSettings, info: ValidationInfo) -> StoreSettings:
        for root in info.data.get("roots", ()):
            if store.path and _inside(store.path, root.path):
                raise ValueError(f"the database {store.path} must not lie in the root {root.path}")
        return store

    @model_validator(mode="after")
    def _roots_name_backends(self) -> "Settings":
        names = [backend.name for backend in self.all_backends()]
        for root in self.roots:
            if root.backend and root.backend not in names:
                raise ValueError(
                    f"the root {root.path} names the back end {root.backend!r}; there are: "
                    + ", ".join(names)
                )
        return self

    @field_validator("backends")
    @classmethod
    def _names_unique(cls, backends: tuple[BackendSettings, ...]) -> tuple[BackendSettings, ...]:
        counts = Counter(backend.name for backend in backends)
        if doubled := [name for name, count in counts.items() if count > 1]:
            raise ValueError(f"every name must be given once; doubled: {', '.join(doubled)}")
        return backends


# --- loading ---------------------------------------------------------------------------------


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
