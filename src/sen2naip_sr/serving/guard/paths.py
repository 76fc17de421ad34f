"""Whose path is which."""

from collections.abc import Iterable

from starlette.types import Scope

HEALTH = ("/healthz", "/readyz")
OPEN = (*HEALTH, "/login")
"""Paths that need no token."""

API = ("/v1", "/metrics")
"""Paths of programs, which send the token with every request."""


def own_path(scope: Scope) -> str:
    """Return a request's path without the one under which a proxy serves the application."""
    path, root = scope["path"], scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def is_below(path: str, roots: Iterable[str]) -> bool:
    """Return whether a path is one of others, or below it."""
    return any(path == root or path.startswith(f"{root}/") for root in roots)
