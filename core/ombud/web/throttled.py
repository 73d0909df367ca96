"""How often a page may be asked for: a handler names a `Pace`; forms of the public have one by themselves."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from ombud.process import settings
from ombud.trust import throttle
from ombud.web.door import SAFE, viewer_of

Connection = ASGIConnection[Any, Any, Any, Any]


@dataclass(frozen=True)
class Pace:
    """`opt={"throttle": Pace("export", 10, 60)}`: so many requests in so many minutes, per person, else per address.

    `safe`: reading counts too, as for a page that makes a large file.
    """

    name: str
    tries: int
    minutes: int
    safe: bool = False


def address_of(connection: Connection) -> str:
    """Where the request comes from; empty where the server does not know."""
    return connection.client.host if connection.client else ""


async def keep_pace(connection: Connection, handler: BaseRouteHandler) -> None:
    """Raises throttle.Throttled. Called by the guard, before the handler."""
    if handler.opt.get("counts_itself"):  # signing in; and a plugin's app, which asks with its own handler
        return
    reading = cast(Any, connection.scope)["method"] in SAFE
    pace = handler.opt.get("throttle")
    if isinstance(pace, Pace) and (pace.safe or not reading):
        await throttle.hit(f"pace/{pace.name}/{_who(connection)}", pace.tries, timedelta(minutes=pace.minutes))
    elif handler.opt.get("public") and not reading and viewer_of(connection).user_id is None and address_of(connection):
        await throttle.hit(f"forms/{_who(connection)}", settings().limits.forms_per_hour, timedelta(hours=1))


def _who(connection: Connection) -> str:
    user_id = viewer_of(connection).user_id
    return f"user/{user_id}" if user_id else throttle.network(address_of(connection))
