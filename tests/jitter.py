"""A pytest plugin that makes waiting take longer, at random, to find tests that depend on luck.

Work on threads, calls of SQLite, timers and turns of the event loop take up to a tenth of a second
more, what comes in on a socket is read later, and so are folders and the kernel's events.
Everything that holds on a busy machine must hold under it. The seed, in JITTER, does not bring a
run back exactly, for the threads still race; HARSH makes all of it so many times as long.
"""

import asyncio.base_events
import asyncio.selector_events
import os
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aiosqlite
from watchdog.observers.inotify_c import InotifyFD

chance = random.Random(os.environ.get("JITTER", "1"))
harsh = float(os.environ.get("HARSH", "1"))


def lateness() -> float:
    """Mostly nothing, now and then 2 ms or 20 ms, seldom 100 ms; in seconds."""
    return harsh * chance.choices((0.0, 0.002, 0.02, 0.1), (75, 18, 6, 1))[0]


def nap() -> None:
    if seconds := lateness():
        time.sleep(seconds)


def napping(work: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **keywords: Any) -> Any:
        nap()
        try:
            return work(*args, **keywords)
        finally:
            nap()

    return call


def slow_threads() -> None:
    pool: Any = ThreadPoolExecutor
    connection: Any = aiosqlite.Connection
    submit, execute = pool.submit, connection._execute

    def submit_slow(self: Any, work: Callable[..., Any], /, *args: Any, **keywords: Any) -> Any:
        return submit(self, napping(work), *args, **keywords)

    def execute_slow(self: Any, work: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
        return execute(self, napping(work), *args, **keywords)

    pool.submit, connection._execute = submit_slow, execute_slow


def slow_loop() -> None:
    loop: Any = asyncio.base_events.BaseEventLoop
    turn, call_at = loop._run_once, loop.call_at

    def turn_slow(self: Any) -> None:
        if chance.random() < 0.01:
            nap()
        turn(self)

    def call_late(self: Any, when: float, *args: Any, **keywords: Any) -> Any:
        return call_at(self, when + lateness(), *args, **keywords)

    loop._run_once, loop.call_at = turn_slow, call_late


def slow_sockets() -> None:
    transport: Any = asyncio.selector_events._SelectorSocketTransport  # type: ignore[attr-defined]
    read = transport._read_ready
    until = "_jitter_until"

    def read_late(self: Any) -> None:
        """The loop asks again at once for as long as there is something to read."""
        due = self.__dict__.get(until)
        if due is None and chance.random() < 0.2:
            due = time.monotonic() + harsh * chance.choice((0.003, 0.003, 0.03))
            self.__dict__[until] = due
        if due is None or time.monotonic() >= due:
            self.__dict__.pop(until, None)
            read(self)

    transport._read_ready = read_late


def slow_files() -> None:
    system: Any = os
    events: Any = InotifyFD
    system.scandir, system.lstat = napping(os.scandir), napping(os.lstat)
    events.read_events = napping(events.read_events)


slow_threads()
slow_loop()
slow_sockets()
slow_files()
