"""What a look at the disk finds, on real files."""

import os
import socket
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.model import FileStat
from clipwatch.watching.listing import (
    FolderListing,
    IgnoreRules,
    content_hash,
    file_stat,
    has_image_name,
    list_folder,
    nested,
    open_regular,
    quick_key,
    subfolders,
    walk,
)
from tests.watching.unprivileged import public_folder, without_privileges

NO_RULES = IgnoreRules.of(())


@pytest.fixture
def root(tmp_path: Path) -> bytes:
    return os.fsencode(tmp_path)


def look(root: bytes, folder: bytes = b"", rules: IgnoreRules = NO_RULES) -> FolderListing:
    listing = list_folder(root, folder, rules)
    assert listing is not None
    return listing


def test_files_come_with_their_stat(root: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"12345")
    listing = look(root)
    assert listing.files == {b"a.png": file_stat((tmp_path / "a.png").stat())}
    assert FileStat(*listing.files[b"a.png"]).size == 5
    assert listing.mtime_ns == tmp_path.stat().st_mtime_ns
    assert listing.error is None


def test_a_name_need_not_be_text(root: bytes) -> None:
    Path(os.fsdecode(root + b"/\xff\n.png")).write_bytes(b"")
    assert list(look(root).files) == [b"\xff\n.png"]


def test_links_are_passed_over(root: bytes, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")
    (tmp_path / "link.png").symlink_to("nowhere")
    listing = look(root)
    assert listing.folders == (b"there",)
    assert (dict(listing.files), dict(listing.irregular)) == ({}, {})
    assert list_folder(root, b"link", NO_RULES) is None


def test_what_only_looks_like_an_image_has_a_reason(root: bytes, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.png")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder.JPG").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fsdecode(tmp_path / "socket.webp"))
        listing = look(root)
    assert listing.irregular == {
        b"fifo.png": "a FIFO, not a regular file",
        b"folder.JPG": "a folder, not a regular file",
        b"socket.webp": "a socket, not a regular file",
    }
    assert listing.folders == (b"folder.JPG",)


