"""The server that ``benchmarks.http`` measures clipwatch against: what one writes with FastAPI.

python -m benchmarks.http_fastapi DATABASE PORT
"""

import contextlib
import sys
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from clipwatch.clock import SystemClock
from clipwatch.query import parse
from clipwatch.store.sqlite import open_store
from clipwatch.web.wire import image_dict


class PromptModel(BaseModel):
    id: UUID
    type: str
    text: str
    negative: str


class LocationModel(BaseModel):
    path: str
    root: str
    state: str
    reason: str | None
    size: int
    modified_at: datetime | None
    missing_since: datetime | None


class TagModel(BaseModel):
    name: str
    category: str
    score: float | None
    origin: str


class JobModel(BaseModel):
    state: str
    attempts: int
    next_try_at: datetime | None
    error: str | None


class ImageModel(BaseModel):
    id: UUID
    path: str
    root: str
    locations: list[LocationModel]
    state: str
    reason: str | None
    width: int | None
    height: int | None
    format: str | None
    size: int
    created_at: datetime | None
    added_at: datetime | None
    revision: int
    generator: str | None
    prompt: PromptModel | None
    job: JobModel | None
    tags: list[TagModel]
    links: dict[str, str]
    ratings: Any


class PageModel(BaseModel):
    images: list[ImageModel]
    next_cursor: str | None
    total: int | None
    total_is_exact: bool


def main(database: Path, port: int) -> None:
    """Serve until terminated."""
    clock = SystemClock()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.store = await open_store(database, clock, read_only=True)
        yield
        await app.state.store.close()

    app = FastAPI(lifespan=lifespan)

    async def images(q: str = "", limit: int = 50) -> dict[str, Any]:
        page = await app.state.store.list_images(parse(q, clock.local_now()), limit=limit)
        return {
            "images": [image_dict(image) for image in page.images],
            "next_cursor": None if page.position is None else str(page.position),
            "total": page.total,
            "total_is_exact": page.total_is_exact,
        }

    app.add_api_route("/api/v1/images", images, response_model=PageModel)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
