"""How figures are taken from samples, and shown: ratios first."""

import os
import platform
import sqlite3
import statistics
from collections.abc import Sequence
from pathlib import Path


def percentile(samples: Sequence[float], percent: int) -> float:
    """The value that ``percent`` of the samples do not exceed."""
    return statistics.quantiles(samples, n=100, method="inclusive")[percent - 1]


def memory_mb(field: str, pid: int | None = None) -> float:
    """``VmRSS`` or ``VmHWM``, its peak, of a process, of this one by default; see proc(5)."""
    return field_mb(Path(f"/proc/{pid or os.getpid()}/status").read_text(), field)


def field_mb(status: str, field: str) -> float:
    """One field of a /proc/PID/status, in MB of 1,024 kB."""
    line = next(line for line in status.splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024


def machine() -> str:
    """What the figures were taken on."""
    kinds = [
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    kind = kinds[0].partition(":")[2].strip() if kinds else platform.machine()
    python, sqlite = platform.python_version(), sqlite3.sqlite_version
    return f"{os.cpu_count()} cores of {kind}, Python {python}, SQLite {sqlite}"


def show(title: str, notes: Sequence[str], rows: Sequence[tuple[str, str]]) -> None:
    """Print a table of figures and what they mean, under its title and notes."""
    print(f"\n{title}")
    for note in notes:
        print(f"  {note}")
    width = max(len(figure) for figure, _ in rows)
    for figure, meaning in rows:
        print(f"    {figure:>{width}}  {meaning}")
