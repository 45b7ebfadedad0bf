"""The daemon as a process of its own, and the command line beside it."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clipwatch import runfile
from tests.waiting import eventually

START_SECS = 30.0


class DaemonProcess:
    """``clipwatch run`` on some folders, its state in ``state``; its log is kept in ``log``.

    What the machine's own environment says of clipwatch and of servers is left out.
    """

    def __init__(self, state: Path, roots: list[Path], environ: Mapping[str, str]) -> None:
        self.state = state
        self.roots = roots
        kept = ("PATH", "HOME", "LANG", "LC_ALL", "SSL_CERT_FILE")
        self.environ = {name: os.environ[name] for name in kept if name in os.environ}
        self.environ |= {"STATE_DIRECTORY": str(state), **environ}
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
                sys.executable, "-m", "clipwatch", "run", *map(str, self.roots), *arguments,
                env=self.environ, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        await eventually(self._serves, within=START_SECS)

    def _serves(self) -> bool:
        assert self.process is not None
        assert self.process.returncode is None, self.log.read_text()
        run = runfile.read(self.state)
        return run is not None and run.pid == self.process.pid

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
