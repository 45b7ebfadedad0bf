"""Having an image forgotten, so that no scan brings it back."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from clipwatch.model import LocationState
from clipwatch.pipeline.twins import keys_of
from clipwatch.store.base import Store


async def forget(store: Store, image_id: UUID, now: int) -> Sequence[bytes]:
    """Delete all that is known of the image; the absolute paths of its files, which stay. What they
    hold is read once more before, so that copies of them are told. Raises ``NotFound``."""
    location = (await store.image(image_id)).location
    if location.state is not LocationState.MISSING:
        keys = await asyncio.to_thread(
            keys_of, location.absolute, location.stat, wants_hash=True, wants_key=False
        )
        await store.set_keys([] if keys is None else [keys])
    return await store.forget(image_id, now)
