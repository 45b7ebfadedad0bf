"""A library that was never drawn: what a scan of many images would have found, from a fixed seed.

    words     24 terms a prompt out of 60,000 of one to three of 20,000 words, as uneven as in
              real ones: the n-th is used 1/n as often, and one image in twenty has one of its own
    values    60 models, 400 LoRAs, 20 samplers, 7 schedulers, 40 sizes, seeds of 32 bits
    5 %       in Japanese, 12 % without a prompt, 2 % of all with a generated one and scored tags
    files     a folder a day through three years, 3 % of them recorded last, as an old folder would

It goes into the database through the store's own ``record``, 1,000 images to a transaction that is
flushed to the disk, as an import's are.
"""

import itertools
import random
import sqlite3
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from clipwatch.model import (
    Caption,
    Embedded,
    FileStat,
    LocationState,
    Observation,
    Outcome,
    Priority,
    Tag,
    TagOrigin,
)
from clipwatch.store import sqlite_drift, sqlite_jobs, sqlite_prompts, sqlite_record
from clipwatch.store.base import ANYBODY
from clipwatch.store.sqlite_opening import WRITER
from clipwatch.store.sqlite_prompts import Keys
from clipwatch.store.sqlite_roots import register_root
from clipwatch.store.sqlite_schema import migrate
from clipwatch.store.sqlite_writer import in_transaction

ROOT = b"/library"
START = 1_672_531_200_000_000  #: 2023, in microseconds
YEARS = 3
NOW = START + YEARS * 365 * 24 * 3600 * 10**6
A_TRANSACTION = 1_000
TAKES = 300_000  #: microseconds from one transaction to the next: new ids sort by their time

_SYLLABLES = "ka mo ri ta ne lu so vi de ba ro mi ha ze no pu li ga re xo"
_JAPANESE = "黒髪 少女 猫耳 夜空 水彩 東京 雨の街 桜 制服 笑顔 浴衣 夕焼け 森の中 城 竜"
_TAGS = "smile, long hair, short hair, blue eyes, solo, sitting, hat, outdoors, night, sky"
_SIZES = [f"{64 * w}x{64 * h}" for w in (8, 12, 16, 21) for h in (8, 10, 12, 16, 18)] * 2


class Vocabulary:
    """The terms that prompts are made of, and how often each is used."""

    def __init__(self, chance: random.Random, words: int = 20_000, terms: int = 60_000) -> None:
        names = {"girl": None, "portrait": None, "castle": None, "dragon": None}
        syllables = _SYLLABLES.split()
        while len(names) < words:
            names["".join(chance.choices(syllables, k=chance.randint(2, 4)))] = None
        self.words = list(names)
        uneven = _uneven(words)
        more = (
            " ".join(chance.choices(self.words, cum_weights=uneven, k=chance.choice((1, 2, 2, 3))))
            for _ in range(terms)
        )
        self.terms = [*self.words[:100], *more]
        self.weights = _uneven(len(self.terms))


def _uneven(count: int) -> list[float]:
    return list(itertools.accumulate(1 / (rank + 3) for rank in range(count)))


def observations(count: int, seed: int = 1) -> Iterator[Observation]:
    """What a scan finds: the newer part first, then the old folder that came last."""
    chance = random.Random(seed)
    vocabulary = Vocabulary(chance)
    step = YEARS * 365 * 24 * 3600 * 10**6 // count
    late = count * 3 // 100
    for number in (*range(late, count), *range(late)):
        at = START + number * step + chance.randrange(step)
        yield _observation(number, at, chance, vocabulary)


def _observation(
    number: int, at: int, chance: random.Random, vocabulary: Vocabulary
) -> Observation:
    day = number * YEARS * 365 // 1_000_000
    folder = f"{2023 + day // 365}/{day % 365:03}"
    told = _told(chance, vocabulary)
    terms = dict.fromkeys(told.prompt.split(", ")) if told.prompt else {}
    return Observation(
        root_id=1,
        path=f"{folder}/{number:08}.png".encode(),
        stat=FileStat(1, number + 1, 1_500_000 + number % 1_000, at * 1_000),
        state=LocationState.PRESENT,
        embedded=told,
        tags=tuple(Tag(term) for term in terms),
        quick_key=number.to_bytes(8),
    )


