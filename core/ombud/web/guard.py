"""Every handler names its permission or says that it is public; who lacks it is refused. Default deny."""

from collections.abc import Iterable
from typing import Any

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers.base import BaseRouteHandler
from litestar.routes import BaseRoute

from ombud.process import settings
from ombud.trust.permissions import KEYS
from ombud.trust.sessions import SessionFound
from ombud.web.door import viewer_of
from ombud.web.throttled import keep_pace

SIGNED_IN = "signed-in"


class UnguardedError(RuntimeError):
    """A handler names no permission; core does not start, and a plugin with such a handler is unfit."""


class ConfirmFirstError(PermissionDeniedException):
    """A risky step, and the person showed the password too long ago."""


class EnrolFirstError(PermissionDeniedException):
    """The person's role needs a second factor that is not set up yet; nothing else is open to them."""


async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """App-level guard: asks the policy before any handler runs, then whether it is asked too often."""
    if not handler.opt.get("public"):
        _permitted(connection, handler)
    await keep_pace(connection, handler)


def _permitted(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    permission, viewer = handler.opt.get("permission"), viewer_of(connection)
    if viewer.user_id is None:
        raise NotAuthorizedException(
            "Sign in first. For the API, send a token in the header `Authorization: Bearer …`; make one at /me/tokens."
        )
    session: SessionFound | None = connection.scope.get("session")  # type: ignore[assignment]
    if session is not None and session.must_enrol and not handler.opt.get("enrolling"):
        raise EnrolFirstError("Your role needs a second factor. Set it up first, at /me/second-factor.")
    if permission != SIGNED_IN and (not permission or not viewer.may(str(permission))):
        raise PermissionDeniedException("Your roles do not allow this. Ask an administrator of this desk.")
    if handler.opt.get("confirm") and not (session and session.proved_within(settings().sign_in.confirm_minutes)):
        raise ConfirmFirstError(
            "This step asks for your password once more. Confirm that it is you, then do it again."
            if session
            else "This is done by a person in the browser. Sign in there; a token cannot do it."
        )


def check(app: Litestar, known: Iterable[str] = KEYS) -> None:
    """Raises UnguardedError for the first handler without a known permission or an explicit `public`."""
    allowed = {*known, SIGNED_IN}
    for route in app.routes:
        for handler in handlers_of(route):
            permission = handler.opt.get("permission")
            if handler.opt.get("public") is True or permission in allowed:
                continue
            problem = f"names the unknown permission {permission!r}" if permission else "names no permission"
            raise UnguardedError(
                f"{route.path}: the handler {handler.handler_name} {problem}; "
                'give it opt={"permission": "…"} or opt={"public": True}'
            )


def handlers_of(route: BaseRoute) -> list[BaseRouteHandler]:
    """The handlers of a route; Litestar's own OPTIONS answers carry no opt and are left out."""
    several = getattr(route, "route_handlers", None) or [getattr(route, "route_handler", None)]
    return [each for each in several if each is not None and not _is_options(each)]


def _is_options(handler: BaseRouteHandler) -> bool:
    return getattr(handler, "http_methods", None) == {"OPTIONS"}
