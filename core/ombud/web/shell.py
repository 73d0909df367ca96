"""What every page shares: the rail, the reader's look, toasts, forms that are ours."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from litestar import Request, Response
from markupsafe import Markup

from ombud.desk import units
from ombud.kernel.lifecycle import running
from ombud.trust.policy import Viewer
from ombud.web import templating
from ombud.web.door import cookie, csrf_token, viewer_of
from ombud.web.places import places
from ombud.web.templating import Reader

LOOK_COOKIE = "ombud_look"
TOAST_COOKIE = "ombud_toast"
LANGUAGE_COOKIE = "ombud_language"
LANGUAGES = {"en": "English", "pl": "Polski"}
CHOICES = {
    "theme": ("auto", "light", "dark"),
    "density": ("standard", "compact", "comfortable"),
    "contrast": ("auto", "more"),
    "keys": ("on", "off"),
}

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
    Entry("queue", "Queue", "stack-2", "/queues", "case.read"),
    Entry("people", "People", "users", "/parties", "person.read"),
    Entry("look", "Needs a look", "inbox", "/intake", "intake.manage"),
)
ADMINISTRATION = Entry("administration", "Admin", "settings", "/administration", "")


def rail(viewer: Viewer) -> list[Entry]:
    """What this person may open: core's places, then the plugins', then the administration."""
    own = [
        Entry(f"p-{slug}-{item.path}", item.label, item.icon, f"/p/{slug}/{item.path.lstrip('/')}", item.permission)
        for slug, loaded in running.loaded.items()
        for item in loaded.navigation
        if item.permission
    ]
    open_to = [entry for entry in (*CORE, *own) if viewer.may(entry.permission)]
    return [*open_to, ADMINISTRATION] if places(viewer) else open_to


async def shell(request: Req, here: str = "") -> dict[str, Any]:
    """The `shell` of the layouts; one statement for the organisation's name, none for the rest."""
    unit = await units.first()
    viewer, look = viewer_of(request), looks(request)
    return {
        "language": language_of(request, viewer, unit.language),
        "organisation": unit.name,
        "home": "/",
        "theme": look["theme"],
        "density": look["density"],
        "contrast": look["contrast"],
        "single_keys": look["keys"] == "on",
        "user": {
            "name": viewer.name or "–",
            "role": ", ".join(viewer.roles),
            "email": "",
            "id": str(viewer.user_id or ""),
        },
        "nav": rail(viewer),
        "here": here,
        "toasts": toasts(request),
        "contact": f"Phone: {unit.phone}" if unit.phone else "",
        "links": [],
        "languages": [],
        "zone": unit.time_zone,
    }


def looks(request: Req) -> dict[str, str]:
    given = request.cookies.get(LOOK_COOKIE, "").split(".")
    pairs = zip(CHOICES.items(), [*given, *[""] * len(CHOICES)], strict=False)
    return {name: value if value in choices else choices[0] for (name, choices), value in pairs}


def language_of(request: Req, viewer: Viewer, usual: str) -> str:
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    return viewer.language if viewer.user_id else usual if usual in LANGUAGES else "en"


def toasts(request: Req) -> list[dict[str, Any]]:
    """What the page before wanted to say; shown once."""
    told = request.cookies.get(TOAST_COOKIE, "")
    if not told:
        return []
    try:
        text = json.loads(base64.urlsafe_b64decode(told.encode()))
    except (ValueError, binascii.Error):
        return []
    return [{"text": str(text)[:300], "icon": "check"}]


def toast_cookie(text: str) -> str:
    return cookie(TOAST_COOKIE, base64.urlsafe_b64encode(json.dumps(text).encode()).decode(), seconds=60)


def go(to: str, toast: str = "") -> Response[None]:
    """A redirect after a form (303), with a word about what was done."""
    answer: Response[None] = Response(None, status_code=303, headers={"location": to})
    if toast:
        answer.headers["set-cookie"] = toast_cookie(toast)
    return answer


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
    html = render(request, jinja or request.app.state.jinja, template, around, {"status": status, **context})
    answer = Response(html, media_type="text/html; charset=utf-8", status_code=status)
    if around["toasts"]:
        answer.headers["set-cookie"] = cookie(TOAST_COOKIE, "", seconds=0)
    return answer


def render(request: Req, jinja: Any, template: str, around: dict[str, Any], context: dict[str, Any]) -> str:
    token = csrf_token(request.scope)
    field = Markup('<input type="hidden" name="_csrf" value="{}">').format(token)
    reading = templating.reader.set(Reader(around["language"], around["zone"]))
    try:
        return str(jinja.get_template(template).render(shell=around, csrf_field=lambda: field, **context))
    finally:
        templating.reader.reset(reading)
