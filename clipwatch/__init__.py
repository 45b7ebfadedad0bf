"""clipwatch: every AI picture in your folders, findable by its prompt.

The way of one image::

    watching/observer ─┐  hints (paths)
    watching/reconcile ┴─> watching/settle ──> pipeline/scan ──> embedded/*
                                                   │ one transaction: image + prompt or job
                                                   v
                                                 store  <── pipeline/interrogate ──> interrogators/*
                                                   │
                                       web (REST, gallery) · cli

Where to look: ``embedded`` what an image says; ``interrogators`` what a server says; ``watching``
which files exist and are finished; ``store`` what we know; ``pipeline`` what to do with it;
``web`` and ``cli`` showing it; ``assembly`` puts it together,
``serving`` answers, ``daemon`` runs it.
"""

__version__ = "0.1.0"
