"""``clipwatch tag`` and ``clipwatch stats``, against answers as the daemon gives them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.conftest import Done, FakeDaemon
from tests.cli.test_commands import IMAGE_ID, image

Run = Callable[..., Done]
FIGURES: dict[str, Any] = {
    "images": 1234,
    "missing": 2,
    "fields": {
        "type": [{"value": "embedded", "images": 1000}],
        "has": [],
        "model": [{"value": "flux\x1b[31m", "images": 900}, {"value": "sdxl", "images": 100}],
        "lora": [],
        "sampler": [],
        "scheduler": [],
        "generator": [],
        "format": [],
        "rating": [],
    },
    "months": [{"value": "2026-01", "images": 1234}],
    "terms": [{"name": "1girl", "uses": 800}],
    "backends": [
        {"backend": "studio", "kind": "sdapi", "model": "clip", "answers": 3, "mean_ms": 1500}
    ],
}


def test_tags_are_given_one_by_one(clipwatch: Run, daemon: FakeDaemon) -> None:
    daemon.get(f"/api/v1/images/{IMAGE_ID}", image())
    for name in ("favourite", "to%20print"):
        told = {"image_id": IMAGE_ID, "tags": ["favourite", "to print"]}
        daemon.put(f"/api/v1/images/{IMAGE_ID}/tags/{name}", told)
    done = clipwatch("tag", IMAGE_ID, "favourite", "to print")
    assert done == Done(0, "/pics/a.png: favourite, to print\n", "")
    assert [each.method for each in daemon.asked] == ["GET", "PUT", "PUT"]


def test_tags_are_taken_away(clipwatch: Run, daemon: FakeDaemon) -> None:
    daemon.get(f"/api/v1/images/{IMAGE_ID}", image())
    daemon.delete(f"/api/v1/images/{IMAGE_ID}/tags/favourite", {"image_id": IMAGE_ID, "tags": []})
    done = clipwatch("tag", "--remove", IMAGE_ID, "favourite")
    assert done == Done(0, "/pics/a.png: no tags of your own\n", "")


def test_a_name_that_is_refused_is_a_usage_error(clipwatch: Run, daemon: FakeDaemon) -> None:
    daemon.get(f"/api/v1/images/{IMAGE_ID}", image())
    refused = {"status": 422, "detail": "The tag '_' has nothing in it.", "hint": "Say a word."}
    daemon.put(f"/api/v1/images/{IMAGE_ID}/tags/_", refused, 422)
    done = clipwatch("tag", IMAGE_ID, "_")
    assert (done.code, done.out) == (2, "")
    assert "nothing in it" in done.err


@pytest.mark.parametrize("name", ["", " ", ".", ".."])
def test_a_name_that_would_make_another_address_is_not_sent(
    clipwatch: Run, daemon: FakeDaemon, name: str
) -> None:
    assert clipwatch("tag", "--remove", IMAGE_ID, "favourite", name).code == 2
    assert daemon.asked == []


def test_figures_are_printed(clipwatch: Run, daemon: FakeDaemon) -> None:
    daemon.get("/api/v1/stats", FIGURES)
    done = clipwatch("stats", "--top", "1")
    assert done.code == 0
    assert "1,234 images, and 2 whose files are missing" in done.out
    for line in ("900  flux", "1,234  2026-01", "800  1girl", "3  studio  clip  1.5 s"):
        assert line in done.out
    assert "sdxl" not in done.out
    assert "samplers" not in done.out
    assert "\x1b" not in done.out


def test_figures_are_json_too(clipwatch: Run, daemon: FakeDaemon) -> None:
    daemon.get("/api/v1/stats", FIGURES)
    assert json.loads(clipwatch("stats", "--json").out) == FIGURES
