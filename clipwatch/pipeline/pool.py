"""The back ends together, as each of their workers sees the others."""

from collections.abc import Collection, Sequence
from typing import Protocol

from clipwatch.model import Priority
from clipwatch.pipeline.backend import Backend
from clipwatch.pipeline.breaker import BreakerState
from clipwatch.pipeline.choice import Choice
from clipwatch.pipeline.standing import Standing
from clipwatch.store.base import Taker


class Member(Protocol):
    """A worker, as far as the others care."""

    backend: Backend
    standing: Standing
    in_hand: int

    @property
    def is_free(self) -> bool:
        """Whether it would take a job right now."""

    def has(self, model: str) -> bool:
        """Whether its server may have this model."""

    def wake(self) -> None:
        """There may be something new to do, or something not to do."""

    def look_again(self) -> None:
        """Another worker's state has changed."""


class Pool:
    """Workers pull: whoever has a free slot takes the next job that is for its back end, so the
    least busy server gets it."""

    def __init__(self, choice: Choice) -> None:
        self.choice = choice
        self.members: Sequence[Member] = ()

    def wake(self) -> None:
        """There may be new jobs; the least busy server is told first."""
        for member in sorted(self.members, key=load):
            member.wake()

    def look_again(self) -> None:
        """One of them has become busy, or cannot be had any more."""
        for member in self.members:
            member.look_again()

    def has_spare(self, beside: Member) -> bool:
        """Whether another one would take a job right now."""
        return any(member.is_free for member in self.members if member is not beside)

    def has_elsewhere(self, model: str, beside: Member) -> bool:
        """Whether another one's server may have this model."""
        return any(member.has(model) for member in self.members if member is not beside)

    def taker(self, member: Member, most: Priority, without: Collection[str]) -> Taker:
        """What this one may claim now: ``without`` are the models that its server lacks."""
        routes = None  # there are none: everybody takes all
        if self.choice.routes:
            out = [
                other.backend.name
                for other in self.members
                if other.standing.state is not BreakerState.CLOSED
            ]
            routes = self.choice.open_to(member.backend.name, out)
        return Taker((member.backend.name,), most, self.choice.rules, routes, without)


def load(member: Member) -> float:
    """How busy it is: 1 where every slot of its server has a picture."""
    return member.in_hand / member.backend.limit
