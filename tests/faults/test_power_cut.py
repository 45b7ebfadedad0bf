"""The power goes while the store writes: nothing that it had answered for is lost."""

from pathlib import Path

import pytest

from tests.faults.conftest import times
from tests.faults.inside import run_inside

CUTS = times(long=16, short=2)


@pytest.mark.timeout(240 + 60 * CUTS)
@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("ext4", marks=pytest.mark.needs("ext4")),
        pytest.param("xfs", marks=pytest.mark.needs("xfs")),
    ],
)
async def test_no_acknowledged_row_is_lost(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = await run_inside("power_cut", str(tmp_path), kind, str(CUTS), within=180 + 60 * CUTS)
    with capsys.disabled():
        print(f"\n{said.splitlines()[-1]}")
    assert "0 lost" in said
