"""What the backlog costs a server's owner who renders all day: a simulation on a clock of its own.

The rules are those of ``clipwatch.pipeline.courtesy``; the server renders one image after another,
with gaps between them, and works on one thing at a time. It is looked at as the worker does it:
every two seconds, and while a picture is out. A day with clipwatch's backlog without end is
compared with the same day without it.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import report
from clipwatch.interrogators.base import Activity
from clipwatch.model import Priority
from clipwatch.pipeline.courtesy import POLL_SECS, Idleness, Manners, Scene, permitted

DAY_SECS = 24 * 3600.0
RENDER_SECS = 20.0
PICTURE_SECS = 2.0


@dataclass(frozen=True, slots=True)
class Day:
    """What a server did in a day."""

    renders: int
    pictures: int


def main() -> None:
    """Simulate, and print the table."""
    days: tuple[tuple[str, Callable[[random.Random], float]], ...] = (
        ("one render after another", lambda _: 0.0),
        ("gaps of 1 to 25 s, a prompt being changed", lambda chance: chance.uniform(1, 25)),
        ("the same, and every tenth gap 5 minutes", _with_breaks),
    )
    rows = []
    for name, gap in days:
        without = day(gap, None)
        polite, blunt = day(gap, Manners()), day(gap, Manners(grace_secs=0))
        rows.append((f"{_loss(polite, without):.2%}", f"{name}: {polite.pictures:,} pictures"))
        rows.append((f"{_loss(blunt, without):.2%}", f"without the grace: {blunt.pictures:,}"))
    report.show(
        f"Renders of {RENDER_SECS:g} s that a day loses to pictures of {PICTURE_SECS:g} s",
        ["simulated; goal: less than 1 %"],
        rows,
    )


def _with_breaks(chance: random.Random) -> float:
    return 300.0 if chance.random() < 0.1 else chance.uniform(1, 25)


def _loss(day: Day, without: Day) -> float:
    return 1 - day.renders / without.renders


def day(gap: Callable[[random.Random], float], manners: Manners | None) -> Day:
    """A day of renders with these gaps after each, and of pictures where ``manners`` are given.

    The owner's gap is from the end of one render to the wish for the next, which waits for the
    picture in hand.
    """
    chance = random.Random(1)
    now, renders, pictures = 0.0, 0, 0
    while now < DAY_SECS:
        renders += 1
        now += RENDER_SECS
        wish = now + gap(chance)
        idleness = Idleness()
        now = min(wish, now + chance.uniform(0, POLL_SECS))  # the first look that sees none
        while manners is not None and now < wish:
            idleness = idleness.after(Activity.IDLE, now)
            scene = Scene("server", Activity.IDLE, idle_secs=idleness.lasted(now))
            is_sent = permitted(scene, manners).covers(Priority.BACKLOG)
            pictures += is_sent
            now += PICTURE_SECS if is_sent else POLL_SECS
            if not is_sent:
                now = min(now, wish)
        now = max(now, wish) if manners is not None else wish
    return Day(renders, pictures)
