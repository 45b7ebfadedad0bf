"""Showing it: REST, and the gallery.

Where to look: a resource is a module of its name, and ``app`` is the table of its routes.
``asking`` and ``incoming`` are what enters, ``wire`` and ``wire_*`` what leaves, ``replies`` and
``problems`` how; ``middleware`` and ``admission`` are what every request passes through;
``services`` is what handlers work with, ``listening`` the sockets.
"""
