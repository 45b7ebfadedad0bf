"""What every section of the settings is, and the kinds of values that several of them have."""

from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo, field_validator


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _truth_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        kind = cls.model_fields[info.field_name or ""].annotation
        if isinstance(value, bool) and kind in (int, float):
            raise ValueError("must be a number")
        return value


def http_url(url: str) -> str:
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


Url = Annotated[str, AfterValidator(http_url)]
