"""The settings, section by section, and what must hold between them."""

import ipaddress
import os
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from clipwatch.hours import Hours
from clipwatch.settings.backends import BackendSettings
from clipwatch.settings.base import Section, Url

#: What the back end of [clip] is called.
DEFAULT_BACKEND = "default"


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
