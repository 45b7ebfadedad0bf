"""The client commands, against answers as the daemon gives them."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Done, FakeDaemon

IMAGE_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
Run = Callable[..., Done]


def image(path: str = "/pics/a.png", **changes: Any) -> dict[str, Any]:
    """An image as GET /api/v1/images/{id} answers."""
    return {
        "id": IMAGE_ID,
        "path": path,
        "locations": [{"path": path, "state": "present"}],
        "state": "present",
        "reason": None,
        "width": 8,
        "height": 4,
        "format": "png",
        "size": 1234,
        "created_at": "2026-01-02T03:04:05Z",
        "generator": "AUTOMATIC1111",
        "prompt": {"id": "p", "type": "embedded", "text": "a red cat", "negative": ""},
        "job": None,
        "tags": [{"name": "cat"}, {"name": "red"}],
    } | changes


PROMPT = {
    "id": "p",
    "type": "embedded",
    "text": "a red cat",
    "negative": "dog",
    "model": None,
    "backend": None,
    "parameters": {"steps": 20},
    "created_at": "2026-01-02T03:04:05Z",
    "current": True,
}


# --- scan ------------------------------------------------------------------------------------

SCANNED = {
    "path": "/pics",
    "recursive": True,
    "found": 5,
    "new": 2,
    "updated": 0,
    "unchanged": 3,
    "unfinished": 0,
    "failed": 0,
    "queued": 1,
    "duration_ms": 1234,
}


def test_scan_asks_the_daemon(clipwatch: Run, daemon: FakeDaemon, tmp_path: Path) -> None:
    daemon.post("/api/v1/images/scan", SCANNED)
    done = clipwatch("scan", str(tmp_path), "--no-recursive")
    assert daemon.asked[0].body == {"path": str(tmp_path), "recursive": False}
    assert done == Done(
        0,
        "/pics: 5 found, 2 new, 0 updated, 3 unchanged, 0 unfinished, 0 failed; "
        "1 to interrogate (1.2 s)\n",
        "",
    )
    assert json.loads(clipwatch("scan", "--json", str(tmp_path)).out) == SCANNED


def test_scan_of_a_relative_path_sends_the_absolute_one(
    clipwatch: Run, daemon: FakeDaemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.post("/api/v1/images/scan", SCANNED)
    monkeypatch.chdir(tmp_path)
    clipwatch("scan", ".")
    assert daemon.asked[0].body["path"] == str(tmp_path)


def test_scan_of_nothing(clipwatch: Run, daemon: FakeDaemon, tmp_path: Path) -> None:
    done = clipwatch("scan", str(tmp_path / "gone"))
    assert done.code == 1
    assert done.err.startswith(f"clipwatch: {tmp_path / 'gone'} does not exist\nhint: ")
    assert daemon.asked == []


def test_scan_of_a_name_that_json_cannot_carry(
    clipwatch: Run, daemon: FakeDaemon, tmp_path: Path
) -> None:
    path = tmp_path / "caf\udce9"
    path.mkdir()
    done = clipwatch("scan", str(path))
    assert done.code == 1
    assert "is not UTF-8" in done.err and daemon.asked == []


# --- interrogate -----------------------------------------------------------------------------


def test_interrogate_by_path_prints_the_prompt(
    clipwatch: Run, daemon: FakeDaemon, tmp_path: Path
) -> None:
    path = tmp_path / 'a "b".png'
    daemon.get("/api/v1/images", {"images": [image("/other"), image(str(path))]})
    answer = {
        "prompt": "a cat\x1b[2J",
        "model_used": "clip",
        "backend": "default",
        "cached": False,
        "duration_ms": 2100,
    }
    daemon.post(f"/api/v1/images/{IMAGE_ID}/interrogate", answer)
    arguments = ("interrogate", str(path), "--model", "clip", "--backend", "gpu", "--force")
    assert clipwatch(*arguments) == Done(0, "a cat\\x1b[2J\n", "clip, default, 2.1 s\n")
    asked = {"model": "clip", "backend": "gpu", "mode": "", "force": True}
    assert daemon.asked[-1].body == asked
    assert json.loads(clipwatch(*arguments, "--json").out) == answer


def test_interrogate_not_in_time_is_75(clipwatch: Run, daemon: FakeDaemon) -> None:
    daemon.get(f"/api/v1/images/{IMAGE_ID}", image())
    problem = {"detail": "no answer within 30 s", "hint": "it stays queued", "job_id": "j"}
    daemon.post(f"/api/v1/images/{IMAGE_ID}/interrogate", problem, 504)
    done = clipwatch("interrogate", IMAGE_ID)
    assert (done.code, done.out) == (75, "")
    assert done.err == "clipwatch: no answer within 30 s\nhint: it stays queued\n"


PLAN = {
    "dry_run": True,
    "count": 100,
    "cached": 40,
    "skipped": 2,
    "forecast": {"seconds": 300.0, "low": 60.0, "high": 9000.0, "measured": 500},
    "sample": [
        {"image_id": IMAGE_ID, "path": "/pics/a.png", "prompt": None, "known": None},
        {"image_id": "x", "path": "/pics/b.png", "prompt": {"text": "a cat"}, "known": "a dog"},
    ],
}
SHOWN = """100 images, 40 of them known already, 2 left out (no file there)
60 to ask for, about 5 min (60 s to 2.5 h) of an idle server
/pics/a.png
    now:   no prompt
    then:  what the back end answers
