"""Files whose absolute path fits a pattern, found by folders first.

There are few folders for many files, and names are read from the index of locations alone. So a
pattern is parted wherever a folder's last slash can be in it: ``*/2024/0?*.png`` fits where

    */2024/      fits the folder, and  0?*.png  the name, or
    */2024/0?    the folder, and        *.png    the name, or
    */2024/0?*   the folder, and        *.png    the name.

Names that begin with characters which are no wildcard are a span of that index, in each folder.
"""

import re

# Bytes that are no UTF-8 are U+FFFD to SQLite, wherever they lie.
_PLAIN = re.compile("[^*?\ufffd]*")
#: A missing location counts only for an image that is missing itself.
THERE = """(location.state <> 'missing' OR
  (SELECT missing FROM image AS owner WHERE owner.seq = location.seq))"""
#: Whether all of the path fits.
FITS = "CAST(root.path || x'2f' || location.path AS TEXT) GLOB ?"
#: Of a pattern that can be parted in more places, whole paths are looked at.
_MOST = 8

_WHOLE = f"SELECT seq FROM location CROSS JOIN root USING (root_id) WHERE {FITS} AND {THERE}"
_NEXT = "(SELECT min(folder) FROM location AS l WHERE l.root_id = {0}.root_id{1})"
_PARTED = f"""
WITH RECURSIVE
place (root_id, folder) AS (
  SELECT root_id, {_NEXT.format("root", "")} FROM root UNION ALL
  SELECT root_id, {_NEXT.format("place", " AND l.folder > place.folder")} FROM place
  WHERE folder IS NOT NULL),
named (root_id, folder, path) AS (
  SELECT root_id, folder, CAST(root.path || x'2f' || CASE folder WHEN x'' THEN folder
    ELSE CAST(folder || x'2f' AS BLOB) END AS TEXT)
  FROM place JOIN root USING (root_id) WHERE folder IS NOT NULL),
fitting AS MATERIALIZED (SELECT root_id, folder, {{folders}} FROM named)
{{files}}"""
_FILES = f"""
SELECT seq FROM fitting CROSS JOIN location INDEXED BY location_place USING (root_id, folder)
WHERE {{fits}} AND {THERE}"""


def matching(pattern: str) -> tuple[str, tuple[str | bytes, ...]]:
    """A statement that yields the ``seq`` of every file whose path fits, of some more than once,
    and its values. ``*`` and ``?`` stand for any characters and for one, slashes among them; all
    others for themselves."""
    parts = parted(pattern)
    if len(parts) > _MOST:
        return _WHOLE, (glob(pattern),)
    parts.sort(key=lambda part: bool(_beginning(part[1])))
    flags = [f"f{number}" for number in range(len(parts))]
    spans, anywhere, values = [], [], list[str | bytes]()
    for flag, (_, name) in zip(flags, parts, strict=True):
        fits, begin = f"{flag} AND CAST(name AS TEXT) GLOB ?", _beginning(name)
        if begin:
            spans.append(f"{fits} AND name >= ? AND name < ?")
            values += [glob(name), begin, begin[:-1] + bytes([begin[-1] + 1])]
        else:
            anywhere.append(fits)
            values.append(glob(name))
    # All of a folder's names are looked at once.
    together = [f"({' OR '.join(anywhere) or '0'})"] if anywhere or not spans else []
    text = _PARTED.format(
        folders=", ".join(f"path GLOB ? AS {flag}" for flag in flags) or "0",
        files=" UNION ALL ".join(_FILES.format(fits=fits) for fits in (*together, *spans)),
    )
    return text, (*(glob(above) for above, _ in parts), *values)


def _beginning(pattern: str) -> bytes:
    """What all names that fit begin with."""
    plain = _PLAIN.match(pattern)
    return plain[0].encode() if plain else b""


def parted(pattern: str) -> list[tuple[str, str]]:
    """Patterns of folders, which end with a slash, and of the names in them, of which one pair
    must fit."""
    pattern = re.sub(r"\*+", "*", pattern)
    start = pattern.rfind("/") + 1  # no name has a slash
    behind_slash = [(pattern[:start], pattern[start:])] if start else []
    in_wildcard = [
        (pattern[: at + 1], pattern[at + (pattern[at] == "?") :])
        for at in range(start, len(pattern))
        if pattern[at] in "*?"
    ]
    return behind_slash + in_wildcard


def glob(pattern: str) -> str:
    """As SQLite's GLOB takes it, for which a bracket begins a set."""
    return pattern.replace("[", "[[]")
