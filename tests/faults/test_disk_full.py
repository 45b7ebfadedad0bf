"""The database's disk is full, then freed: no crash loop, nothing lost, and back by itself."""

from pathlib import Path

import pytest

from tests.faults.inside import run_inside


@pytest.mark.needs("root", "mount")
@pytest.mark.timeout(660)
async def test_a_full_disk_stops_nothing_for_good(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = await run_inside("disk_full", str(tmp_path), within=600)
    with capsys.disabled():
        print(f"\n{said.splitlines()[-1]}")
    assert "0 lost" in said
