"""What lies in a folder, and what tells one file from another. Reads only, follows no links."""

import errno
import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import translate
from itertools import permutations
from typing import Self

from blake3 import blake3
from xxhash import xxh3_128

from clipwatch.model import FileStat, PlainStat

_CHUNK = 1024 * 1024
_IMAGE_SUFFIXES = (
    *(b".png", b".apng", b".jpg", b".jpeg", b".webp"),
    *(b".avif", b".heic", b".heif", b".jxl", b".gif"),
)
_TYPES = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a symbolic link",
}


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """Which files and folders below a root are none of our business."""

    #: what "/name/" contains where a pattern as simple as "*.tmp" matches the name
    _simple: re.Pattern[bytes] | None
    _names: re.Pattern[str] | None
    _paths: re.Pattern[str] | None

    @classmethod
    def of(cls, patterns: Iterable[str]) -> Self:
        """Rules from shell patterns, case counting. One with a slash is held against the whole
        path relative to the root (where ``*`` spans slashes too), any other against the name."""
        names: list[str] = []
        paths: list[str] = []
        for pattern in patterns:
            (paths if "/" in pattern else names).append(pattern)
        # Nearly all are simple, and every file of every sweep is held against them.
        simple = {name: trace for name in names if (trace := _trace(name)) is not None}
        return cls(
            _any_trace(simple.values()),
            _any_of(name for name in names if name not in simple),
            _any_of(path.strip("/") for path in paths),
        )

    def ignores(self, path: bytes) -> bool:
        """Whether the file or folder at this path, relative to the root, is to be passed over.
        The folders above it are not considered: nobody enters those that are ignored."""
        name = path[path.rfind(b"/") + 1 :]
        return bool(
            (self._simple and self._simple.search(b"/%b/" % name))
            or (self._names and self._names.match(os.fsdecode(name)))
            or (self._paths and self._paths.match(os.fsdecode(path)))
        )

    def kept(self, folder: bytes, names: Sequence[bytes]) -> Sequence[bytes]:
        """Those of the names in a folder that are not ignored; mostly all, which a search through
        all of them together tells in a third of the time."""
        suspect = self._simple and self._simple.search(b"/%b/" % b"/".join(names))
        if suspect or self._names or self._paths:
            above = os.path.join(folder, b"")
            return [name for name in names if not self.ignores(above + name)]
        return names


def _trace(pattern: str) -> str | None:
    """What to look for in "/name/" in place of a pattern with no stars but at its ends."""
    start = "" if pattern.startswith("*") else "/"
    pattern = pattern.removeprefix("*")
    end = "" if pattern.endswith("*") else "/"
    pattern = pattern.removesuffix("*")
    return None if set(pattern) & set("*?[") else start + pattern + end


def _any_trace(traces: Collection[str]) -> re.Pattern[bytes] | None:
    either = b"|".join(re.escape(os.fsencode(trace)) for trace in traces)
    return re.compile(either) if traces else None


def _any_of(patterns: Iterable[str]) -> re.Pattern[str] | None:
    either = "|".join(map(translate, patterns))
    return re.compile(either) if either else None


@dataclass(frozen=True, slots=True)
class FolderListing:
    """What one look into one folder found. With an ``error`` nothing is known of its contents,
    which is not the same as their being gone."""

    folder: bytes  #: relative to the root, b"" being the root
    mtime_ns: int  #: of the folder, from before it was listed
    files: Mapping[bytes, PlainStat] = field(default_factory=dict)  #: regular ones, by name
    #: by name: what is called like an image and is not a regular file, or cannot be looked at
    irregular: Mapping[bytes, str] = field(default_factory=dict)
    folders: tuple[bytes, ...] = ()  #: relative to the root
    error: str | None = None


def list_folder(root: bytes, folder: bytes, rules: IgnoreRules) -> FolderListing | None:
    """Look into one folder, or None where there is none any more.

    Symbolic links are passed over. A folder named like an image is in ``irregular`` and in
    ``folders``. A folder that cannot be read comes back with its ``error``; nothing is raised.
    """
    path = os.path.join(root, folder)
    seen = FolderListing(folder, 0)
    try:
        status = os.lstat(path)
        if not stat.S_ISDIR(status.st_mode):
            return None
        seen = FolderListing(folder, status.st_mtime_ns)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            return _sort(seen, path, descriptor, rules)
        finally:
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return replace(seen, error=_reason(error))


