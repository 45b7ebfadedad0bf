"""What the README promises is there: commands, options, settings, routes, files, make targets."""

import re
from pathlib import Path

import click
import pytest

from benchmarks.search import QUERIES
from clipwatch.cli import COMMANDS, commands
from clipwatch.errors import Problem
from clipwatch.query import FIELDS, FieldSpec, parse
from clipwatch.settings import Section, Settings
from clipwatch.store.sqlite_query import page
from clipwatch.web.app import ROUTES
from tests.acceptance.test_main_job import (
    FIRST,
    HEALTH,
    INTERROGATE,
    INTERROGATE_CLIP,
    PROMPTS,
    SCAN,
)
from tests.clock import LOCAL
from tests.store.test_sqlite_query import SHARED

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
SEARCHING = (ROOT / "docs/search.md").read_text()
#: Routes that are no part of the API: they serve the gallery.
OF_THE_GALLERY = {("GET", "/static/{name}"), ("POST", "/session")}


def test_the_routes_are_those_of_the_application() -> None:
    told = set(re.findall(r"^\| `(GET|POST|PUT|DELETE) (/\S*)`", README, re.MULTILINE))
    assert told == {(route.method, route.path) for route in ROUTES} - OF_THE_GALLERY


@pytest.mark.parametrize("line", [SCAN, FIRST, INTERROGATE, INTERROGATE_CLIP, PROMPTS, HEALTH])
def test_the_documented_lines_are_those_that_are_tested(line: str) -> None:
    assert f"    {line}\n" in README


def test_every_problem_of_a_back_end_is_explained() -> None:
    table = README.partition("| problem |")[2].partition("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines()[2:]]
    assert set(re.findall(r"`(\w+)`", " ".join(cells))) == {problem.value for problem in Problem}


def test_every_command_is_told_and_none_besides() -> None:
    told = set(re.findall(r"clipwatch ([a-z]+)\b(?!\.)", " ".join(re.findall(r"`[^`]+`", README))))
    assert told == set(COMMANDS)


def test_options_are_those_of_the_commands() -> None:
    context = click.Context(commands)
    known = {"--help", "--api", "--api-auth", "--user", "--now"}
    for name in COMMANDS:
        command = commands.get_command(context, name)
        assert command is not None
        below = list(command.commands.values()) if isinstance(command, click.Group) else []
        parts = [*command.params, *(option for each in below for option in each.params)]
        known |= {text for option in parts for text in option.opts}
    assert set(re.findall(r"(?<=[\s`])--[a-z-]+", README)) - known == set()


def is_setting(section: str, key: str) -> bool:
    kind = Settings.model_fields[section].annotation
    return isinstance(kind, type) and issubclass(kind, Section) and key in kind.model_fields


VARIABLES = sorted(set(re.findall(r"CLIPWATCH_([A-Z]+)__([A-Z_]+)", README)))
SECTIONS = "|".join(Settings.model_fields)
SETTINGS = sorted(set(re.findall(rf"`({SECTIONS})\.(\w+)\b", README)))


@pytest.mark.parametrize(("section", "key"), [*VARIABLES, *SETTINGS])
def test_settings_that_are_named_exist(section: str, key: str) -> None:
    assert is_setting(section.lower(), key.lower())


def test_every_example_of_a_search_is_understood() -> None:
    section = README.partition("## Search")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("    ")]
    examples = [cell for line in lines for cell in re.split(r"\s{2,}", line.strip())[::2]]
    assert len(examples) >= 10
    for example in examples:
        assert parse(example, LOCAL).root is not None


SEARCHES = [
    text.replace("\\|", "|")
    for text in re.findall(r"`([^`]+)`", SEARCHING)
    if re.search(r"[a-z]+:\S", text) or f"| `{text}` |" in SEARCHING
]


@pytest.mark.parametrize("text", SEARCHES)
def test_every_example_on_the_page_about_searching_runs(text: str) -> None:
    page(SHARED, parse(text, LOCAL), 5)


def test_the_searches_that_are_measured_are_those_of_the_benchmark() -> None:
    row = re.compile(r"^\| `(.+)` \| [\d.]+ \| `(.+)` \| [\d.]+ \|$", re.MULTILINE)
    left, right = zip(*row.findall(SEARCHING), strict=True)
    assert [text.replace("\\|", "|") for text in left + right] == list(QUERIES)


@pytest.mark.parametrize("spec", FIELDS, ids=lambda spec: spec.name)
def test_every_field_and_all_it_takes_is_told(spec: FieldSpec) -> None:
    assert f"{spec.name}:" in SEARCHING
    for choice in spec.choices:
        assert re.search(rf"\b{choice}\b", SEARCHING), f"{spec.name}:{choice}"


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?:`|    )make ([a-z-]+)", README))))
def test_make_targets_exist(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


PATHS = sorted(set(re.findall(r"`((?:clipwatch|tests|systemd)/\S+?)`", README)))


@pytest.mark.parametrize("path", PATHS)
def test_files_exist(path: str) -> None:
    assert (ROOT / path).exists()
