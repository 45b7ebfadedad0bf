"""What we know: the ``Store`` protocol in ``base``, kept in SQLite by ``sqlite``."""
