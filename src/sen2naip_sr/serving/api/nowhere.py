"""Paths of the API that lead nowhere. Without this, they would be the page's."""

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Receive, Scope, Send


class Nowhere:
    """Refuses what no route of the API takes: an unknown path, or a method."""

    def __init__(self, app: FastAPI) -> None:
        self._routes = list(app.router.routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request."""
        for route in self._routes:
            match, child = route.matches(scope)
            if match == Match.PARTIAL:
                # the route refuses the method itself, and says which it takes
                scope.update(child)
                await route.handle(scope, receive, send)
                return
        raise HTTPException(404)