def _sort(seen: FolderListing, path: bytes, descriptor: int, rules: IgnoreRules) -> FolderListing:
    files: dict[bytes, PlainStat] = {}
    folders: list[bytes] = []
    problems: dict[bytes, str] = {}
    failed: dict[bytes, str] = {}
    # The kernel need not walk the path for every file, and os.scandir would make entries of them.
    for name in rules.kept(seen.folder, os.listdir(path)):
        try:
            found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        except FileNotFoundError:
            continue
        except OSError as error:
            failed[name] = _reason(error)
            continue
        if stat.S_ISREG(found.st_mode):
            files[name] = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
        elif not stat.S_ISLNK(found.st_mode):
            problems[name] = irregularity(found.st_mode)
            if stat.S_ISDIR(found.st_mode):
                folders.append(name)
    if failed:  # What they are, the folder itself says.
        with os.scandir(path) as entries:
            known = [one for one in entries if one.name in failed and not one.is_symlink()]
        folders += [one.name for one in known if one.is_dir(follow_symlinks=False)]
        problems |= {one.name: failed[one.name] for one in known}
    return replace(
        seen,
        files=files,
        irregular={name: problem for name, problem in problems.items() if has_image_name(name)},
        folders=tuple(os.path.join(seen.folder, name) for name in folders),
    )


def has_image_name(path: bytes) -> bool:
    """Whether somebody would expect an image behind this name. What it is, its content tells."""
    return path.lower().endswith(_IMAGE_SUFFIXES)


def file_stat(status: os.stat_result) -> FileStat:
    """The part of a stat that tells one state of a file from another."""
    return FileStat(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def irregularity(mode: int) -> str:
    """Why something with this ``st_mode`` is not read, in words."""
    return f"{_TYPES.get(stat.S_IFMT(mode), 'something else')}, not a regular file"


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def subfolders(root: bytes, folder: bytes, rules: IgnoreRules) -> list[bytes]:
    """The folders directly inside one, relative to the root; without a stat for every file.
    Empty where the folder is gone or cannot be read."""
    try:
        with os.scandir(os.path.join(root, folder)) as entries:
            inside = [
                os.path.join(folder, entry.name)
                for entry in entries
                if entry.is_dir(follow_symlinks=False)
            ]
    except OSError:
        return []
    return [path for path in inside if not rules.ignores(path)]


def walk(
    root: bytes,
    rules: IgnoreRules,
    recursive: bool,
    under: bytes = b"",
    first: Sequence[bytes] = (),
) -> Iterator[FolderListing]:
    """Look into the folder ``under`` and, where ``recursive``, into all below it; into those of
    ``first``, which lie there, before the others and in their order.

    Folders that vanish meanwhile are left out, those that cannot be read are told by their
    ``error``. Other file systems that are mounted inside are entered.
    """
    ordered = set(first)
    waiting = [*([] if under in ordered else [under]), *reversed(first)]
    while waiting:
        listing = list_folder(root, waiting.pop(), rules)
        if listing is None:
            continue
        yield listing
        if recursive:
            waiting.extend(path for path in reversed(listing.folders) if path not in ordered)


def open_regular(path: bytes) -> int:
    """Open a file for reading and return its descriptor, without ever waiting.

    Raises ``OSError`` with the reason in ``strerror``: what the system says (``ELOOP`` for a
    symbolic link), or ``EINVAL`` for anything that is not a regular file.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode):
        return fd
    os.close(fd)
    raise OSError(errno.EINVAL, irregularity(mode), path)


def quick_key(size: int, head: bytes, tail: bytes) -> bytes:
    """xxh3-128 of a file's size and of some bytes at both its ends, for all files as many: those
    that differ in it differ, those that share it may."""
    key = xxh3_128(size.to_bytes(8, "little"))
    key.update(head)
    key.update(tail)
    return key.digest()


def content_hash(fd: int) -> bytes:
    """BLAKE3 of all bytes of the file, wherever its descriptor stands."""
    hasher = blake3()
    at = 0
    while chunk := os.pread(fd, _CHUNK, at):
        hasher.update(chunk)
        at += len(chunk)
    return hasher.digest()


def nested(paths: Iterable[bytes]) -> tuple[bytes, bytes] | None:
    """The first two of these folders of which the second lies in the first, or is the same,
    once links are resolved; None where they are all apart."""
    resolved = [(path, os.path.realpath(path)) for path in paths]
    for (outer, above), (inner, below) in permutations(resolved, 2):
        if os.path.commonpath([above, below]) == above:
            return outer, inner
    return None
