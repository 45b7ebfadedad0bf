"""Coverage-guided fuzzing of everything that reads a file: ``make fuzz``, or by hand

    uv run --group fuzz python -m tests.fuzz.read [CORPUS] [libFuzzer options]

An input that raises, or takes seconds of the processor, ends the run and is kept beside it. The
corpus starts with one file of each layout that the tests can write. CI always begins with the same
seed, so that it judges the change and not its luck.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import atheris
import orjson

with atheris.instrument_imports(include=["clipwatch"]):
    from clipwatch import embedded
    from clipwatch.embedded.stealth import probe
    from clipwatch.embedded.terms import tags_of

from tests.fuzz.seeds import seeds

SECONDS_AN_INPUT = 4  #: of the processor: reading them is traced, and machines may be slow
HUNG_SECONDS = 60


def read(data: bytes) -> None:
    """One input: what a scan and ``inspect`` do with a file, up to what is stored of it."""
    began = time.process_time()
    descriptor = os.memfd_create("input")
    try:
        os.write(descriptor, data)
        for found in (embedded.read(descriptor, len(data)), probe(descriptor, len(data))):
            if found is not None:
                tags_of(found)
                orjson.dumps(found)  # refuses what JSON cannot hold
    finally:
        os.close(descriptor)
    assert time.process_time() - began < SECONDS_AN_INPUT


def main() -> None:
    """Fuzz until libFuzzer's options say that it is enough."""
    options = sys.argv[1:]
    if not options or options[0].startswith("-"):
        options.insert(0, tempfile.mkdtemp(prefix="clipwatch-corpus-"))
    corpus = Path(options[0])
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        (corpus / f"seed-{number:03}").write_bytes(seed)
    always = [f"-timeout={HUNG_SECONDS}", *(["-seed=1"] if "CI" in os.environ else [])]
    atheris.Setup([sys.argv[0], *always, *options], read)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
