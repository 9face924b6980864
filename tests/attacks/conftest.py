"""What attacks are tried on: the web application over a real database and a real Temporal server."""

from tests.web.conftest import app, house, pages, temporal

__all__ = ["app", "house", "pages", "temporal"]
