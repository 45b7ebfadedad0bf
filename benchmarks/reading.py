"""How fast prompts are read out of files by one core, beside what else reads them.

Rivals are measured where they are installed: ``make bench`` brings sd-parsers, a C compiler builds
the floor, exiftool is a Debian package. All of a row take turns on the same files and the same
core. Processor time is counted, and a ratio is the median of those of the rounds, so that what
else the machine does weighs little.
"""

import os
import random
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from PIL import Image

from benchmarks import corpus, report
from clipwatch import embedded
from clipwatch.embedded import container, stealth
from clipwatch.embedded.terms import tags_of
from clipwatch.model import Embedded

IMAGES = 1_000
SLOW_IMAGES = 100  #: for rivals that take milliseconds a file
ROUNDS = 11
SLOW_ROUNDS = 3
GRAPHS = 200
PROBED_SIZE = (1024, 1536)
SOURCE = Path(__file__).with_name("reading.c")
MIX = (
    f"{IMAGES:,} files: 40 % A1111 PNG, 25 % ComfyUI PNG, 15 % PNG without a prompt, 10 % JPEG, "
    "10 % WebP"
)
WARM = "warm page cache, one core, processor time"

Read = Callable[[str], object]
Round = Callable[[], float]  #: seconds of processor time a file
Row = tuple[str, str]


