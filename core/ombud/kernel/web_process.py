"""The web process: uvicorn on a socket that the supervisor keeps open while this process is replaced."""

import socket
import sys

import uvicorn

from ombud.config import Config
from ombud.kernel.heartbeat import beat_task

DRAIN = 5  # seconds open requests get at the end


class _Server(uvicorn.Server):
    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        beat_task()
        await super().serve(sockets)


def serve_web(config: Config, app: str, descriptor: int) -> None:
    """Runs the app whose factory `app` names (`module:function`) until it is asked to stop."""
    settings = uvicorn.Config(
        app,
        factory=True,
        lifespan="on",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        log_level=config.log.level,
        timeout_graceful_shutdown=DRAIN,
    )
    server = _Server(settings)
    server.run(sockets=[socket.socket(fileno=descriptor)])
    if not server.started:
        sys.exit(1)
