"""Who may speak to the studio: this machine's own pages, in requests of a bounded size.

A page from elsewhere could have its own name point to 127.0.0.1 (DNS rebinding) or post to it
(cross-site request forgery); both are told by the headers Host and Origin.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["BODY_LIMIT", "Guard"]

BODY_LIMIT = 6_000_000
"""Bytes of a request: an upload in base64, and the form."""

_PATIENCE = 30
"""Seconds in which a request has to have arrived."""

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"cache-control", b"no-store"),
)


class Guard:
    """An ASGI application that lets through to *app* what was sent from its own pages at *port*."""

    def __init__(self, app: ASGIApp, port: int, *, patience: float = _PATIENCE) -> None:
        self._app, self._patience = app, patience
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse in words."""
        if scope["type"] != "http":
            return
        refused = self._refused(scope)
        if refused is not None:
            with suppress(TimeoutError):
                await _body(receive, self._patience)
            await PlainTextResponse(refused, 403)(scope, receive, send)
            return
        try:
            body = await _body(receive, self._patience)
        except TimeoutError:
            text = (
                f"The request took longer than {self._patience:g} seconds to arrive; send it again."
            )
            await PlainTextResponse(text, 408)(scope, receive, send)
            return
        if body is None:
            text = f"The request is larger than {BODY_LIMIT // 10**6} MB; send a smaller file."
            await PlainTextResponse(text, 413)(scope, receive, send)
            return
        await self._app(scope, _replayed(body, receive), _with_headers(send))

    def _refused(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if host not in self._hosts:
            return f"The studio is not at {host!r}; open the address that it printed."
        if scope["method"] in ("GET", "HEAD"):
            return None
        if headers.get("origin", "") not in {f"http://{each}" for each in self._hosts}:
            return "Only the studio's own page may ask for this; open the address that it printed."
        return None


async def _body(receive: Receive, patience: float) -> bytes | None:
    """The body of a request; None if it is too large.

    What is too much is read on and dropped: cut off in the middle, a browser would show no answer.

    Raises TimeoutError if it has not arrived within *patience* seconds.
    """
    body = bytearray()
    too_large = False
    try:
        async with asyncio.timeout(patience):
            async for chunk in _chunks(receive):
                too_large = too_large or len(body) + len(chunk) > BODY_LIMIT
                if too_large:
                    body.clear()
                else:
                    body += chunk
    except TimeoutError:
        if not too_large:
            raise
    return None if too_large else bytes(body)


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return
        yield message.get("body", b"")
        if not message.get("more_body", False):
            return


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A channel that gives *body* at once, and then what else comes."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *_HEADERS]
        await send(message)

    return sending
