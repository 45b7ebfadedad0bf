"""Which image somebody means who names an id or a file."""

import os
from typing import Any
from uuid import UUID

from clipwatch.cli.client import Daemon
from clipwatch.errors import NotFound


def find_image(daemon: Daemon, target: str) -> dict[str, Any]:
    """The daemon's answer about the image with this id, or with a file at this path.

    Raises ``NotFound``.
    """
    image_id = _as_id(target)
    if image_id is not None:
        found: dict[str, Any] = daemon.get(f"/api/v1/images/{image_id}")
        return found
    path = os.fsencode(os.path.realpath(target)).decode(errors="replace")
    for extra in ("", "is:missing "):  # missing files are shown only to those who ask for them
        answer = daemon.get("/api/v1/images", q=extra + _path_query(path), limit=500)
        for image in answer["images"]:
            if any(location["path"] == path for location in image["locations"]):
                return dict(image)
    hint = f"`clipwatch scan {target}` looks at it, if it is new; what was forgotten stays so"
    raise NotFound(f"no image is known at {path}", hint=hint)


def _as_id(target: str) -> UUID | None:
    try:
        return UUID(target)
    except ValueError:
        return None


def _path_query(path: str) -> str:
    from clipwatch.query import Field, Query, unparse

    return unparse(Query(Field("path", path, 0)))
