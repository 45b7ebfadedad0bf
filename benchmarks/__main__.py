"""``python -m benchmarks``: all of them, one after another."""

from benchmarks import (
    arrival,
    cached,
    counting,
    dispatch,
    first_import,
    http,
    idle_memory,
    manners,
    reading,
    search,
    sweeping,
)

BENCHMARKS = (
    *(first_import, sweeping, arrival, cached, dispatch, manners, idle_memory, http, reading),
    *(search, counting),
)


def main() -> None:
    """Run every benchmark; each prints its own table."""
    for benchmark in BENCHMARKS:
        benchmark.main()


if __name__ == "__main__":
    main()
