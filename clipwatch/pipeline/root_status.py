"""How well a root is known at the moment, and what its owner can do about it."""

from collections.abc import Collection
from dataclasses import dataclass

from clipwatch.pipeline.progress import ImportProgress
from clipwatch.watching.observer import Blindness

#: Seconds between two looks at the folders of a root on a network file system, at the most.
NETWORK_SWEEP_SECS = 15.0
#: After so many sweeps in a row that found what no hint had named, new watches are no cure.
DEAF_AFTER = 3


@dataclass(slots=True)
class RootStatus:
    """How well a root is known at the moment."""

    imported: bool
    network: str | None = None  #: type of the network file system that it lies on
    unreadable: Collection[bytes] = ()  #: folders, relative
    offline: str | None = None  #: why it cannot be looked at
    offline_hint: str = ""  #: what to do about it
    blind: Blindness | None = None
    told: Blindness | None = None  #: the blindness that the log has last told of
    doubted: bool = True  #: a full sweep is owed
    swept_at: int | None = None  #: wall clock of the last sweep
    next_full: float = 0.0  #: monotonic
    next_light: float = 0.0  #: monotonic
    missed: int = 0  #: images that no hint named and a sweep found, since the start
    missed_in_row: int = 0  #: sweeps that found some since a hint came
    progress: ImportProgress | None = None  #: of the first full sweep, while it runs

    def heard(self) -> None:
        """A hint came, so hints do come."""
        self.missed_in_row = 0
        if self.blind is Blindness.DEAF:
            self.blind = None

    def deafer(self) -> Blindness:
        """Nothing was known to be wrong with the hints, and some did not come."""
        self.missed_in_row += 1
        return Blindness.DEAF if self.missed_in_row >= DEAF_AFTER else Blindness.MISSED

    @property
    def hint(self) -> str:
        """What the user can do, or should know; empty where there is nothing."""
        if self.offline:
            return self.offline_hint
        if self.network:
            return (
                f"it lies on {self.network}: what other machines write there makes no hints, so its"
                f" folders are compared at least every {NETWORK_SWEEP_SECS:.0f} s"
            )
        return self.blind.hint if self.blind else ""

    @property
    def state(self) -> str:
        if self.offline:
            return "offline"
        if not self.imported:
            return "importing"
        return "blind" if self.blind else "watching"
