"""Names of models that clients use."""

import pytest

from clipwatch.interrogators import KINDS
from clipwatch.interrogators.aliases import ALIASES, is_alias, model_used


@pytest.mark.parametrize("kind", ["local", *KINDS])
@pytest.mark.parametrize("asked", ["", "clip"])
def test_clip_and_nothing_mean_the_default_everywhere(kind: str, asked: str) -> None:
    assert is_alias(kind, asked)
    assert model_used(kind, asked, "mine") == "mine"


@pytest.mark.parametrize(
    ("kind", "asked", "expected"),
    [
        ("sdapi", "clip_vit_l_14", "mine"),
        ("sdapi", "deepdanbooru", "deepdanbooru"),
        ("sdnext", "clip_vit_l_14", "ViT-L-14/openai"),
        ("sdnext", "deepdanbooru", "deepbooru"),
        ("clipext", "clip_vit_b_32", "ViT-B-32/openai"),
        ("tagger", "deepdanbooru", "mine"),
        ("local", "deepdanbooru", "mine"),
        ("koboldcpp", "clip_vit_b_32", "mine"),
        ("tagger", "wd14-vit-v2", "wd14-vit-v2"),
    ],
)
def test_each_kind_has_its_own_names(kind: str, asked: str, expected: str) -> None:
    assert model_used(kind, asked, "mine") == expected


def test_aliases_belong_to_kinds_that_exist() -> None:
    assert {*ALIASES} <= {"local", *KINDS}
    assert not is_alias("clipext", "deepdanbooru")
