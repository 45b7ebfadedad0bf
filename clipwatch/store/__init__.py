"""What we know: the ``Store`` protocol in ``base``, and in ``care`` what keeps a store sound. It is
kept in SQLite by ``sqlite``; each other module is ``sqlite_`` and its name.

- the database: ``schema`` its tables, ``opening`` the connections, ``writer`` their transactions,
  ``part`` what calls them, ``values`` columns and values, ``meta`` facts about the whole;
- what was seen: ``record`` writes it, by ``observed`` (what does it say?), ``strangers``,
  ``lookup`` and ``identity`` (is it one that we know?); ``roots``, ``locations``, ``seq``,
  ``sidecars``; ``removal`` takes out for good;
- prompts: ``prompts`` the ledger, ``ledger`` what the same picture was given, ``manual`` and
  ``manual_tags`` what people write, ``tags``, ``drift``;
- work: ``queueing`` has the methods of ``jobs``, ``routes``, ``batches`` and ``bulk``; ``changes``
  the log of what changed;
- searching: ``query`` makes a page; ``selection``, ``match``, ``fields`` and ``paths`` make SQL for
  it, ``orders`` sort by other things than time, ``glance`` and ``relevance`` look at images one by
  one, through ``words``; ``fts`` keeps the index, ``facts``, ``seeds`` and ``spacing`` say what is
  in it; ``images`` and ``snippets`` answer; ``browsing`` has the methods of ``counts``,
  ``completing``, ``facets`` and ``statistics``; ``patience`` ends what takes too long;
- keeping it sound, in use: ``care``, with ``check``, ``backup``, ``ballast``, ``aside`` (long
  reads) and ``rescue`` (a file that is gone); before it is opened: ``start``, with ``files``,
  ``replace``, and ``salvage`` by ``pages`` and ``mend``; by hand: ``offline``.
"""
