"""The settings of one back end."""

import re
from datetime import UTC, datetime
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

from clipwatch.errors import QueryError
from clipwatch.query import parse
from clipwatch.settings.base import Section, Url, http_url

#: What dates in a search mean is decided when it is used.
ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


def _search(text: str) -> str:
    try:
        parse(text, ANY_TIME)
    except QueryError as error:
        raise ValueError(f"must be a search: {error.message}") from error
    return text.strip()


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
    #: Sent with every request, for a proxy before the server.
    headers: dict[str, SecretStr] = Field(default_factory=dict)
    query: dict[str, SecretStr] = Field(default_factory=dict)  #: added to every URL, for the same
    model: str = ""
    #: Takes the images that this search finds; empty: those that no other takes.
    where: Annotated[str, AfterValidator(_search)] = ""
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
        return http_url(url)

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
