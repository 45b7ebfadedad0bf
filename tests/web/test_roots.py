from tests.web.conftest import Rig, body
from tests.web.test_images import PARAMETERS


async def test_roots_have_their_state_and_their_files(off: Rig) -> None:
    off.draw("fox.png", PARAMETERS)
    gone = off.draw("gone.png", PARAMETERS)
    await off.store.register_root(b"/elsewhere")
    await off.scan()
    gone.unlink()
    await off.scan()
    told = await body(await off.client.get("/api/v1/roots"))
    roots = {root["path"]: root for root in told["roots"]}
    assert roots["/elsewhere"]["state"] == "unwatched"
    assert roots["/elsewhere"]["files"] == {}
    watched = roots[str(off.folder)]
    assert watched["files"] == {"present": 1, "missing": 1}
    assert watched["state"] != "unwatched"
    assert {"reason", "hint", "swept_at", "imported_at"} <= watched.keys()
