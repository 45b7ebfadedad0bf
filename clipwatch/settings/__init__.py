"""Everything that can be set, read once: command line, environment, file, default, in this order.

The four variables that existing installations use are ``STABLE_DIFFUSION_BASE_URL``, or
``STABLE_DIFFUSION_API_URL`` where the first is unset or empty, ``CLIP_TIMEOUT_SECS`` and
``CLIP_ENABLED``. Everything else is ``CLIPWATCH_<SECTION>__<KEY>``; the token may also be the
systemd credential ``api-token``.

Where to look: ``sections`` and ``backends`` what can be set, and what must hold of it;
``origins`` where each value was given; ``loading`` puts that together and says what is wrong.
"""

from clipwatch.settings.backends import BackendSettings
from clipwatch.settings.base import Section
from clipwatch.settings.loading import backend_at, described, load
from clipwatch.settings.sections import (
    ClipSettings,
    CourtesySettings,
    LogSettings,
    RootSettings,
    ServerSettings,
    Settings,
    StoreSettings,
    WatchingSettings,
    is_loopback,
)

__all__ = [
    "BackendSettings",
    "ClipSettings",
    "CourtesySettings",
    "LogSettings",
    "RootSettings",
    "Section",
    "ServerSettings",
    "Settings",
    "StoreSettings",
    "WatchingSettings",
    "backend_at",
    "described",
    "is_loopback",
    "load",
]
