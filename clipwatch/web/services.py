"""What the handlers work with, and where they find it in the application."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from clipwatch.metrics import Metrics
from clipwatch.model import Clock
from clipwatch.pipeline.batch import Scans
from clipwatch.pipeline.bulk import Bulk
from clipwatch.pipeline.diagnosis import Diagnostician
from clipwatch.pipeline.health import Health
from clipwatch.pipeline.interrogate import Interrogations
from clipwatch.pipeline.thumbnails import Thumbnails
from clipwatch.settings import ServerSettings
from clipwatch.store.base import Store
from clipwatch.store.care import StoreCare


@dataclass(frozen=True, slots=True)
class Services:
    """The collaborators of every handler, built by the daemon."""

    store: Store
    scans: Scans
    bulk: Bulk
    interrogations: Interrogations
    health: Callable[[], Awaitable[Health]]
    metrics: Metrics
    clock: Clock
    diagnostician: Diagnostician
    thumbnails: Thumbnails
    care: StoreCare


SERVICES = web.AppKey("services", Services)
SETTINGS = web.AppKey("settings", ServerSettings)
