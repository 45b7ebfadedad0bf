"""Which of the files that are seen now may hold what others hold, by hashing as few as possible.

The keys that every look makes only nominate: the quick key an exact copy, the pixel hint the same
picture under other metadata. Only where one was met before are whole files read, those of this
moment and those of then.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from clipwatch.embedded.pixels import pixel_key
from clipwatch.model import FileKeys, FileStat, LocationState, Observation
from clipwatch.store.base import Store
from clipwatch.watching.listing import content_hash, file_stat, open_regular

#: Bytes of a file whose pixels are compared; larger ones are looked at when they are interrogated.
LARGEST = 128 << 20

T = TypeVar("T")


async def with_keys(
    store: Store, seen: Sequence[Observation], absolute: Callable[[bytes], bytes]
) -> Sequence[Observation]:
    """The same observations, with content hash and pixel key where they were nominated.

    ``absolute`` makes a path of theirs one that can be opened.
    """
    seen = await _with_hashes(store, seen, absolute)
    return await _with_pixel_keys(store, seen, absolute)


async def _with_hashes(
    store: Store, seen: Sequence[Observation], absolute: Callable[[bytes], bytes]
) -> Sequence[Observation]:
    keys = Counter(one.quick_key for one in seen if one.quick_key)
    alike = await store.nominated(set(keys))
    copies = [one for one in seen if one.quick_key and _may_be_copy(one, alike, keys)]
    if not copies:
        return seen
    known = {file for one in copies for file in alike.get(one.quick_key or b"", ())}
    unhashed = [file for file in known if file.content_hash is None]
    hashed = [await asyncio.to_thread(_with_hash, file) for file in unhashed]
    await store.set_keys([file for file in hashed if file.content_hash is not None])
    hashes = {
        one.path: await asyncio.to_thread(hash_file, absolute(one.path), one.stat) for one in copies
    }
    return [replace(one, content_hash=hashes.get(one.path)) for one in seen]


def _may_be_copy(
    seen: Observation, alike: Mapping[bytes, Sequence[FileKeys]], keys: Counter[bytes]
) -> bool:
    """Whether only a hash can tell. One that is alike to its time was carried along, and is
    believed without: a drive that is mounted anew is not read whole for it."""
    key = seen.quick_key or b""
    if keys[key] > 1:
        return True
    known = alike.get(key, ())
    return bool(known) and not any(seen.stat.is_carried_from(one.stat) for one in known)


def _with_hash(file: FileKeys) -> FileKeys:
    return replace(file, content_hash=hash_file(file.path, file.stat))


async def _with_pixel_keys(
    store: Store, seen: Sequence[Observation], absolute: Callable[[bytes], bytes]
) -> Sequence[Observation]:
    hints = Counter(
        one.pixel_hint
        for one in seen
        if one.pixel_hint is not None and one.state is LocationState.PRESENT
    )
    alike = await store.alike(set(hints)) if hints else {}
    for path, stat in {file for files in alike.values() for file in files}:
        known_key = await asyncio.to_thread(key_file, path, stat)
        if known_key is not None:
            await store.set_pixel_key(path, stat, known_key)
    twins = [
        (absolute(one.path), one.stat)
        for one in seen
        if one.pixel_hint is not None and (one.pixel_hint in alike or hints[one.pixel_hint] > 1)
    ]
    if not twins:
        return seen
    keys = await asyncio.to_thread(_key_files, twins)
    return [replace(one, pixel_key=keys.get(absolute(one.path))) for one in seen]


def _key_files(files: Sequence[tuple[bytes, FileStat]]) -> dict[bytes, bytes | None]:
    return {path: key_file(path, stat) for path, stat in files}


def keys_of(path: bytes, stat: FileStat, *, wants_hash: bool, wants_key: bool) -> FileKeys | None:
    """What is wanted of a file that must still be as ``stat`` says; None where it is not, cannot be
    read now, or is too large."""

    def keys(fd: int) -> FileKeys | None:
        if stat.size > LARGEST or file_stat(os.fstat(fd)) != stat:
            return None
        hashed = content_hash(fd) if wants_hash else None
        key = pixel_key(os.pread(fd, stat.size, 0)) if wants_key else None
        unchanged = file_stat(os.fstat(fd)) == stat
        return FileKeys(path, stat, hashed, key) if unchanged else None

    return _of_open(path, keys)


def hash_file(path: bytes, stat: FileStat) -> bytes | None:
    """The BLAKE3 of the content of a file that must still be as ``stat`` says; None where it is
    not, or cannot be read now."""

    def hashed(fd: int) -> bytes | None:
        if file_stat(os.fstat(fd)) != stat:
            return None
        found = content_hash(fd)
        return found if file_stat(os.fstat(fd)) == stat else None

    return _of_open(path, hashed)


def key_file(path: bytes, stat: FileStat) -> bytes | None:
    """The pixel key of a file that must still be as ``stat`` says; None where it is not, cannot be
    read now, is too large, or has none."""

    def key(fd: int) -> bytes | None:
        if stat.size > LARGEST or file_stat(os.fstat(fd)) != stat:
            return None
        data = os.pread(fd, stat.size, 0)
        return pixel_key(data) if file_stat(os.fstat(fd)) == stat else None

    return _of_open(path, key)


def _of_open(path: bytes, make: Callable[[int], T | None]) -> T | None:
    try:
        fd = open_regular(path)
    except OSError:
        return None
    try:
        return make(fd)
    except OSError:
        return None
    finally:
        os.close(fd)
