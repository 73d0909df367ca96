"""What every page shares: the rail, the reader's look, toasts, forms that are ours."""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any, cast

from litestar import Request, Response
from markupsafe import Markup

from ombud import speech
from ombud.desk import units
from ombud.kernel.lifecycle import running
from ombud.speech import LANGUAGES
from ombud.trust.policy import Viewer
from ombud.trust.sessions import SessionFound
from ombud.web import gpc, keys, templating
from ombud.web.door import chosen_language, cookie, cookie_of, csrf_token, viewer_of
from ombud.web.look import PREVIEW, look
from ombud.web.places import places
from ombud.web.templating import Reader

LOOK_COOKIE = "ombud_look"
TOAST_COOKIE = "ombud_toast"
CHOICES = {
    "theme": ("auto", "light", "dark"),
    "density": ("standard", "compact", "comfortable"),
    "contrast": ("auto", "more"),
    "keys": ("on", "off"),
}

# A cookie could be set by another site of the same domain: a toast sends nothing but these.
_UNDOES = re.compile(
    r"/undo/((merges|redress)/)?[0-9a-f-]{36}|/outgoing/[0-9a-f-]{36}/back|/views/[0-9a-f-]{36}/restore|/inbox/[0-9a-f-]{36}/undo"
)

Req = Request[Any, Any, Any]


@dataclass(frozen=True)
class Entry:
    """A place of the rail."""

    code: str
    label: str
    icon: str
    href: str
    permission: str
    count: int = 0


CORE = (
    Entry("inbox", "Inbox", "mail", "/inbox", "inbox.read"),
    Entry("queue", "Queue", "stack-2", "/queues", "case.read"),
    Entry("search", "Search", "search", "/search", "case.read"),
    Entry("outgoing", "Outgoing", "send", "/outgoing", "case.read"),
    Entry("redress", "Redress", "coin", "/redress", "case.decide"),
    Entry("payments", "Payments", "credit-card", "/payments", "payment.manage"),
    Entry("privacy", "Privacy", "shield-lock", "/privacy", "privacy.handle"),
    Entry("people", "People", "users", "/parties", "person.read"),
    Entry("returns", "Returns", "report", "/returns", "return.read"),
    Entry("deadlines", "Deadlines", "calendar-time", "/deadlines", "return.read"),
    Entry("look", "Needs a look", "inbox", "/intake", "intake.manage"),
)
NOTICES = Entry("notices", "Notices", "bell", "/me/notices", "")
ADMINISTRATION = Entry("administration", "Admin", "settings", "/administration", "")


def rail(viewer: Viewer) -> list[Entry]:
    """What this person may open: core's places, then the plugins', then the administration."""
    own = [
        Entry(f"p-{slug}-{item.path}", item.label, item.icon, f"/p/{slug}/{item.path.lstrip('/')}", item.permission)
        for slug, loaded in running.loaded.items()
        for item in loaded.navigation
        if item.permission and not item.sets_up
    ]
    open_to = [entry for entry in (*CORE, *own) if viewer.may(entry.permission)]
    mine = [*open_to, NOTICES] if viewer.user_id else open_to
    return [*mine, ADMINISTRATION] if places(viewer) else mine


def place_of(slug: str, path: str) -> str:
    """The code of the rail's entry under which a page of a plugin stands; empty where it is under none."""
    loaded = running.loaded.get(slug)
    item = next((each for each in loaded.navigation if each.path == path), None) if loaded and path else None
    if item is not None and item.sets_up:
        return ADMINISTRATION.code
    return f"p-{slug}-{path}" if path else ""


