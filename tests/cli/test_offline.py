"""Scanning and searching where no daemon runs: the same store, the same words."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from clipwatch.cli.offline import choose_root
from clipwatch.settings import RootSettings
from tests.cli.conftest import Done
from tests.pictures import a1111_png, png

Run = Callable[..., Done]


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one image that carries a prompt and one that carries none."""
    monkeypatch.setenv("CLIPWATCH_WATCHING__QUIET_SECS", "0.000001")
    folder = tmp_path / "pics"
    (folder / "inner").mkdir(parents=True)
    (folder / "a.png").write_bytes(a1111_png("a red cat on a roof\nSteps: 20, Seed: 1"))
    (folder / "inner" / "b.png").write_bytes(png(colour=(1, 2, 3)))
    return folder


def test_what_is_scanned_is_found(clipwatch: Run, pictures: Path) -> None:
    done = clipwatch("scan", str(pictures), "--json")
    assert done.code == 0
    assert done.err == "no daemon runs: scanning here, without interrogating\n"
    counts = json.loads(done.out)
    assert counts.keys() == {
        "path", "recursive", "found", "new", "updated", "unchanged", "unfinished", "failed",
        "queued", "duration_ms",
    }  # fmt: skip
    assert (counts["path"], counts["found"], counts["new"]) == (str(pictures), 2, 2)
    assert counts["queued"] == 1
    found = json.loads(clipwatch("search", "red", "cat", "--json").out)
    assert [hit["path"] for hit in found["hits"]] == [str(pictures / "a.png")]
    assert found["hits"][0].keys() == {
        "image_id", "path", "type", "text", "snippet", "created_at"
    }  # fmt: skip
    (bare,) = json.loads(clipwatch("search", "is:queued", "--json").out)["hits"]
    assert (bare["path"], bare["type"]) == (str(pictures / "inner" / "b.png"), None)
    again = clipwatch("scan", str(pictures / "inner"))
    assert "1 found, 0 new, 0 updated, 1 unchanged" in again.out


def test_a_single_file_is_scanned(clipwatch: Run, pictures: Path) -> None:
    counts = json.loads(clipwatch("scan", str(pictures / "a.png"), "--json").out)
    assert (counts["found"], counts["new"], counts["queued"]) == (1, 1, 0)


def test_folders_inside_are_left_out_on_request(clipwatch: Run, pictures: Path) -> None:
    counts = json.loads(clipwatch("scan", str(pictures), "--no-recursive", "--json").out)
    assert counts["found"] == 1


def test_a_query_error_names_its_token(clipwatch: Run, pictures: Path) -> None:
    clipwatch("scan", str(pictures))
    done = clipwatch("search", "nosuchfield:x")
    assert done.code == 2
    assert "nosuchfield" in done.err


def test_a_search_before_the_first_scan(clipwatch: Run) -> None:
    done = clipwatch("search", "x")
    assert (done.code, done.out) == (69, "")
    assert "clipwatch scan" in done.err


def test_a_folder_around_a_known_root_takes_its_files_over(clipwatch: Run, pictures: Path) -> None:
    clipwatch("scan", str(pictures / "inner"))
    counts = json.loads(clipwatch("scan", str(pictures), "--json").out)
    assert (counts["found"], counts["new"], counts["unchanged"]) == (2, 1, 1)


def test_the_root_is_the_one_that_the_path_is_in(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / "x.png").touch()
    root = RootSettings(path=tmp_path / "a", interrogate=False)
    assert choose_root(bytes(tmp_path / "a" / "b"), [root]) == root
    assert choose_root(bytes(tmp_path / "a"), [root]) == root
    assert choose_root(bytes(tmp_path / "ab" / "x.png"), [root]).path == tmp_path / "ab"
    assert choose_root(bytes(tmp_path), [root]).path == tmp_path


def test_a_scan_logs_on_standard_error_alone(pictures: Path) -> None:
    command = [sys.executable, "-m", "clipwatch", "scan", str(pictures), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert json.loads(done.stdout)["found"] == 2


def test_a_folder_that_moved_keeps_its_images(clipwatch: Run, pictures: Path) -> None:
    clipwatch("scan", str(pictures))
    new = pictures.with_name("moved")
    assert clipwatch("relocate", str(pictures), str(new)).code == 1  # it is not there yet
    pictures.rename(new)
    done = clipwatch("relocate", str(pictures), str(new))
    assert (done.code, done.out) == (0, f"2 files are known below {new} now\n")
    found = json.loads(clipwatch("search", "red", "--json").out)
    assert [hit["path"] for hit in found["hits"]] == [str(new / "a.png")]
    again = clipwatch("scan", str(new))
    assert "2 found, 0 new, 0 updated, 2 unchanged" in again.out
    vain = clipwatch("relocate", "/never/there", str(new))
    assert "is that its old path?" in vain.err


def test_settings_that_still_name_the_old_place_are_told(
    clipwatch: Run, pictures: Path, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[[roots]]\npath = "{pictures}"\n')
    clipwatch("scan", str(pictures), "--config", str(config))
    new = pictures.with_name("moved")
    pictures.rename(new)
    done = clipwatch("relocate", str(pictures), str(new), "--config", str(config))
    assert f"the settings still watch {pictures}" in done.err


def test_what_is_missing_for_long_is_deleted_only_on_demand(clipwatch: Run, pictures: Path) -> None:
    clipwatch("scan", str(pictures))
    (pictures / "a.png").unlink()
    clipwatch("scan", str(pictures))
    assert "0 images" in clipwatch("prune").out
    dry = clipwatch("prune", "--missing-for", "0")
    assert dry.out.startswith("1 images, and 0 missing files of others, would be deleted\n")
    assert json.loads(clipwatch("prune", "--missing-for", "0", "--yes", "--json").out) == {
        "images": 1,
        "locations": 0,
        "dry_run": False,
    }
    assert "0 images" in clipwatch("prune", "--missing-for", "0").out
