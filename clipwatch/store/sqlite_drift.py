"""How far an image's own prompt and the generated one are apart, kept beside them.

The measure itself is no matter of a store: whoever opens it hands one in.
"""

import sqlite3
from collections.abc import Callable, Collection

from clipwatch.store.sqlite_values import to_json

#: Of an embedded and a generated text, 0 to 1.
Measure = Callable[[str, str], float]

_REFRESH = """
UPDATE image SET drift = (SELECT drift_of(told.text, answered.text)
  FROM prompt AS told, prompt AS answered
  WHERE told.id = image.read_prompt AND told.type IN ('embedded', 'inherited')
    AND answered.id = image.generated_prompt)
WHERE seq IN (SELECT value FROM json_each(?))"""


def install(connection: sqlite3.Connection, measure: Measure | None) -> None:
    """Let the statements of this connection measure."""
    connection.create_function(
        "drift_of", 2, measure or (lambda told, answered: None), deterministic=True
    )


def refresh(connection: sqlite3.Connection, seqs: Collection[int]) -> None:
    """Measure these images anew; one that lacks one of both prompts has no drift."""
    if seqs:
        connection.execute(_REFRESH, (to_json(list(seqs)),))
