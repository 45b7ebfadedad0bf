"""Real HTTP servers on loopback that speak each protocol, and lie as the genuine ones do."""

from tests.servers.a1111 import FakeA1111
from tests.servers.fake import FakeServer, Seen
from tests.servers.generic import FakeGeneric

__all__ = ["FakeA1111", "FakeGeneric", "FakeServer", "Seen"]
