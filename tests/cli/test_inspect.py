"""``clipwatch inspect`` on real files, as processes."""

import json
import subprocess
import sys
from pathlib import Path

from tests import pictures

FIELDS = {"path", "outcome", "generator", "prompt", "negative", "parameters", "found_in"}


def inspect(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "clipwatch", "inspect", *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False)


def test_a_line_a_file(tmp_path: Path) -> None:
    one, other = tmp_path / "one.png", tmp_path / "other.jpg"
    one.write_bytes(pictures.a1111_png())
    other.write_bytes(pictures.jpeg())
    done = inspect("--json", str(one), str(other))
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["outcome"] for line in lines] == ["prompt", "none"]
    assert all(line.keys() >= FIELDS for line in lines)
    assert lines[0]["path"] == str(one)
    assert (done.returncode, done.stderr) == (0, "")


def test_names_from_standard_input(tmp_path: Path) -> None:
    path = tmp_path / "a graph.png"
    path.write_bytes(pictures.comfyui_png())
    [line] = inspect("--json", "-", given=f"{path}\n").stdout.splitlines()
    assert json.loads(line)["generator"] == "ComfyUI"


def test_what_cannot_be_read_has_its_reason_and_fails(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(b"no picture")
    done = inspect(str(path), str(tmp_path / "gone.png"), str(tmp_path))
    assert done.returncode == 1
    assert "not a" in done.stdout
    assert "No such file" in done.stdout
    assert "a folder, not a regular file" in done.stdout


def test_it_is_readable_and_harmless_on_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "evil.png"
    text = "a \x1b[31mfox\nNegative prompt: dog\nSteps: 20, Sampler: Euler, Seed: 7"
    path.write_bytes(pictures.a1111_png(text))
    shown = inspect(str(path)).stdout
    assert "\x1b" not in shown
    assert "negative   dog" in shown
    assert "seed: 7" in shown