/pics/b.png
    now:   a cat
    then:  a dog
"""


def test_interrogate_where_shows_first_what_it_would_do(clipwatch: Run, daemon: FakeDaemon) -> None:
    daemon.post("/api/v1/images/interrogate", PLAN)
    where = ("interrogate", "--where", "has:generated", "--model", "wd14")
    assert clipwatch(*where, "--dry-run", "--sample", "2") == Done(0, SHOWN, "")
    asked = {"q": "has:generated", "model": "wd14", "backend": "", "mode": "", "force": False}
    assert daemon.asked[-1].body == {**asked, "dry_run": True, "sample": 2}
    assert json.loads(clipwatch(*where, "--dry-run", "--json").out) == PLAN
    daemon.post("/api/v1/images/interrogate", {**PLAN, "id": "01"}, 202)
    done = clipwatch(*where, "--yes")
    assert done.out.endswith("batch 01 has begun; DELETE /api/v1/batches/01 stops it\n")
    assert daemon.asked[-1].body == asked


def test_interrogate_where_begins_nothing_without_a_yes(
    clipwatch: Run, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.post("/api/v1/images/interrogate", PLAN)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert clipwatch("interrogate", "--where", "fox").code == 130
    assert len(daemon.asked) == 1


def test_interrogate_takes_an_image_or_a_search(clipwatch: Run, daemon: FakeDaemon) -> None:
    assert clipwatch("interrogate").code == 2
    assert clipwatch("interrogate", IMAGE_ID, "--where", "fox").code == 2
    assert daemon.asked == []


# --- search ----------------------------------------------------------------------------------


def find(daemon: FakeDaemon, *images: dict[str, Any], more: str | None = None) -> None:
    """Have the daemon find these images for whatever is searched."""
    hits = [
        {"snippet": f"a **red** cat\n{image['id']}", "type": "embedded", "image": image}
        for image in images
        if image["prompt"]
    ]
    daemon.get("/api/v1/images", {"images": images, "next_cursor": more})
    daemon.get("/api/v1/prompts/search", {"hits": hits, "next_cursor": more if hits else None})


def numbered(number: int, **more: Any) -> dict[str, Any]:
    return image(f"/pics/{number}.png", id=str(number), **more)


def test_search_prints_hits_escaped(clipwatch: Run, daemon: FakeDaemon) -> None:
    find(daemon, numbered(1), more="more")
    done = clipwatch("search", "red", "-dog", "cat OR x", "--limit", "1")
    for asked in daemon.asked:
        assert asked.parameters == {"q": "red -dog cat OR x", "limit": "1"}
    first, second = done.out.splitlines()
    assert first.startswith("/pics/1.png  embedded  2026-01-0")
    assert second == "    a red cat\\n1"
    assert done.err == "the first 1; --limit gives more\n"


def test_search_follows_pages_up_to_the_limit(clipwatch: Run, daemon: FakeDaemon) -> None:
    find(daemon, *(numbered(number) for number in range(500)), more="next")
    found = json.loads(clipwatch("search", "x", "--limit", "700", "--json").out)
    for path in ("/api/v1/images", "/api/v1/prompts/search"):
        asked = [each.parameters for each in daemon.asked if each.path == path]
        assert [each.get("cursor") for each in asked] == [None, "next"]
        assert [each["limit"] for each in asked] == ["500", "200"]
    assert found["more"] is True
    assert found["hits"][0] == {
        "image_id": "0",
        "path": "/pics/0.png",
        "type": "embedded",
        "text": "a red cat",
        "snippet": "a **red** cat\n0",
        "created_at": "2026-01-02T03:04:05Z",
    }


def test_search_finds_images_without_a_prompt(clipwatch: Run, daemon: FakeDaemon) -> None:
    find(daemon, numbered(1, prompt=None))
    done = clipwatch("search", "is:failed")
    assert re.fullmatch(r"/pics/1\.png  no prompt  2026-01-0\d \d\d:\d\d\n", done.out)
    (found,) = json.loads(clipwatch("search", "is:failed", "--json").out)["hits"]
    assert (found["type"], found["text"], found["snippet"]) == (None, None, None)


def test_a_search_that_cannot_be_understood_is_2(clipwatch: Run, daemon: FakeDaemon) -> None:
    problem = {"detail": "( is never closed", "hint": "close it", "token": "(", "at": 0}
    daemon.get("/api/v1/prompts/search", problem, 400)
    done = clipwatch("search", "(")
    assert (done.code, done.err) == (2, "clipwatch: ( is never closed\nhint: close it\n")


def test_nothing_found_is_said_beside_the_result(clipwatch: Run, daemon: FakeDaemon) -> None:
    find(daemon)
    assert clipwatch("search", "x") == Done(0, "", "nothing found\n")


# --- show ------------------------------------------------------------------------------------


def test_show_tells_image_prompts_and_why(clipwatch: Run, daemon: FakeDaemon) -> None:
    daemon.get(f"/api/v1/images/{IMAGE_ID}", image())
    why = "the file carries it: PNG tEXt parameters"
    daemon.get(f"/api/v1/images/{IMAGE_ID}/explain", {"why": why, "prompts": [PROMPT]})
    done = clipwatch("show", IMAGE_ID)
    for text in (
        "/pics/a.png (present)",
        "png, 8x4, 1.2 kB",
        "tags       cat, red",
        "the file carries it: PNG tEXt parameters",
        "embedded, current",
        "    not: dog",
        "    steps: 20",
    ):
        assert text in done.out
    answer = json.loads(clipwatch("show", IMAGE_ID, "--json").out)
    assert answer.keys() == {"image", "prompts", "why"}


def test_an_unknown_path_says_what_to_do(clipwatch: Run, daemon: FakeDaemon) -> None:
    daemon.get("/api/v1/images", {"images": [image("/pics/other.png")]})
    done = clipwatch("show", "/pics/a.png")
    assert done.code == 1
    assert "no image is known at /pics/a.png" in done.err and "clipwatch scan" in done.err
    assert [asked.parameters["q"] for asked in daemon.asked] == [
        "path:/pics/a.png",
        "is:missing path:/pics/a.png",
    ]


# --- status ----------------------------------------------------------------------------------


def health(**changes: Any) -> dict[str, Any]:
    return {
        "status": "ok",
        "ready": True,
        "roots": {"/pics": {"state": "watching", "reason": None}},
        "settling": {"state": "ok", "files": 2},
        "queue": {"state": "working"},
        "store": {"state": "ok", "images": 3},
        "backup": {"state": "skipped", "made_at": None, "reason": "no room"},
        "disk": {
            "state": "low",
            "reason": "no image is interrogated",
            "hint": "free some space",
            "free_bytes": 5_000_000_000,
            "used_bytes": 70_000_000,
            "in_a_year_bytes": 900_000_000,
        },
        "thumbnails": {"state": "ok", "files": 7, "bytes": 90_000, "limit_bytes": 1_000_000_000},
        "idle": {"state": "waiting", "passed": 5, "thumbnails": 4, "hashed": 3},
    } | changes


BACKEND = {
    "name": "default",
    "kind": "sdapi",
    "url": "http://127.0.0.1:7860",
    "available": False,
    "busy": False,
    "reason": "nothing answers",
    "hint": "start it",
}
QUEUE = {
    "ready": {"interactive": 0, "new": 1, "backlog": 7},
    "leased": 1,
    "dead": 2,
    "waits_for": "the server renders for its owner",
}


def test_status_tells_how_long_an_import_takes(clipwatch: Run, daemon: FakeDaemon) -> None:
    told = {"files": 500, "files_estimated": 9_500, "files_per_second": 10, "seconds_left": 900}
    importing: dict[str, Any] = {"state": "importing", "reason": None, "import": told}
    daemon.get("/health", health(roots={"/pics": importing}))
    daemon.get("/api/v1/clip/health", {"enabled": True, "available": False, "backends": []})
    daemon.get("/api/v1/queue", QUEUE)
    said = clipwatch("status").out
    assert "/pics; 500 of about 9500 files, 10 a second, 15 min left" in said
    importing["import"] = told | {"files": 0, "seconds_left": None}
    daemon.get("/health", health(roots={"/pics": importing}))
    assert "/pics; 0 of about 9500 files\n" in clipwatch("status").out


def test_status_shows_every_part(clipwatch: Run, daemon: FakeDaemon) -> None:
    daemon.get("/health", health())
    daemon.get("/api/v1/clip/health", {"enabled": True, "available": False, "backends": [BACKEND]})
    daemon.get("/api/v1/queue", QUEUE)
    done = clipwatch("status")
    assert done.code == 0
    assert [line.split(maxsplit=1)[0] for line in done.out.splitlines()] == [
        "clipwatch",
        "root",
        "settling",
        "queue",
        "store",
        "backup",
        "disk",
        "thumbnails",
        "idle",
        "back",
    ]
    for text in (
        daemon.url,
        "1 new, 7 backlog waiting, 1 running, 2 given up; the server renders for its owner",
        "5.0 GB free; 70.0 MB used with backups and thumbnails, 900.0 MB in a year; no image is"
        " interrogated; free some space",
        "7 kept, 90.0 kB of 1.0 GB at most",
        "waiting      4 thumbnails made, 3 files hashed; 5 images gone through",
        "skipped      none yet; no room",
        "unavailable  default (sdapi) http://127.0.0.1:7860; nothing answers; start it",
    ):
        assert text in done.out
    daemon.get("/health", health(status="degraded"))
    assert clipwatch("status").code == 1
    assert json.loads(clipwatch("status", "--json").out)["health"]["status"] == "degraded"


# --- forget and prune ------------------------------------------------------------------------


FORGOTTEN = {
    "image_id": IMAGE_ID,
    "files": ["/pics/a.png"],
    "backups": ["/state/clipwatch.db.backup-1"],
}


def test_an_image_is_forgotten_by_its_id_after_a_question(
    clipwatch: Run, daemon: FakeDaemon
) -> None:
    daemon.get(f"/api/v1/images/{IMAGE_ID}", image())
    daemon.delete(f"/api/v1/images/{IMAGE_ID}", FORGOTTEN)
    refused = clipwatch("forget", IMAGE_ID, stdin="n\n")
    assert refused.code == 130
    assert [asked.method for asked in daemon.asked] == ["GET"]
    done = clipwatch("forget", IMAGE_ID, stdin="y\n")
    assert done.out == "forgotten: /pics/a.png\n"
    assert "/state/clipwatch.db.backup-1 may hold it" in done.err
    assert json.loads(clipwatch("forget", IMAGE_ID, "--yes", "--json").out)["image_id"] == IMAGE_ID


def test_pruning_asks_the_daemon_and_deletes_only_with_yes(
    clipwatch: Run, daemon: FakeDaemon
) -> None:
    daemon.post("/api/v1/images/prune", {"images": 3, "locations": 2, "dry_run": True})
    done = clipwatch("prune", "--missing-for", "90")
    assert "3 images, and 2 missing files of others, would be deleted" in done.out
    assert "clipwatch prune --missing-for 90 --yes" in done.out
    clipwatch("prune", "--yes")
    assert [asked.body for asked in daemon.asked] == [
        {"missing_days": 90.0, "dry_run": True},
        {"missing_days": 30.0, "dry_run": False},
    ]