def test_a_folder_that_is_gone_is_none(root: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert list_folder(root, b"gone", NO_RULES) is None
    assert list_folder(root, b"file", NO_RULES) is None
    assert list_folder(root, b"file/below", NO_RULES) is None
    assert list(walk(root, NO_RULES, True, b"gone")) == []


def test_a_folder_that_cannot_be_looked_at_says_why(root: bytes) -> None:
    listing = look(root, b"x" * 300)
    assert listing.error == "file name too long"


def test_a_folder_without_permission_says_so_and_hides_no_other() -> None:
    with public_folder() as folder:
        (folder / "open").mkdir()
        (folder / "shut").mkdir(mode=0)
        with without_privileges():
            found = {each.folder: each.error for each in walk(bytes(folder), NO_RULES, True)}
            assert subfolders(bytes(folder), b"shut", NO_RULES) == []
    assert found == {b"": None, b"open": None, b"shut": "permission denied"}


def test_files_that_may_not_be_looked_at_are_told() -> None:
    with public_folder() as folder:
        (folder / "a.png").write_bytes(b"")
        (folder / "notes.txt").write_bytes(b"")
        folder.chmod(0o644)
        with without_privileges():
            listing = look(bytes(folder))
    assert listing.irregular == {b"a.png": "permission denied"}
    assert listing.files == {}


def test_walk_goes_down_only_where_it_shall(root: bytes, tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "deep.png").write_bytes(b"")
    (tmp_path / "@eaDir" / "inside").mkdir(parents=True)
    rules = IgnoreRules.of(["@eaDir"])
    assert [each.folder for each in walk(root, rules, False)] == [b""]
    everything = {each.folder: set(each.files) for each in walk(root, rules, True)}
    assert everything == {b"": set(), b"a": set(), b"a/b": {b"deep.png"}}
    assert [each.folder for each in walk(root, rules, True, b"a")] == [b"a", b"a/b"]


def test_walk_is_not_limited_by_depth(root: bytes) -> None:
    depths = [b"/".join([b"d"] * depth) for depth in range(1500)]
    for folder in depths[1:]:
        os.mkdir(os.path.join(root, folder))
    assert [each.folder for each in walk(root, NO_RULES, True)] == depths
    for folder in reversed(depths[1:]):
        os.rmdir(os.path.join(root, folder))


def test_subfolders_are_those_of_the_listing(root: bytes, tmp_path: Path) -> None:
    for name in ("a", "b", ".hidden"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to("a")
    rules = IgnoreRules.of([".*"])
    assert sorted(subfolders(root, b"", rules)) == sorted(look(root, rules=rules).folders)
    assert subfolders(root, b"gone", rules) == []


@pytest.mark.parametrize(
    ("pattern", "path", "ignored"),
    [
        ("*grid*", b"a/some-grids.png", True),
        ("*grid*", b"grid/a.png", False),
        ("*", b"a.png", True),
        ("@eaDir", b"a/@eaDir", True),
        ("@eaDir", b"a/@eaDir2", False),
        (".*", b"a/.hidden.png", True),
        (".*", b".hidden/a.png", False),
        ("*.tmp", b"a.TMP", False),
        ("*.tmp", b"a.tmp", True),
        ("*.tmp", b"a.tmp.png", False),
        ("grids/*", b"grids/a/b.png", True),
        ("grids/*", b"other/grids/b.png", False),
        ("a?.png", b"a\xff.png", True),
        ("caf[éè].png", "café.png".encode(), True),
        ("x/", b"x", True),
    ],
)
def test_patterns(pattern: str, path: bytes, ignored: bool) -> None:
    assert IgnoreRules.of([pattern]).ignores(path) is ignored


@given(st.lists(st.text(max_size=8)), st.binary(max_size=16))
def test_any_patterns_can_be_held_against_any_path(patterns: list[str], path: bytes) -> None:
    together = IgnoreRules.of(patterns).ignores(path)
    assert together == any(IgnoreRules.of([pattern]).ignores(path) for pattern in patterns)


simple = st.tuples(st.sampled_from(["", "*"]), st.text("ab.é", max_size=2)).flatmap(
    lambda start: st.sampled_from(["", "*"]).map(lambda end: "".join((*start, end)))
)


@given(
    st.lists(simple | st.sampled_from(["a?", "[ab].*", "a/*", "*/b"]), max_size=3),
    st.lists(st.text("ab.é", min_size=1, max_size=4).map(os.fsencode)),
    st.sampled_from([b"", b"a", b"a/b"]),
)
def test_names_are_kept_together_as_each_alone(
    patterns: list[str], names: list[bytes], folder: bytes
) -> None:
    rules = IgnoreRules.of(patterns)
    alone = [name for name in names if not rules.ignores(os.path.join(folder, name))]
    assert list(rules.kept(folder, names)) == alone
    for name in names:
        matches = any(fnmatchcase(os.fsdecode(name), one) for one in patterns)
        assert rules.ignores(name) == matches


def test_only_regular_files_are_opened(root: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"here")
    (tmp_path / "link.png").symlink_to("a.png")
    os.mkfifo(tmp_path / "fifo.png")
    fd = open_regular(root + b"/a.png")
    assert os.pread(fd, 9, 0) == b"here"
    os.close(fd)
    with pytest.raises(OSError, match="a FIFO, not a regular file"):
        open_regular(root + b"/fifo.png")
    with pytest.raises(OSError, match="symbolic link"):
        open_regular(root + b"/link.png")
    with pytest.raises(OSError, match="a folder, not a regular file"):
        open_regular(root)
    with pytest.raises(FileNotFoundError):
        open_regular(root + b"/gone.png")


def keys_of(path: Path, content: bytes) -> tuple[bytes, bytes]:
    path.write_bytes(content)
    fd = open_regular(os.fsencode(path))
    try:
        return quick_key(len(content), content[:4096], content[-4096:]), content_hash(fd)
    finally:
        os.close(fd)


def test_keys_tell_contents_apart(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    path = tmp_path / "a"
    quick, full = keys_of(path, content)
    assert keys_of(path, content) == (quick, full)
    assert full == blake3(content).digest()
    assert keys_of(path, content + b"x")[0] != quick
    assert keys_of(path, b"x" + content[1:])[0] != quick
    middle = content[:1_000_000] + b"x" + content[1_000_001:]
    assert keys_of(path, middle)[0] == quick
    assert keys_of(path, middle)[1] != full


def test_an_empty_file_has_keys(tmp_path: Path) -> None:
    quick, full = keys_of(tmp_path / "a", b"")
    assert (len(quick), len(full)) == (16, 32)


def test_roots_inside_one_another_are_found(root: bytes, tmp_path: Path) -> None:
    for name in ("a/inside", "ab"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to("a/inside")
    a, ab, inside, link = (root + b"/" + name for name in (b"a", b"ab", b"a/inside", b"link"))
    assert nested([a, ab]) is None
    assert nested([inside, ab, a]) == (a, inside)
    assert nested([link, a]) == (a, link)
    assert nested([link, inside]) == (link, inside)
    assert nested([]) is None


@pytest.mark.parametrize("suffix", ["png", "apng", "jpg", "webp", "avif", "heic", "jxl", "gif"])
def test_image_names_are_known_whatever_their_case(suffix: str) -> None:
    assert has_image_name(f"folder/x.{suffix}".encode())
    assert has_image_name(f"x.{suffix.upper()}".encode())
    assert not has_image_name(f"{suffix}/x.txt".encode())
