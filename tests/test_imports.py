"""The import table: every package imports what its row names, and what is its own. No cycles."""

import ast
import re
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import clipwatch
from clipwatch import store

PACKAGE = Path(clipwatch.__file__).parent

BASE = {"clipwatch", "counts", "errors", "model"}
LIGHT = {"clock", "hours", "printable", "runfile", "systemd"}
EVERYTHING = {
    *BASE, *LIGHT, "log", "metrics", "mounts", "query", "settings", "embedded", "interrogators",
    "watching", "store", "pipeline", "web", "assembly", "serving", "daemon", "demo",
}  # fmt: skip

#: Who may import what of ours, by module or by package. "." is the package itself.
OURS: dict[str, set[str]] = {
    "__init__": set(),
    "__main__": {"cli"},
    "counts": set(),
    "errors": set(),
    "model": {"."},
    "mounts": set(),
    "printable": set(),
    "repeats": set(),
    "runfile": set(),
    "systemd": {"printable"},
    "log": {"printable", "repeats"},
    "metrics": set(),
    "settings": {"errors", "hours", "printable", "query", "runfile", "systemd", "."},
    "clock": set(),
    "hours": set(),
    "query": {*BASE, "."},
    "embedded": {*BASE, "."},
    "interrogators": {*BASE, "printable", "settings", "embedded.pixels", "."},
    "watching": {*BASE, "embedded.container", "mounts", "."},
    "store": {*BASE, "mounts", "query", "."},
    "pipeline": {
        *BASE, "hours", "settings", "query", "metrics", "embedded", "interrogators", "store.base",
        "store.care", "watching", ".",
    },
    "web": {
        *BASE, "settings", "query", "metrics", "store.base", "store.care", "interrogators",
        "pipeline", ".",
    },
    "assembly": EVERYTHING - {"web", "assembly", "serving", "daemon", "demo"},
    "serving": {*BASE, "runfile"},
    "daemon": EVERYTHING - {"daemon", "demo"},
    "demo": {*EVERYTHING, "."},
    "cli": {*EVERYTHING - {"web"}, "."},
}  # fmt: skip

#: Which third-party package may be imported where; one that is not named here nowhere.
THEIRS: dict[str, set[str]] = {
    "aiohttp": {"interrogators.http", "interrogators.exchange", "web", "serving", "demo"},
    "aiosqlite": {"store.sqlite"},
    "blake3": {"watching.listing", "interrogators.picture"},
    "brotli": {"embedded.jxl"},
    "click": {"cli"},
    "numpy": {"interrogators.local_model"},
    "onnxruntime": {"interrogators.local_runtime"},
    "orjson": {"embedded", "store", "web", "interrogators"},
    "PIL": {
        "embedded.stealth",
        "interrogators.picture",
        "interrogators.drawing",
        "interrogators.local_model",
        "pipeline.thumbnail",
        "demo",
    },
    "prometheus_client": {"metrics"},
    "msgspec": {"embedded.graph"},
    "multidict": {"web"},
    "pybase64": {"interrogators.body"},
    "pydantic": {"settings", "web.asking", "web.incoming"},
    "pydantic_core": {"settings", "web.incoming"},
    "structlog": {"log", "store", "pipeline", "web", "assembly", "daemon"},
    "watchdog": {"watching.observer"},
    "xxhash": {"embedded.pixels", "watching.listing", "web.cursor", "web.gallery", "web.replies"},
    "yarl": {"web"},
}

MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


NAMES = {name_of(path) for path in MODULES}


def imports_of(path: Path) -> set[str]:
    """Everything that the module imports at any place, as dotted names."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def ours_in(path: Path) -> set[str]:
    """The modules of ours that it imports, without the package's name."""
    found: set[str] = set()
    for name in imports_of(path):
        if name == "clipwatch" or not name.startswith("clipwatch."):
            continue
        inner = name.removeprefix("clipwatch.")
        while inner and inner not in NAMES:
            inner = inner.rpartition(".")[0]
        found.add(inner or "clipwatch")
    return found


def is_within(module: str, places: set[str]) -> bool:
    return any(module == place or module.startswith(place + ".") for place in places)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_what_its_row_names(path: Path) -> None:
    module = name_of(path)
    package = module.partition(".")[0]
    row = OURS[package]
    allowed = {package if place == "." else place for place in row}
    assert {one for one in ours_in(path) if not is_within(one, allowed)} == set()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_third_party_packages_stay_where_they_belong(path: Path) -> None:
    module = name_of(path)
    packages = {name.partition(".")[0] for name in imports_of(path)}
    theirs = packages - set(sys.stdlib_module_names) - {"clipwatch"}
    assert {one for one in theirs if not is_within(module, THEIRS.get(one, set()))} == set()


def test_sqlite_is_spoken_in_the_store_alone() -> None:
    speakers = {name_of(path) for path in MODULES if "sqlite3" in imports_of(path)}
    assert {name for name in speakers if not name.startswith("store.sqlite")} == set()


def test_there_is_no_cycle() -> None:
    graph = {name_of(path): ours_in(path) - {name_of(path)} for path in MODULES}
    TopologicalSorter(graph).prepare()


def test_the_map_of_the_store_names_each_of_its_modules() -> None:
    named = set(re.findall(r"``(\w+)``", store.__doc__ or ""))
    modules = {name.removeprefix("store.") for name in NAMES if name.startswith("store.")}
    assert {name.removeprefix("sqlite_") for name in modules} - named == set()
