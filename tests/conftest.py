import os
import ssl

import pytest
import trustme
from hypothesis import HealthCheck, settings

# Machines that run tests are shared: how long an example takes says nothing. CI tries the same
# examples each time, so that it judges the change and not its luck; everybody else tries new ones.
settings.register_profile(
    "clipwatch",
    max_examples=50,
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("clipwatch")


@pytest.fixture(scope="session")
def certificate() -> ssl.SSLContext:
    """For a server on loopback, signed by nobody whom this machine trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context
