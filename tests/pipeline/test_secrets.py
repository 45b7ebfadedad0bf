"""What must reach nobody: credentials, and pictures that a server sends back."""

from base64 import b64encode
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from clipwatch.model import JobState
from clipwatch.store.sqlite import SqliteStore
from tests.clock import ManualClock
from tests.pipeline.asking import Server, asking
from tests.servers import FakeA1111
from tests.servers.behaviour import Behaviour, echoes_credentials, repeats_request, says

USER, PASSWORD = "lena", "correct-horse"


@pytest.mark.parametrize(
    "behaviour",
    [
        echoes_credentials,
        repeats_request,
        says(401, {"detail": f"{USER}:{PASSWORD} is wrong"}),
        says(302, headers={"Location": f"http://{USER}:{PASSWORD}@elsewhere.example/"}),
        says(200, {"caption": f"Error: {PASSWORD}"}),
    ],
    ids=["echoed headers", "echoed picture", "echoed pair", "redirect", "disguised"],
)
async def test_no_secret_and_no_picture_reaches_log_store_or_health(
    store: SqliteStore, clock: ManualClock, tmp_path: Path, behaviour: Behaviour
) -> None:
    async with FakeA1111(auth=(USER, PASSWORD)) as server:
        server.always = behaviour
        one = Server(server.url, username=USER, password=PASSWORD)
        async with asking(store, clock, tmp_path / "asked", one) as rig:
            with capture_logs() as logged:
                image_id = await rig.add()
                picture = server_sees(rig.path(0).read_bytes())
                rig.start()
                await rig.pass_time(5)
            job = await rig.job(image_id)
            health = await rig.interrogations.health()
            states = rig.interrogations.states()
    assert server.calls and job.error and job.state is not JobState.DONE
    shown = f"{logged} {job.error} {health} {states}"
    assert PASSWORD not in shown
    assert "bGVuYTpjb3JyZWN0" not in shown
    assert picture not in shown
    assert max(len(str(line)) for line in logged) < 2_000


def server_sees(png: bytes) -> str:
    """A part of the base64 of a PNG that no other text has."""
    return b64encode(png).decode()[:40]
