"""How much there is, before it is read: folders and their mtimes, and how many files look like
images by their names. No file is looked at, so it takes a fifth of the time that a listing does."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from clipwatch.watching.listing import IgnoreRules, has_image_name


@dataclass(frozen=True, slots=True)
class FolderCount:
    """One folder."""

    folder: bytes  #: relative to the root
    mtime_ns: int
    images: int  #: files directly in it that are called like images
    folders: tuple[bytes, ...] = ()  #: relative to the root


def survey(
    root: bytes, rules: IgnoreRules, recursive: bool, under: bytes = b""
) -> Iterator[FolderCount]:
    """Count ``under`` and, where ``recursive``, all folders below it. What vanishes or cannot be
    read is left out, and symbolic links are passed over."""
    waiting = [under]
    while waiting:
        count = _count(root, waiting.pop(), rules)
        if count is not None:
            yield count
            if recursive:
                waiting.extend(count.folders)


def _count(root: bytes, folder: bytes, rules: IgnoreRules) -> FolderCount | None:
    path = os.path.join(root, folder)
    images, folders = 0, []
    try:
        mtime_ns = os.lstat(path).st_mtime_ns
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    inside = os.path.join(folder, entry.name)
                    if not rules.ignores(inside):
                        folders.append(inside)
                elif has_image_name(entry.name):
                    images += 1
    except OSError:
        return None
    return FolderCount(folder, mtime_ns, images, tuple(folders))


def newest_first(counts: Iterable[FolderCount]) -> list[FolderCount]:
    """The folders, those first in which something changed last."""
    return sorted(counts, key=lambda one: one.mtime_ns, reverse=True)
