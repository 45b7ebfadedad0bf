"""``python -m benchmarks``: all of them, one after another."""

from benchmarks import arrival, cached, first_import, idle_memory, reading, search


def main() -> None:
    """Run every benchmark; each prints its own table."""
    for benchmark in (first_import, arrival, cached, idle_memory, reading, search):
        benchmark.main()


if __name__ == "__main__":
    main()
