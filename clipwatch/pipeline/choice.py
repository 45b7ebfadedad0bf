"""Pure: which back ends an image is for.

Decided once for each job, in this order:

    its ask names a back end           that one, and no other
    its ask names a model              whoever has the model
    the image's root names a back end  that one, and no other: the job waits for it
    a profile's ``where`` fits it      the profiles with that ``where``, the first in the file
    nothing of this                    the profiles without ``where``

A profile that is a ``fallback`` takes what the others of its group should, in the order of the
file, while none before it can be had: while all their breakers are open.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from clipwatch.query import parse
from clipwatch.store.base import Rule

#: The route of what no rule fits.
GENERAL = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """What the choice knows of a back end."""

    name: str
    where: str = ""  #: search text; empty: any image
    fallback: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """Back ends that do the same work: any of ``pool``, else the first fallback that can be had."""

    name: str
    pool: tuple[str, ...]
    fallbacks: tuple[str, ...] = ()

    def is_open_to(self, name: str, out: Collection[str]) -> bool:
        """Whether this back end may take such a job now; ``out`` are those that cannot be had."""
        if name in self.pool:
            return True
        if name not in self.fallbacks:
            return False
        before = (*self.pool, *self.fallbacks[: self.fallbacks.index(name)])
        return all(other in out for other in before)


@dataclass(frozen=True, slots=True)
class Choice:
    """How the queue is divided. Without rules and fallbacks it is not: everybody takes all."""

    rules: tuple[Rule, ...] = ()  #: the first that fits gives a job its route, else ``GENERAL``
    routes: tuple[Route, ...] = ()

    def open_to(self, name: str, out: Collection[str]) -> list[str]:
        """The names of the routes whose jobs this back end may take now."""
        return [route.name for route in self.routes if route.is_open_to(name, out)]


EVERYBODY = Choice()


def choice(profiles: Sequence[Profile], roots: Mapping[int, str], now: datetime) -> Choice:
    """The choice that these settings mean; ``roots`` are the back ends of roots, by root id,
    and ``now`` decides what dates mean.

    Raises ``QueryError`` for a ``where`` that cannot be understood.
    """
    wheres = dict.fromkeys(one.where for one in profiles if one.where)
    if not (wheres or roots or any(one.fallback for one in profiles)):
        return EVERYBODY
    rules = [Rule(f"root {name}", root_id=root_id) for root_id, name in roots.items()]
    rules += [Rule(f"where {where}", query=parse(where, now)) for where in wheres]
    routes = [Route(f"root {name}", (name,)) for name in dict.fromkeys(roots.values())]
    routes += [_route(f"where {where}", where, profiles) for where in wheres]
    return Choice(tuple(rules), (*routes, _route(GENERAL, "", profiles)))


def _route(name: str, where: str, profiles: Sequence[Profile]) -> Route:
    pool = tuple(one.name for one in profiles if one.where == where and not one.fallback)
    fallbacks = tuple(one.name for one in profiles if one.where in ("", where) and one.fallback)
    return Route(name, pool, fallbacks)
