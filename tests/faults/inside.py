"""Runs a scenario, a module of this package, in a mount namespace of its own: what it mounts is
seen by nobody else, and is gone with it. A copy of the mount in any other namespace would keep a
disk that was cut off alive, and falsify the test."""

import asyncio
import sys
from pathlib import Path

PROJECT = Path(__file__).parent.parent.parent


async def run_inside(module: str, *arguments: str, within: float) -> str:
    """What the module prints. Fails with all that it said where it fails, or takes too long."""
    process = await asyncio.create_subprocess_exec(
        "unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--mount-proc",
        "--kill-child=SIGKILL", sys.executable, "-m", f"tests.faults.{module}", *arguments,
        cwd=PROJECT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(within):
            output, _ = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    assert process.returncode == 0, output.decode()
    return output.decode()