def main() -> None:
    """Measure, and print the tables."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        with tempfile.TemporaryDirectory(prefix="clipwatch-") as work:
            _measure(Path(work))
    finally:
        os.sched_setaffinity(0, cores)


def _measure(work: Path) -> None:
    mixed = work / "mixed"
    mixed.mkdir()
    corpus.write(mixed, IMAGES)
    files = sorted(map(str, mixed.rglob("*.*")))
    program = _compiled(work)
    report.show("Containers", [MIX, WARM], _containers(files, program))
    report.show("Reading and parsing", [MIX, WARM], [*_rivals(files), *_reading(files)])
    report.show("ComfyUI", [WARM], [_comfyui(work)])
    report.show("The probe for stealth text", [WARM], _stealth(work))


# --- tables ----------------------------------------------------------------------------------


def _containers(files: Sequence[str], program: Path | None) -> list[Row]:
    """The texts of all files as strings, nothing parsed."""
    pngs = [path for path in files if path.endswith(".png")]
    pillow, ours = _in_turn(partial(_each, pngs, _pillow), partial(_each, pngs, _container))
    rows = [(f"{_times(pillow, ours):.2f} x", "as fast as Pillow's open().info, PNG files alone")]
    if program is None:
        return [*rows, ("-", "no C compiler, so nothing to compare it with")]
    c, ours = _in_turn(partial(_floor, program, files), partial(_each, files, _container))
    spent = f"{_us(median(ours))} for its {_us(median(c))} a file"
    return [(f"{_times(ours, c):.2f} x", f"the time of a C program: {spent}"), *rows]


def _rivals(files: Sequence[str]) -> list[Row]:
    rows = []
    some = files[:: len(files) // SLOW_IMAGES]
    if find_spec("sd_parsers"):
        times = _in_turn(_sd_parsers(some), partial(_each, some, _ours), rounds=SLOW_ROUNDS)
        rows.append((f"{_times(*times):.0f} x", "as fast as sd-parsers"))
    else:
        rows.append(("-", "sd-parsers is not installed"))
    if shutil.which("exiftool"):
        rivals = (partial(_exiftool, files), partial(_each, files, _ours))
        times = _in_turn(*rivals, rounds=SLOW_ROUNDS)
        rows.append((f"{_times(*times):.0f} x", "as fast as one run of exiftool -fast2"))
    else:
        rows.append(("-", "exiftool is not installed"))
    return rows


def _reading(files: Sequence[str]) -> list[Row]:
    pillow, ours, tagged = _in_turn(
        *(partial(_each, files, read) for read in (_pillow, _ours, _with_tags))
    )
    cold = median(_cold(files) for _ in range(SLOW_ROUNDS))
    return [
        (f"{_times(pillow, ours):.2f} x", "as fast as Pillow's open().info, which parses nothing"),
        (f"{1 / median(ours):,.0f}/s", f"{_us(median(ours))} a file"),
        (f"{1 / median(tagged):,.0f}/s", "with the prompt's tags as well"),
        (f"{1 / cold:,.0f}/s", "by the clock, after the kernel was told to forget the files"),
    ]


def _comfyui(work: Path) -> Row:
    folder = work / "comfyui"
    folder.mkdir()
    chance = random.Random(3)
    bases = corpus.make_bases(chance).png
    for number in range(GRAPHS):
        prompt, base = corpus.make_prompt(chance), chance.choice(bases)
        data = corpus.comfyui_png_of(prompt, number, 20_000, 100_000, base)
        (folder / f"{number}.png").write_bytes(data)
    files = sorted(map(str, folder.iterdir()))
    [times] = _in_turn(partial(_each, files, _ours))
    spent = f"with 20 KB of prompt and 80 KB of workflow: {_us(median(times))}"
    return f"{1 / median(times):,.0f}/s", spent


def _stealth(work: Path) -> list[Row]:
    """Two pictures that hide nothing: one of noise and one that is opaque."""
    width, height = PROBED_SIZE
    noise = Image.frombytes("RGBA", PROBED_SIZE, random.Random(5).randbytes(width * height * 4))
    opaque = Image.linear_gradient("L").resize(PROBED_SIZE).convert("RGBA")
    rows = []
    for name, picture in (("noise", noise), ("an opaque gradient", opaque)):
        path = work / f"{name}.png"
        picture.save(path)
        [times] = _in_turn(partial(_each, [str(path)] * 20, _probe))
        size = f"{width} x {height} with alpha"
        rows.append((f"{median(times) * 1e3:.2f} ms", f"{name}, {size}, nothing hidden"))
    return rows


def _us(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} µs"


# --- one file --------------------------------------------------------------------------------


def _container(path: str) -> object:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        found = container.look(descriptor, os.fstat(descriptor).st_size)
        return [text.load() for text in found.texts.values()]
    finally:
        os.close(descriptor)


def _ours(path: str) -> Embedded:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return embedded.read(descriptor, os.fstat(descriptor).st_size)
    finally:
        os.close(descriptor)


def _with_tags(path: str) -> object:
    return tags_of(_ours(path))


def _probe(path: str) -> object:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return stealth.probe(descriptor, os.fstat(descriptor).st_size)
    finally:
        os.close(descriptor)


def _pillow(path: str) -> object:
    with Image.open(path) as image:
        return image.info


# --- one round -------------------------------------------------------------------------------


def _in_turn(*rivals: Round, rounds: int = ROUNDS) -> list[Sequence[float]]:
    """For each, what it took a file in each of the rounds."""
    times = [[rival() for rival in rivals] for _ in range(rounds)]
    return list(zip(*times, strict=True))


def _times(theirs: Sequence[float], ours: Sequence[float]) -> float:
    """How many times as much, round by round."""
    return median(a / b for a, b in zip(theirs, ours, strict=True))


def _each(files: Sequence[str], read: Read) -> float:
    began = time.process_time()
    for path in files:
        read(path)
    return (time.process_time() - began) / len(files)


def _cold(files: Sequence[str]) -> float:
    for path in files:
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)
    began = time.perf_counter()
    for path in files:
        _ours(path)
    return (time.perf_counter() - began) / len(files)


def _compiled(work: Path) -> Path | None:
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    program = work / "reading"
    subprocess.run([compiler, "-O2", "-o", program, SOURCE], check=True)
    return program


def _floor(program: Path, files: Sequence[str]) -> float:
    names = "\n".join(files)
    done = subprocess.run([program], input=names, capture_output=True, text=True, check=True)
    return int(done.stdout) / 1e9 / len(files)


def _sd_parsers(files: Sequence[str]) -> Round:
    from sd_parsers import ParserManager

    return partial(_each, files, ParserManager().parse)


def _exiftool(files: Sequence[str]) -> float:
    command = ["exiftool", "-fast2", "-j", "-b", "-q", *files]
    began = _spent_by_children()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return (_spent_by_children() - began) / len(files)


def _spent_by_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
