"""The part of the store that counts, and that keeps the tags which people give."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from clipwatch.counts import Facets, RootCount, Statistics, TagCount, Tagged, ValueCount
from clipwatch.query import Query
from clipwatch.store import (
    sqlite_completing,
    sqlite_counts,
    sqlite_facets,
    sqlite_manual_tags,
    sqlite_statistics,
)
from clipwatch.store.sqlite_images import seq_of
from clipwatch.store.sqlite_part import Part


class Browsing(Part):
    """Counts, what completes a search, tags of one's own."""

    async def give_tag(self, image_id: UUID, name: str, now: int) -> Tagged:
        return await self._write(
            lambda it: sqlite_manual_tags.give(it, seq_of(it, image_id), image_id, name, now)
        )

    async def take_tag(self, image_id: UUID, name: str, now: int) -> Tagged:
        return await self._write(
            lambda it: sqlite_manual_tags.take(it, seq_of(it, image_id), image_id, name, now)
        )

    async def top_tags(self, prefix: str, *, limit: int) -> Sequence[TagCount]:
        return await self._read(lambda it: sqlite_counts.top_tags(it, prefix, limit))

    async def tags_like(self, begin: str, *, limit: int) -> Sequence[TagCount]:
        return await self._read(lambda it: sqlite_counts.tags_like(it, begin, limit))

    async def top_values(self, field: str, part: str, *, limit: int) -> Sequence[ValueCount]:
        return await self._read(lambda it: sqlite_counts.top_values(it, field, part, limit))

    async def folders_like(self, begin: str, *, limit: int) -> Sequence[str]:
        return await self._read(lambda it: sqlite_completing.folders(it, begin, limit))

    async def late_negatives(self) -> Sequence[str]:
        return await self._read(sqlite_completing.late_negatives)

    async def facets(self, query: Query, now: datetime) -> Facets:
        return await self._search(lambda it: sqlite_facets.facets(it, query, now))

    async def statistics(self, now: datetime) -> Statistics:
        return await self._read(lambda it: sqlite_statistics.statistics(it, now))

    async def root_counts(self) -> Sequence[RootCount]:
        return await self._read(sqlite_statistics.root_counts)
