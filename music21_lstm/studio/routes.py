"""The studio's addresses: the form, orders, how far they are, and what was made."""

from __future__ import annotations

import json
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from music21_lstm.errors import GenerationError
from music21_lstm.studio.form import form_page
from music21_lstm.studio.order import order_of
from music21_lstm.studio.workshop import Workshop

__all__ = ["application"]

# Whatever a piece carries, its page cannot reach the studio.
_SANDBOX = "sandbox allow-scripts allow-downloads; frame-ancestors 'self'"


def application(workshop: Workshop) -> Starlette:
    """The routes to *workshop*; whoever serves it puts a Guard before it."""
    routes = _Routes(workshop)
    return Starlette(
        routes=[
            Route("/", routes.form),
            Route("/pieces", routes.submit, methods=["POST"]),
            Route("/pieces/{name}", routes.state),
            Route("/pieces/{name}/page", routes.page),
        ]
    )


class _Routes:
    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop

    def form(self, _: Request) -> Response:
        """The studio's own page."""
        html, policy = form_page()
        return HTMLResponse(html, headers={"content-security-policy": policy})

    async def submit(self, request: Request) -> Response:
        """Take an order, or say why not."""
        try:
            data = json.loads(await request.body())
            if not isinstance(data, dict):
                raise GenerationError("what was sent is no form")
            job = self._workshop.submit(order_of(data))
        except GenerationError as error:
            return JSONResponse({"error": str(error)}, 400)
        except (ValueError, RecursionError):
            return JSONResponse({"error": "what was sent is no form"}, 400)
        return JSONResponse({"name": job.name}, 202)

    def state(self, request: Request) -> Response:
        """How far an order is."""
        job = self._workshop.find(request.path_params["name"])
        if job is None:
            return JSONResponse({"error": "this piece is not here any more"}, 404)
        told: dict[str, Any] = {"state": job.state, "stage": job.stage, "error": job.error}
        told["before"] = self._workshop.before(job) if job.state == "waiting" else 0
        if job.made is not None:
            told |= {"title": job.made.title, "seed": job.made.seed, "notes": job.made.notes}
            told["preset"] = job.made.preset
        return JSONResponse(told)

    def page(self, request: Request) -> Response:
        """What was made."""
        job = self._workshop.find(request.path_params["name"])
        if job is None or job.made is None:
            return HTMLResponse("This piece is not here any more.", 404)
        return FileResponse(
            self._workshop.folder / f"{job.name}.html",
            media_type="text/html",
            headers={"content-security-policy": _SANDBOX},
        )
