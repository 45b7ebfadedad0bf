"""Names of local models, and where they lie."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.errors import BackendMisconfigured
from clipwatch.interrogators.local_folder import (
    KNOWN,
    folder_of,
    listed,
    located,
    name_of,
    repository_of,
)


def make(models: Path, name: str) -> None:
    (models / name).mkdir(parents=True)
    (models / name / "model.onnx").touch()


def test_known_names_and_repositories_are_models() -> None:
    assert repository_of("wd-vit-tagger-v3") == "SmilingWolf/wd-vit-tagger-v3"
    assert repository_of("anna/my.tagger_2") == "anna/my.tagger_2"
    assert name_of("smilingwolf/WD-ViT-Tagger-v3") == "wd-vit-tagger-v3"
    assert name_of("anna/tagger") == "anna/tagger"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "wd",
        "/",
        "a/",
        "/b",
        "a/b/c",
        "../b",
        "a/..",
        "a/b--c",
        "a/b..c",
        "a/.b",
        "a b/c",
        "a/ä",
    ],
)
def test_others_are_none(name: str) -> None:
    assert repository_of(name) is None


@given(st.from_regex(r"[ab.\-_/]{1,9}", fullmatch=True))
def test_what_is_a_repository_has_a_folder_of_its_own(name: str) -> None:
    repository = repository_of(name)
    if repository is not None:
        folder = folder_of(Path("/models"), repository)
        assert folder.parent == Path("/models")
        assert not folder.name.startswith(".")
        assert folder.name.replace("--", "/") == repository


def test_listed_are_folders_with_a_model_the_known_ones_first(tmp_path: Path) -> None:
    for name in (
        "zoe--tagger",
        "anna--tagger",
        "wd-swinv2-tagger-v3",
        "wd-vit-tagger-v3",
        ".x.part",
    ):
        make(tmp_path, name)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    assert listed(tmp_path) == (
        "wd-vit-tagger-v3", "wd-swinv2-tagger-v3", "anna/tagger", "zoe/tagger"
    )  # fmt: skip
    assert next(iter(KNOWN)) == "wd-vit-tagger-v3"
    assert listed(tmp_path / "absent") == ()
    with pytest.raises(BackendMisconfigured, match="cannot be read"):
        listed(tmp_path / "file")


def test_a_model_is_found_by_name_or_path(tmp_path: Path) -> None:
    assert located(tmp_path, "") is None
    make(tmp_path, "anna--tagger")
    make(tmp_path, "wd-vit-tagger-v3")
    assert located(tmp_path, "") == tmp_path / "wd-vit-tagger-v3"
    assert located(tmp_path, "anna/tagger") == tmp_path / "anna--tagger"
    assert located(tmp_path, str(tmp_path / "anna--tagger")) == tmp_path / "anna--tagger"
    assert located(tmp_path, str(tmp_path)) is None
    assert located(tmp_path, "../x") is None
