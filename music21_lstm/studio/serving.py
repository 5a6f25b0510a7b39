"""The studio as a small server on this machine."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

from music21_lstm.errors import Music21LstmError

__all__ = ["serve"]

_HOST = "127.0.0.1"


def serve(
    *,
    port: int = 8321,
    time_limit: float = 300,
    longest_queue: int = 8,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve the studio at 127.0.0.1 until it is interrupted; *on_ready* is told its address.

    *port* 0 takes a free one. Raises :class:`~music21_lstm.errors.Music21LstmError` if the extra
    ``studio`` is not installed, or if the port is taken.
    """
    try:
        import uvicorn

        from music21_lstm.studio.guard import Guard
        from music21_lstm.studio.routes import application
    except ImportError:
        raise Music21LstmError(
            "the studio needs starlette and uvicorn; pip install 'music21-lstm[studio]'"
        ) from None
    from music21_lstm.studio.workshop import Workshop

    bound = _bound(port)
    own_port = bound.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="music21-lstm-studio-") as folder, bound:
        workshop = Workshop(Path(folder), time_limit=time_limit, longest_queue=longest_queue)
        app = Guard(application(workshop), own_port)
        config = uvicorn.Config(app, log_level="warning", lifespan="off", limit_concurrency=64)
        if on_ready is not None:
            bound.listen()
            on_ready(f"http://{_HOST}:{own_port}")
        try:
            uvicorn.Server(config).run(sockets=[bound])
        except KeyboardInterrupt:
            pass
        finally:
            workshop.close()


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((_HOST, port))
    except (OSError, OverflowError) as error:
        bound.close()
        reason = getattr(error, "strerror", None) or error
        raise Music21LstmError(
            f"port {port} cannot be had ({reason}); choose another with --port, 0 for a free one"
        ) from None
    return bound
