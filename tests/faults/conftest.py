"""Faults that are real: processes killed, disks cut off and filled. Kept out of ``make test``.

``@pytest.mark.needs("root", "xfs")`` names what a test needs of the machine; where that is missing
the test is skipped with its name. A test that is skipped although everything is there has failed.
``FORM=long`` in the environment asks for the long form, as ``make faults`` does.
"""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.faults.capabilities import CAPABILITIES, missing

HERE = Path(__file__).parent


def times(*, long: int, short: int) -> int:
    """How often, in the form that was asked for."""
    return long if os.environ.get("FORM") == "long" else short


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.faults)


def needed(item: pytest.Item) -> list[str]:
    names = [name for mark in item.iter_markers("needs") for name in mark.args]
    assert set(names) <= set(CAPABILITIES), names
    return names


def pytest_runtest_setup(item: pytest.Item) -> None:
    for name in needed(item):
        if (reason := missing(name)) is not None:
            pytest.skip(f"this machine lacks {name}: {reason}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not any(missing(name) for name in needed(item)):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped although the machine has what it needs"
    return report
