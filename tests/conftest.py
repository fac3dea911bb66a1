"""Settings of all tests."""

from hypothesis import settings

settings.register_profile("steady", deadline=None)  # nothing is timed: machines are busy
settings.load_profile("steady")
