"""The world of tests/web, for tests of the door."""

from tests.web.conftest import still, world  # noqa: F401
