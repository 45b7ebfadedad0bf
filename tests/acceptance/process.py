"""The daemon as a process of its own, and the command line beside it."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from clipwatch import runfile
from tests.waiting import eventually

START_SECS = 120.0


class DaemonProcess:
    """``clipwatch run`` on some folders, its state in ``state``; its log is kept in ``log``.

    What the machine's own environment says of clipwatch and of servers is left out. ``within`` is
    a command that ends by becoming the one given to it, as ``env`` does.
    """

    def __init__(
        self,
        state: Path,
        roots: list[Path],
        environ: Mapping[str, str],
        within: Sequence[str] = (),
    ) -> None:
        self.state = state
        self.roots = roots
        kept = ("PATH", "HOME", "LANG", "LC_ALL", "SSL_CERT_FILE")
        self.environ = {name: os.environ[name] for name in kept if name in os.environ}
        self.environ |= {"STATE_DIRECTORY": str(state), **environ}
        self.within = within
        self.log = state / "log"
        self.process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        run = runfile.read(self.state)
        assert run is not None, self.log.read_text()
        return run.url

    async def start(self, *arguments: str) -> None:
        """Return when it serves; fail with its log where it ends instead."""
        self.state.mkdir(exist_ok=True)
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.within, sys.executable, "-m", "clipwatch", "run",
                *map(str, self.roots), *arguments,
                env=self.environ, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        await eventually(self._serves, within=START_SECS)

    def _serves(self) -> bool:
        assert self.process is not None
        assert self.process.returncode is None, self.log.read_text()
        run = runfile.read(self.state)
        return run is not None and run.pid == self.process.pid

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.returncode is None

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    async def get(self, path: str) -> Any:
        """What the API answers to a GET."""
        async with aiohttp.ClientSession(self.url) as client, client.get(path) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def post(self, path: str) -> Any:
        """What the API answers to a POST without a body."""
        async with aiohttp.ClientSession(self.url) as client, client.post(path) as answer:
            assert answer.ok, await answer.text()
            return await answer.json()

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The lines of the log with this event."""
        lines = self.log.read_text().splitlines()
        said = [json.loads(line) for line in lines if line.startswith("{")]
        return [line for line in said if line.get("event") == event]

    async def kill(self) -> None:
        """As a power cut does: no goodbye."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """As systemd does; the exit code."""
        return await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> int:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), START_SECS)

    async def command(self, *arguments: str) -> tuple[int, str, str]:
        """Run another ``clipwatch`` command beside it: exit code, output, errors."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "clipwatch", *arguments, env=self.environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, errors = await process.communicate()
        assert process.returncode is not None
        return process.returncode, output.decode(), errors.decode()

    async def json(self, *arguments: str) -> Any:
        """What a command prints with ``--json``."""
        code, output, errors = await self.command(*arguments, "--json")
        assert code == 0, errors
        return json.loads(output)
