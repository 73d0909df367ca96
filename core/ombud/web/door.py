"""The door of every request: who asks (session or token), and is the form ours (CSRF)."""

import re
import secrets
from collections.abc import MutableMapping
from dataclasses import dataclass, replace
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any, cast

from litestar import Request, Response
from litestar._parsers import parse_url_encoded_form_data
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie, FormMultiDict, MutableScopeHeaders
from litestar.enums import RequestEncodingType, ScopeType
from litestar.exceptions import ClientException, NotAuthorizedException, PermissionDeniedException
from litestar.types import ASGIApp, Empty, Message, Receive, Scope, Send

from ombud.process import settings
from ombud.speech import LANGUAGES, reading
from ombud.trust import sessions, throttle
from ombud.trust.policy import ANONYMOUS, Viewer
from ombud.trust.sessions import SessionFound
from ombud.trust.viewers import viewer_of_session, viewer_of_token
from ombud.web.arrival import CACHED

SESSION_COOKIE = "ombud_session"
VISIT_COOKIE = "ombud_visit"
LANGUAGE_COOKIE = "ombud_language"  # plugins read it under this name
CSRF_FIELD = "_csrf"
CSRF_HEADER = "x-csrf-token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

TOKEN_TRIES = 60  # unknown tokens of one address in a quarter of an hour


class FormTooOldError(PermissionDeniedException):
    """The form's token does not fit this browser or session; what was typed is shown again, to be copied."""


@dataclass
class Visit:
    """The random cookie that ties public forms to a browser; one object, also seen by mounted apps."""

    secret: str
    fresh: bool = False

    def known(self) -> str:
        """The secret, made at the first need."""
        if not self.secret:
            self.secret, self.fresh = secrets.token_urlsafe(18), True
        return self.secret


