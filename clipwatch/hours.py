"""Pure: hours of the day, as in ``22:00-06:00``."""

import re
from dataclasses import dataclass
from datetime import time

_WINDOW = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\s*-\s*([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class Hours:
    """From ``start`` until ``end`` on the wall's clock, over midnight where that is earlier."""

    start: time
    end: time

    @classmethod
    def parse(cls, text: str) -> "Hours":
        """Raises ``ValueError`` for anything but two different times of a day."""
        found = _WINDOW.fullmatch(text.strip())
        if found is None:
            raise ValueError("must be like 22:00-06:00")
        from_hour, from_minute, to_hour, to_minute = map(int, found.groups())
        start, end = time(from_hour, from_minute), time(to_hour, to_minute)
        if start == end:
            raise ValueError("must begin and end at different times; leave it empty for all day")
        return cls(start, end)

    def includes(self, at: time) -> bool:
        """Whether the clock on the wall shows one of these hours. The hour that is repeated in
        autumn counts twice, the one left out in spring not at all."""
        at = at.replace(tzinfo=None, fold=0)
        if self.start < self.end:
            return self.start <= at < self.end
        return at >= self.start or at < self.end

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"
