"""studio: a page on this machine with a form to improvise with."""

from __future__ import annotations

import signal
import sys
from typing import Annotated

import typer

__all__ = ["studio"]


def studio(
    port: Annotated[int, typer.Option(help="The port on 127.0.0.1; 0 takes a free one.")] = 8321,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open it in the web browser.")
    ] = True,
    time_limit: Annotated[
        float, typer.Option(help="Seconds after which a piece in the making is given up.")
    ] = 300.0,
) -> None:
    """Improvise in the web browser: nothing leaves this machine. Ctrl-C ends it.

    Example:
      music21-lstm studio

    """
    from music21_lstm.studio import serve

    def ready(address: str) -> None:
        typer.echo(f"the studio is at {address} (Ctrl-C ends it)", err=True)
        if open_browser:
            typer.launch(address)

    # Stopped by its parent it tidies up as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    serve(port=port, time_limit=time_limit, on_ready=ready)
