"""How far a scan of a folder is, and how long the rest will take."""

from dataclasses import dataclass

from clipwatch.model import Clock, ScanCounts


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """Taken at one moment."""

    estimated: int  #: files that look like images, counted before the first was read
    seen: int = 0
    read: int = 0  #: of these; the others were known from before an interruption
    seconds: float = 0.0  #: since the first file was read

    def after(self, counts: ScanCounts, seconds: float) -> "ImportProgress":
        return ImportProgress(
            self.estimated, counts.found, counts.found - counts.unchanged, seconds
        )

    @property
    def per_second(self) -> float | None:
        """Files read in a second, None while there is nothing to judge by."""
        return self.read / self.seconds if self.read and self.seconds > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """At the speed so far; never negative, though more may be found than was counted."""
        if self.per_second is None:
            return None
        return max(self.estimated - self.seen, 0) / self.per_second


class Following:
    """Follows one sweep by the clock."""

    def __init__(self, clock: Clock) -> None:
        self.progress: ImportProgress | None = None  #: None until the files are counted
        self._clock = clock
        self._began = 0.0

    def surveyed(self, images: int) -> None:
        self._began = self._clock.monotonic()
        self.progress = ImportProgress(images)

    def advanced(self, counts: ScanCounts) -> None:
        now = self._clock.monotonic()
        if counts.found == counts.unchanged:  # known files are hopped over, in no time
            self._began = now
        if self.progress is not None:
            self.progress = self.progress.after(counts, now - self._began)
