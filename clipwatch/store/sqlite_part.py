"""What the parts of the store are made of: each a class with some of the methods of ``Store``."""

from abc import ABC, abstractmethod
from typing import TypeVar

from clipwatch.store.sqlite_writer import Work

T = TypeVar("T")


class Part(ABC):
    """Has whatever runs a function of a connection: in a transaction that writes, in one that
    reads, as a search, which is cut off where it takes too long, and as a selection, which may take
    long and keeps no search waiting."""

    @abstractmethod
    async def _write(self, work: Work[T]) -> T: ...

    @abstractmethod
    async def _read(self, work: Work[T]) -> T: ...

    @abstractmethod
    async def _select(self, work: Work[T]) -> T: ...

    @abstractmethod
    async def _search(self, work: Work[T]) -> T: ...
