"""Where one may go and what can be taken back, for the palette; it reads the actions of a page off the page itself."""

from datetime import timedelta
from typing import Any

from litestar import Request, Response, get

from ombud.desk.bulk import run as bulk_run
from ombud.desk.queue_side import queue_side
from ombud.speech import counted
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.guard import SIGNED_IN
from ombud.web.pages.inbox import VIEWS as INBOX
from ombud.web.pages.queue_lists import VIEWS, address
from ombud.web.places import places
from ombud.web.shell import rail

Req = Request[Any, Any, Any]
UNDO_FOR = timedelta(minutes=15)
TAKEN = {
    "take": "taking", "assign": "giving away", "release": "putting back", "queue": "moving", "priority": "the priority",
    "severity": "the severity", "change": "the change", "close": "closing", "reopen": "reopening",
    "confidential": "the confidentiality",
}  # fmt: skip


@get("/palette", opt={"permission": SIGNED_IN})
async def palette(request: Req) -> Response[Any]:
    """JSON: `items` with group, label, detail, href and icon; a `post` instead of an href is sent as a form."""
    viewer = viewer_of(request)
    items = [*await _undo(viewer), *_commands(viewer), *await _lists(viewer), *_places(viewer)]
    return Response({"items": items}, media_type="application/json")


def _item(group: str, label: str, href: str, icon: str, detail: str = "", keys: str = "") -> dict[str, str]:
    return {"group": group, "label": label, "href": href, "icon": icon, "detail": detail, "keys": keys}


async def _undo(viewer: Viewer) -> list[dict[str, str]]:
    last = await bulk_run.latest(viewer, UNDO_FOR)
    if last is None:
        return []
    what = TAKEN.get(last["action"], "the change")
    many = counted("%(what)s, one case", "%(what)s, %(num)s cases", last["cases"], what=what)
    item = _item("Actions", "Undo the last change", "", "arrow-back-up", many)
    return [{**item, "post": f"/undo/{last['id']}"}]


def _commands(viewer: Viewer) -> list[dict[str, str]]:
    found = [_item("Actions", "New case", "/cases/new", "plus")] if viewer.may("case.file") else []
    if viewer.may("inbox.read"):
        found += [
            _item("Go to", words, f"/inbox?show={code}", icon, "inbox") for code, words, icon in INBOX if code != "open"
        ]
    if viewer.may("inbox.review"):
        found.append(_item("Go to", "Decisions", "/inbox/decisions", "checklist", "inbox"))
    return found


async def _lists(viewer: Viewer) -> list[dict[str, str]]:
    if not viewer.may("case.read"):
        return []
    side = await queue_side(viewer)
    found = [_item("Go to", words, address(code), icon, "view") for code, (words, icon, _) in VIEWS.items()]
    found += [_item("Go to", line.name, address(line.key), "inbox", "queue") for line in side.lines]
    for view in side.views:
        found.append(_item("Go to", view.name, address(view.code), "bookmark", view.unit.name if view.unit else "mine"))
    return found


def _places(viewer: Viewer) -> list[dict[str, str]]:
    own = [
        _item("From plugins" if entry.code.startswith("p-") else "Go to", entry.label, entry.href, entry.icon)
        for entry in rail(viewer)
    ]
    own += [_item("Go to", place.label, place.href, place.icon, "administration") for place in places(viewer)]
    own.append(_item("Go to", "Keys", "/me/keys", "keyboard", "me"))
    own.append(_item("Go to", "Password", "/me/password", "lock", "me"))
    if viewer.may("token.own"):
        own.append(_item("Go to", "API tokens", "/me/tokens", "key", "me"))
    return own


handlers = [palette]
