"""The web process: uvicorn on a socket that the supervisor keeps open while this process is replaced."""

import asyncio
import socket
import sys

import uvicorn

from ombud.config import Config
from ombud.kernel import starting
from ombud.kernel.heartbeat import beat_task, pulse
from ombud.kernel.leaving import leave

DRAIN = 5  # seconds open requests get at the end
ACCEPTED = 0.3  # seconds a connection accepted a moment ago gets to send its request


class _Server(uvicorn.Server):
    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        beat_task()
        await super().serve(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        starting.begun()
        if not self.should_exit:
            pulse().say_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stops accepting, then lets those already accepted say what they came for before anything is closed."""
        for server in self.servers:
            server.close()
        leave()
        await asyncio.sleep(ACCEPTED)
        await super().shutdown(sockets)


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
        proxy_headers=False,  # the app believes the proxies that its settings name, no others
        log_level=config.log.level,
        timeout_graceful_shutdown=DRAIN,
    )
    server = _Server(settings)
    server.run(sockets=[socket.socket(fileno=descriptor)])
    if not server.started:
        sys.exit(1)
