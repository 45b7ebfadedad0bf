"""A back end of 50 ms a picture, in a process of its own, which counts the time that it was used.

It speaks AUTOMATIC1111's two routes over a bare protocol that throws away what it is sent, so that
reading a picture costs the machine, whose cores it shares with the client, as little as can be.
"""

import asyncio
import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

WORK_SECS = 0.05
IDLE = b'{"progress":0,"state":{"job":"","job_count":0}}'
CAPTION = b'{"caption":"picture %d, of nothing, by nobody"}'
BUFFER_BYTES = 1 << 20
END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length:"


@dataclass(slots=True)
class Usage:
    """When its slots were used. Seconds of its own monotonic clock."""

    spans: list[tuple[float, float]] = field(default_factory=list)

    def share(self, slots: int) -> float:
        """The part of the slots' time that was used, from the first picture to the last answer."""
        began, ended = min(span[0] for span in self.spans), max(span[1] for span in self.spans)
        return sum(end - begin for begin, end in self.spans) / (slots * (ended - began))


@contextmanager
def running(slots: int, core: int) -> Iterator[tuple[str, Connection]]:
    """Its URL, and a pipe that gives its ``Usage`` for any message; it keeps to one core."""
    ours, theirs = multiprocessing.Pipe()
    arguments = (theirs, slots, core)
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=arguments)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}", ours
    finally:
        process.terminate()
        process.join()


def _serve(pipe: Connection, slots: int, core: int) -> None:
    os.sched_setaffinity(0, {core})
    asyncio.run(_serve_until_ended(pipe, slots))


async def _serve_until_ended(pipe: Connection, slots: int) -> None:
    usage, free = Usage(), asyncio.Semaphore(slots)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Requests(usage, free), "127.0.0.1", 0)
    pipe.send(server.sockets[0].getsockname()[1])
    while True:
        await asyncio.to_thread(pipe.recv)
        pipe.send(usage)


class Requests(asyncio.BufferedProtocol):
    """One connection: requests one after another, of whose bodies only the length is noted."""

    def __init__(self, usage: Usage, free: asyncio.Semaphore) -> None:
        self._usage = usage
        self._free = free
        self._buffer = bytearray(BUFFER_BYTES)
        self._head = b""
        self._missing = 0  #: bytes of a body
        self._works: set[asyncio.Task[None]] = set()
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._missing:
            self._missing -= nbytes
        else:
            self._head += bytes(self._buffer[:nbytes])
            if END_OF_HEAD not in self._head:
                return
            head, _, begun = self._head.partition(END_OF_HEAD)
            lines = [line for line in head.lower().split(b"\r\n") if line.startswith(LENGTH)]
            if not lines:
                self._head = b""
                self._answer(IDLE)
                return
            self._missing = int(lines[0].removeprefix(LENGTH)) - len(begun)
        if self._missing == 0:
            self._head = b""
            work = asyncio.get_running_loop().create_task(self._interrogate())
            self._works.add(work)
            work.add_done_callback(self._works.discard)

    async def _interrogate(self) -> None:
        async with self._free:
            begun = time.monotonic()
            await asyncio.sleep(WORK_SECS)
            self._usage.spans.append((begun, time.monotonic()))
        self._answer(CAPTION % len(self._usage.spans))

    def _answer(self, body: bytes) -> None:
        assert self._transport is not None
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (len(body), body)
        )
