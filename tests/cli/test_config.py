"""``clipwatch config``, and where ``run`` stops before it starts."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Done

Run = Callable[..., Done]


@pytest.fixture
def file(home: Path) -> Path:
    """The configuration file that is found without being named."""
    path = home / ".config" / "clipwatch" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text('[server]\nport = 9123\ntoken = "geheim"\n')
    return path


def test_path(clipwatch: Run, file: Path) -> None:
    assert clipwatch("config", "path") == Done(0, f"{file}\n", "")
    assert json.loads(clipwatch("config", "path", "--json").out) == {"file": str(file)}
    file.unlink()
    assert clipwatch("config", "path").out == ""
    assert json.loads(clipwatch("config", "path", "--json").out) == {"file": None}


def test_the_file_may_be_named(
    clipwatch: Run, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIPWATCH_CONFIG", str(tmp_path / "named.toml"))
    assert clipwatch("config", "path").out == f"{tmp_path / 'named.toml'}\n"
    option = str(tmp_path / "option.toml")
    assert clipwatch("config", "path", "--config", option).out == f"{option}\n"


def test_show_says_where_from_and_keeps_secrets(clipwatch: Run, file: Path) -> None:
    shown = json.loads(clipwatch("config", "show", "--json").out)
    assert shown["server.port"] == {"value": 9123, "from": str(file)}
    assert shown["log.level"] == {"value": "info", "from": "default"}
    text = clipwatch("config", "show").out
    assert "geheim" not in text and "geheim" not in str(shown)
    assert [line for line in text.splitlines() if line.split()[:2] == ["server.port", "9123"]]


def test_check(clipwatch: Run, file: Path) -> None:
    assert clipwatch("config", "check") == Done(0, "", f"all settings are right ({file})\n")
    right = json.loads(clipwatch("config", "check", "--json").out)
    assert right == {"file": str(file), "wrong": []}
    file.write_text("[server]\nprot = 1\nport = -1\n")
    done = clipwatch("config", "check")
    assert (done.code, done.out) == (78, "")
    problems = [line for line in done.err.splitlines() if line.startswith("clipwatch: ")]
    assert len(problems) == 2 and all(str(file) in line for line in problems)
    as_json = clipwatch("config", "check", "--json")
    assert (as_json.code, as_json.err) == (78, "")
    assert [f"clipwatch: {line}" for line in json.loads(as_json.out)["wrong"]] == problems


def test_run_without_a_folder_is_78(clipwatch: Run) -> None:
    done = clipwatch("run")
    assert done.code == 78
    assert done.err.startswith("clipwatch: there is no folder to watch\nhint: ")


def test_run_with_wrong_options_is_78(clipwatch: Run, tmp_path: Path) -> None:
    done = clipwatch("run", str(tmp_path), "--port", "70000", "--host", "0.0.0.0")
    assert done.code == 78
    assert "server.port = 70000 (--port)" in done.err


def test_check_looks_into_workflows(clipwatch: Run, file: Path) -> None:
    file.write_text(
        '[[backends]]\nname = "a"\nurl = "http://127.0.0.1:1"\nworkflow = "describe.json"\n'
    )
    workflow = file.parent / "describe.json"
    workflow.write_text('{"nodes": [], "links": []}')
    done = clipwatch("config", "check")
    assert done.code == 78
    assert f"the workflow {workflow} is a workflow as ComfyUI's editor keeps it" in done.err
    assert "Export (API)" in done.err
    load = '{"class_type": "LoadImage", "inputs": {"image": ""}}'
    workflow.write_text(f'{{"1": {load}}}')
    assert clipwatch("config", "check").code == 0
