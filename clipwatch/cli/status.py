"""``clipwatch status``: how the daemon does."""

from collections.abc import Iterator, Mapping
from typing import Any

import click

from clipwatch.cli import options
from clipwatch.cli.client import daemon
from clipwatch.cli.text import bytes_text, duration_text, say_json, say_table, time_text


@click.command()
@options.url
@options.as_json
def command(url: str | None, as_json: bool) -> int:
    """Show how the daemon does.

    Roots, queue, store, disk and back ends. Exit code 1 where anything is degraded; a back end
    that is off is not.
    """
    server = daemon(url)
    health = server.get("/health")
    clip = server.get("/api/v1/clip/health")
    queue = server.get("/api/v1/queue")
    if as_json:
        say_json({"url": server.url, "health": health, "clip": clip, "queue": queue})
    else:
        say_table(_rows(server.url, health, clip, queue))
    return 0 if health["status"] == "ok" else 1


def _rows(
    url: str, health: Mapping[str, Any], clip: Mapping[str, Any], queue: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    yield "clipwatch", health["status"], url
    for path, root in health["roots"].items():
        trouble = _with(root.get("reason") or "", root.get("hint"))
        yield "root", root["state"], _with(path, trouble or _import(root.get("import")))
        for folder in root.get("unreadable_folders", ()):
            yield "folder", "unreadable", f"{path}/{folder}"
    if health["settling"].get("files"):
        yield "settling", "", f"{health['settling']['files']} to become finished"
    yield "queue", health["queue"]["state"], _with(_depth(queue), queue.get("waits_for"))
    yield "store", health["store"]["state"], _store(health["store"])
    yield "backup", health["backup"]["state"], _backup(health["backup"])
    yield "disk", health["disk"]["state"], _disk(health["disk"])
    yield "thumbnails", health["thumbnails"]["state"], _thumbnails(health["thumbnails"])
    yield "idle time", health["idle"]["state"], _idle(health["idle"])
    for backend in clip["backends"]:
        yield "back end", _backend_state(clip, backend), _backend(backend)


def _depth(queue: Mapping[str, Any]) -> str:
    ready = ", ".join(f"{count} {name}" for name, count in queue["ready"].items() if count)
    ended = f"{queue['leased']} running, {queue['dead']} given up"
    return f"{ready or 'none'} waiting, {ended}"


def _store(store: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{name} {count}" for name, count in store.items() if isinstance(count, int))
    return _with(counts, store.get("reason"))


def _import(told: Mapping[str, Any] | None) -> str:
    if not told:
        return ""
    text = f"{told['files']} of about {told['files_estimated']} files"
    if told["seconds_left"] is None:
        return text
    left = duration_text(told["seconds_left"])
    return f"{text}, {told['files_per_second']:.0f} a second, {left} left"


def _backup(backup: Mapping[str, Any]) -> str:
    made = time_text(backup.get("made_at"))
    return _with(f"the last one {made}" if made else "none yet", backup.get("reason"))


def _disk(disk: Mapping[str, Any]) -> str:
    text = bytes_text(disk["free_bytes"]) + " free"
    if "used_bytes" in disk:
        used = f"{bytes_text(disk['used_bytes'])} used with backups and thumbnails"
        text = f"{text}; {used}, {bytes_text(disk['in_a_year_bytes'])} in a year"
    return _with(_with(text, disk.get("reason")), disk.get("hint"))


def _thumbnails(kept: Mapping[str, Any]) -> str:
    most = bytes_text(kept["limit_bytes"])
    return f"{kept['files']} kept, {bytes_text(kept['bytes'])} of {most} at most"


def _idle(idle: Mapping[str, Any]) -> str:
    made = f"{idle['thumbnails']} thumbnails made, {idle['hashed']} files hashed"
    return f"{made}; {idle['passed']} images gone through"


def _backend_state(clip: Mapping[str, Any], backend: Mapping[str, Any]) -> str:
    if not clip["enabled"]:
        return "disabled"
    if not backend["available"]:
        return "unavailable"
    return "busy" if backend["busy"] else "available"


def _backend(backend: Mapping[str, Any]) -> str:
    trouble = _with(backend.get("reason") or "", backend.get("hint"))
    for other in backend.get("suggestions", ()):
        trouble = _with(trouble, f"{other['url']} answers and looks like {other['kind']}")
    return _with(f"{backend['name']} ({backend['kind']}) {backend['url']}", trouble)


def _with(text: str, more: Any) -> str:
    return "; ".join(part for part in (text, more) if part)
