import os

from hypothesis import settings

# Machines that run tests are shared: how long an example takes says nothing. CI tries the same
# examples each time, so that it judges the change and not its luck; everybody else tries new ones.
settings.register_profile("clipwatch", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("clipwatch")