async def shell(request: Req, here: str = "") -> dict[str, Any]:
    """The `shell` of the layouts; the organisation came with the session, else it is one statement."""
    session = cast(SessionFound | None, request.scope.get("session"))
    unit = (session and session.house) or await units.first()
    viewer, look = viewer_of(request), looks(request)
    return {
        "language": language_of(request, viewer, unit.language),
        "organisation": unit.name,
        "home": "/",
        "theme": look["theme"],
        "density": look["density"],
        "contrast": look["contrast"],
        "single_keys": look["keys"] == "on",
        "keysheet": keys.sheet(viewer.keys) if viewer.user_id else (),
        "user": {
            "name": viewer.name or "–",
            "role": speech.joined(map(speech.word, viewer.roles)),
            "email": "",
            "id": str(viewer.user_id or ""),
        },
        "nav": tuple(rail(viewer)),
        "here": here,
        "toasts": toasts(request),
        "contact": speech.sentence("Phone: %(number)s", number=unit.phone) if unit.phone else "",
        "links": [],
        "languages": [],
        "signal": gpc.opted_out(request) is not None,
        "zone": unit.time_zone,
    }


def looks(request: Req) -> dict[str, str]:
    given = cookie_of(request, LOOK_COOKIE).split(".")
    pairs = zip(CHOICES.items(), [*given, *[""] * len(CHOICES)], strict=False)
    return {name: value if value in choices else choices[0] for (name, choices), value in pairs}


def language_of(request: Req, viewer: Viewer, usual: str) -> str:
    return chosen_language(request) or (viewer.language if viewer.user_id else usual if usual in LANGUAGES else "en")


def toasts(request: Req) -> list[dict[str, Any]]:
    """What the page before wanted to say, and how to take it back; shown once."""
    told = cookie_of(request, TOAST_COOKIE)
    if not told:
        return []
    try:
        said = json.loads(base64.urlsafe_b64decode(f"{told}=="))
    except (ValueError, binascii.Error):
        return []
    text, undo = (said.get("text", ""), str(said.get("undo", ""))) if isinstance(said, dict) else (said, "")
    back = {"action": undo, "fields": {}} if _UNDOES.fullmatch(undo) else None
    return [{"text": str(text)[:300], "icon": "check", "undo": back}]


def toast_cookie(text: str, undo: str = "") -> str:
    """`undo`: the address that takes it back, under /undo/, /views/ or /inbox/."""
    words = speech.spoken(text)
    said = json.dumps({"text": words, "undo": undo} if undo else words)
    packed = base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")  # a cookie with = in it comes back in quotes
    return cookie(TOAST_COOKIE, packed, seconds=60)


def go(to: str, toast: str = "", undo: str = "") -> Response[None]:
    """A redirect after a form (303), with a word about what was done and the address that takes it back."""
    answer: Response[None] = Response(None, status_code=303, headers={"location": to})
    if toast:
        answer.headers["set-cookie"] = toast_cookie(toast, undo)
    return answer


def undo_address(bulk_id: object) -> str:
    """Where a change that desk/undo.py keeps is taken back; empty where nothing is kept."""
    return f"/undo/{bulk_id}" if bulk_id else ""


async def page(
    request: Req,
    template: str,
    *,
    here: str = "",
    status: int = 200,
    jinja: Any = None,
    home: str = "/",
    **context: Any,
) -> Response[str]:
    """Renders a template with the shell around it. `jinja`: a plugin's environment, by default core's."""
    around = await shell(request, here)
    around["home"] = home
    used = jinja or look.shown_to(viewer_of(request), request.query_params.get(PREVIEW, ""))
    html = render(request, used, template, around, {"status": status, **context})
    answer = Response(html, media_type="text/html; charset=utf-8", status_code=status)
    if around["signal"]:
        await gpc.honour(request, answer)
    if around["toasts"]:
        answer.headers["set-cookie"] = cookie(TOAST_COOKIE, "", seconds=0)
    return answer


def render(request: Req, jinja: Any, template: str, around: dict[str, Any], context: dict[str, Any]) -> str:
    """A theme's template that fails while it is drawn costs its look and not the page."""
    token = csrf_token(request.scope)
    field = Markup('<input type="hidden" name="_csrf" value="{}">').format(token)
    values = {"shell": around, "csrf_field": lambda: field, **context}
    reading = templating.reader.set(Reader(around["language"], around["zone"]))
    try:
        return str(jinja.get_template(template).render(values))
    except Exception as problem:
        if getattr(jinja, "untouched", None) is None:
            raise
        html = str(jinja.untouched.get_template(template).render(values))
        look.spoilt(template, problem)
        return html
    finally:
        templating.reader.reset(reading)
