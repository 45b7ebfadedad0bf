"""What to do with what is found and said.

Where to look:

- from disk to store: ``consumer`` takes hints and sweeps (``sweep``), ``scan`` has files looked at
  (``looking``) and recorded, ``twins`` tells which hold the same picture, ``drives`` whether a root
  is there at all, ``root_status`` how well it is known; ``batch`` are scans that somebody asks for;
- from store to server: ``interrogate`` is all back ends together and whoever waits for an answer,
  ``bulk`` many images at once; each back end (``backend``) has a ``worker``, which takes its turn
  (``turns``) at the server's slots, makes one timed ``call``, and ends the job (``endings``);
- whether to ask now: ``breaker`` and ``standing`` by how the server answered, ``attention`` and
  ``courtesy`` by what it does for its owner, ``pool`` and ``choice`` which of them is meant,
  ``retry`` what becomes of a failure, ``doorbell`` wakes whoever waits;
- for people: ``health`` of the daemon, ``diagnosis`` of back ends, ``explain`` and ``comparison``
  of prompts, ``scores`` of tags, ``frequent`` terms, ``progress`` of an import;
- upkeep: ``space``, ``upkeep``, ``prune``, ``idle``, and ``thumbnails`` with what they need.

``breaker``, ``choice``, ``comparison``, ``courtesy``, ``explain``, ``frequent``, ``progress``,
``retry`` and ``scores`` are pure.
"""