def _told(chance: random.Random, vocabulary: Vocabulary) -> Embedded:
    size = chance.choice(_SIZES)
    width, height = map(int, size.split("x"))
    if chance.random() < 0.12:
        return Embedded(Outcome.NONE, format="png", width=width, height=height)
    terms = chance.choices(vocabulary.terms, cum_weights=vocabulary.weights, k=24)
    if chance.random() < 0.05:
        terms = chance.choices(_JAPANESE.split(), k=6) + terms[:6]
    if chance.random() < 0.05:
        terms.append(" ".join(chance.choices(vocabulary.words, k=4)))
    parameters = {
        "seed": chance.getrandbits(32),
        "steps": chance.choice((20, 20, 28, 30, 40, 8)),
        "cfg": chance.choice((7, 7, 5.5, 4, 1)),
        "sampler": f"Sampler {int(chance.paretovariate(1)) % 20}",
        "scheduler": chance.choice(("Karras", "Simple", "Beta", "Normal")),
        "model": f"model_{int(chance.paretovariate(0.7)) % 60}_xl",
        "size": size,
        "loras": [{"name": f"lora_{int(chance.paretovariate(0.5)) % 400}", "weight": 0.8}],
    }
    return Embedded(
        Outcome.PROMPT,
        prompt=", ".join(terms),
        negative="lowres, bad hands, blurry",
        parameters=parameters,
        generator=chance.choice(("AUTOMATIC1111", "ComfyUI", "Forge")),
        format="png",
        width=width,
        height=height,
    )


def build(path: Path, count: int) -> list[float]:
    """Make the database at ``path`` with ``count`` images: some minutes for a million. Processor
    seconds that each transaction of A_TRANSACTION images took, in order."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(WRITER)
    migrate(connection)
    sqlite_drift.install(connection, None)
    register_root(connection, ROOT)
    found = observations(count)
    costs: list[float] = []
    for number in itertools.count():
        seen = list(itertools.islice(found, A_TRANSACTION))
        if not seen:
            break
        # Interrogated are those without a prompt of one transaction in six.
        priority = None if number % 6 else Priority.BACKLOG
        began = time.process_time()
        now = NOW + number * TAKES
        in_transaction(connection, partial(_record, seen=seen, priority=priority, now=now))
        costs.append(time.process_time() - began)
    while in_transaction(connection, _interrogate):
        pass
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return costs


def _record(
    connection: sqlite3.Connection,
    seen: Sequence[Observation],
    priority: Priority | None,
    now: int,
) -> None:
    sqlite_record.record(connection, seen, now=now, priority=priority)


def _interrogate(connection: sqlite3.Connection) -> int:
    """Answer up to A_TRANSACTION of the jobs that wait; how many there were."""
    chance = random.Random(connection.total_changes)
    origin = sqlite_prompts.Origin("studio", "tagger", 800)
    for number in range(A_TRANSACTION):
        job = sqlite_jobs.claim(connection, NOW, ANYBODY)
        if job is None:
            return number
        sqlite_prompts.finish(connection, job, _caption(chance), origin, Keys(), NOW)
    return A_TRANSACTION


def _caption(chance: random.Random) -> Caption:
    names = dict.fromkeys(chance.choices(_TAGS.split(", "), k=12))
    tags = [Tag(name, TagOrigin.GENERATED, score=round(chance.random(), 3)) for name in names]
    ratings = [
        Tag(name, TagOrigin.GENERATED, "rating", round(chance.random(), 3))
        for name in ("general", "sensitive", "explicit")
    ]
    return Caption(", ".join(names), "wd14", (*tags, *ratings))