def door(app: ASGIApp) -> ASGIApp:
    """App-level middleware: resolves the viewer and refuses writes whose form is not ours."""

    async def through(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["path"].startswith(CACHED) or scope["path"] == "/health":
            await app(scope, receive, send)
            return
        request = _AtTheDoor(scope, receive, send)
        machine = _MACHINES.match(scope["path"]) is not None
        bearer = machine if machine else await _identify(request)
        if machine:
            _nobody(scope)
        stranger = scope["path"].startswith("/api/") and cast(Any, scope)["session"] is None
        if scope["method"] not in SAFE and not bearer and not stranger:  # the API's guard refuses strangers with 401
            await _check_form(request)
        with reading(*_reader(request)):
            await app(scope, receive, _with_visit(scope, send))

    return through


class _AtTheDoor(Request[Any, Any, Any]):
    """Reads the form before the handler does; what was read stays in the scope for it."""

    async def form(self) -> FormMultiDict:
        """Litestar remembers the last 1,024 URL-encoded bodies, passwords and complaints among them; this does not."""
        if self.content_type[0] == RequestEncodingType.URL_ENCODED and self._connection_state.form is Empty:
            self._connection_state.form = parse_url_encoded_form_data.__wrapped__(await self.body())  # type: ignore[assignment]
        return await super().form()


# Where machines outside send to a plugin or to core: whoever asks there is nobody, cookies and tokens count for
# nothing, and so no form field is asked for that only a page of ours could have. Its handlers are public, or refuse
# everybody.
_MACHINES = re.compile(r"(/p/[a-z][a-z0-9-]*)?/hook/")


def _nobody(scope: Scope) -> None:
    state = cast(MutableMapping[str, Any], scope)
    state["viewer"], state["session"], state["visit"] = ANONYMOUS, None, Visit("")


def _reader(request: Request[Any, Any, Any]) -> tuple[str, str]:
    """Language and time zone of whoever is signed in, so that what a handler says is theirs; a page for others finds
    out as it is drawn. What programs are answered is English."""
    session: SessionFound | None = cast(Any, request.scope)["session"]
    if request.scope["path"].startswith("/api/"):
        return "en", "UTC"
    if session is None:
        return chosen_language(request) or "en", "UTC"
    viewer: Viewer = cast(Any, request.scope)["viewer"]
    zone = session.house.time_zone if session.house is not None else "UTC"
    return viewer.language or "en", zone


def chosen_language(request: Request[Any, Any, Any]) -> str:
    """What was chosen on a page itself, in this browser; empty where nothing was."""
    chosen = cookie_of(request, LANGUAGE_COOKIE)
    return chosen if chosen in LANGUAGES else ""


async def _identify(request: Request[Any, Any, Any]) -> bool:
    """Puts viewer, session and visit into the scope; True if a token spoke (and no form needs a CSRF field)."""
    state: MutableMapping[str, Any] = request.scope  # type: ignore[assignment]
    state["viewer"], state["session"] = ANONYMOUS, None
    state["visit"] = Visit(cookie_of(request, VISIT_COOKIE)[:100])
    authorization = request.headers.get("authorization", "")
    if authorization:
        kind, _, plain = authorization.partition(" ")
        viewer = await viewer_of_token(plain.strip()) if kind.lower() == "bearer" else None
        if viewer is None:
            await _count_bad_token(request)
            raise NotAuthorizedException("The token is unknown, expired or revoked. Make a new one and send it again.")
        state["viewer"] = viewer
        return True
    secret = cookie_of(request, SESSION_COOKIE)
    if secret:
        rules = settings().sign_in
        used = not request.scope["path"].startswith("/live")  # asked by the page, not by the person in front of it
        found = await viewer_of_session(secret, rules.idle_minutes, rules.second_factor_roles, used=used)
        if found is not None:
            viewer, state["session"] = found
            chosen = chosen_language(request)
            state["viewer"] = replace(viewer, language=chosen) if chosen else viewer
    return False


async def _count_bad_token(request: Request[Any, Any, Any]) -> None:
    """A token that holds is never refused for the wrong ones of its neighbours."""
    if request.client:
        key = f"token/{throttle.network(request.client.host)}"
        await throttle.hit(key, TOKEN_TRIES, timedelta(minutes=15))


async def _check_form(request: Request[Any, Any, Any]) -> None:
    given = request.headers.get(CSRF_HEADER, "")
    kind = request.headers.get("content-type", "")
    if not given and kind.startswith(("application/x-www-form-urlencoded", "multipart/form-data")):
        try:
            given = str((await request.form()).get(CSRF_FIELD, ""))
        except (UnicodeDecodeError, LookupError) as problem:  # Litestar lets them through for multipart
            raise ClientException(
                "The form holds characters that are not UTF-8. Type them again and send it."
            ) from problem
    session: SessionFound | None = cast(Any, request.scope)["session"]
    if session is not None:
        right = session.csrf_ok(given)
    else:
        right = sessions.csrf_ok(cast(Any, request.scope)["visit"].secret, given)
    if not right:
        raise FormTooOldError(
            "This form is too old, or was not opened here. Open the page again and send it once more."
        )


def csrf_token(scope: Any) -> str:
    """The token for forms of this answer; makes a visit where the browser has none yet."""
    session: SessionFound | None = scope.get("session")
    if session is not None:
        return session.csrf
    visit: Visit = scope.get("visit") or Visit("")
    return sessions.csrf_for(visit.known())


def _with_visit(scope: Scope, send: Send) -> Send:
    async def sending(message: Message) -> None:
        visit: Visit = cast(Any, scope)["visit"]
        if visit.fresh and message["type"] == "http.response.start":
            MutableScopeHeaders(message).add("set-cookie", cookie(VISIT_COOKIE, visit.secret))
        await send(message)

    return sending


def cookie(name: str, value: str, *, seconds: int | None = None, readable: bool = False) -> str:
    """A Set-Cookie line: for this site alone, over https alone where the desk is served so."""
    jar: SimpleCookie = SimpleCookie()
    name = name_of(name)
    jar[name] = value
    morsel = jar[name]
    morsel["path"], morsel["samesite"] = "/", "Lax"
    morsel["httponly"] = not readable
    morsel["secure"] = settings().server.cookies_are_secure
    if seconds is not None:
        morsel["max-age"] = str(seconds)
    return morsel.OutputString()


def put_cookie(answer: Response[Any], name: str, value: str, seconds: int | None = None) -> None:
    """Adds a cookie to an answer that may carry others; `seconds` 0 takes it away, None ends it with the browser."""
    answer.cookies.append(
        Cookie(
            key=name_of(name),
            value=value,
            path="/",
            max_age=seconds,
            httponly=True,
            samesite="lax",
            secure=settings().server.cookies_are_secure,
        )
    )


def name_of(name: str) -> str:
    """The cookie's name in the browser. `__Host-`: no neighbour on the same domain can plant it."""
    return f"__Host-{name}" if settings().server.cookies_are_secure and name != LANGUAGE_COOKIE else name


def cookie_of(request: Request[Any, Any, Any], name: str) -> str:
    """What the browser brought under a name that `cookie` wrote; empty where it brought nothing."""
    return request.cookies.get(name_of(name), "")


def viewer_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Viewer:
    """Who asks; anonymous where the door was not passed."""
    viewer: Viewer = connection.scope.get("viewer", ANONYMOUS)  # type: ignore[assignment]
    return viewer
