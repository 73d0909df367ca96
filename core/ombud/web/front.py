"""The public front: two stable doors that lead to whichever plugin serves them, and files for the browser."""

import mimetypes
from pathlib import Path
from typing import Any

from babel import Locale
from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.response import File

from ombud.desk import customers
from ombud.desk.privacy import signals
from ombud.kernel.database import db
from ombud.kernel.lifecycle import running
from ombud.kernel.plugins import Loaded
from ombud.speech import joined, sentence, word
from ombud.trust import links
from ombud.web import assets, gpc
from ombud.web.look import look
from ombud.web.shell import go, page
from ombud.web.templating import reader
from ombud.web.themes import ThemeError

PUBLIC = {"public": True}
YEAR = 31_536_000


@get("/health", opt=PUBLIC)
async def health() -> Response[str]:
    """Answers 200 while web and database work."""
    await db.fetchval("SELECT 1")
    return Response("ok", media_type="text/plain")


@get("/", opt=PUBLIC)
async def front(request: Request[Any, Any, Any]) -> Response[Any]:
    """The landing page with the doors that plugins serve."""
    doors = [
        {"href": "/complain", "icon": "message-report", "title": "Make a complaint",
         "text": "Tell us what went wrong. You get a case number at once."},
        {"href": "/track", "icon": "route", "title": "Follow my complaint",
         "text": "Use the link from our message to see how it stands."},
        {"href": "/your-data", "icon": "shield-lock", "title": "Ask about your data",
         "text": "See it, correct it, have it erased, or object to what is done with it."},
    ]  # fmt: skip
    served = [each for each in doors if _doors(_LEADS[each["href"]])]
    return await page(request, "pages/front.html", doors=served, sign_in="/sign-in")


@get("/complain", opt=PUBLIC)
async def complain(request: Request[Any, Any, Any]) -> Response[Any]:
    """The public form of whichever plugin serves it."""
    there = _door("file")
    return go(there) if there else await _no_door(request, "Complaints cannot be sent here yet")


@get("/track", opt=PUBLIC)
async def track_start(request: Request[Any, Any, Any]) -> Response[Any]:
    """For those who come without their link."""
    there = _door("track")
    return go(there.split("{token}")[0]) if there else await _no_door(request, "Complaints cannot be followed here yet")


@get("/track/{token:str}", opt=PUBLIC)
async def track(request: Request[Any, Any, Any], token: str) -> Response[Any]:
    """The page of one complaint; without a plugin that shows it, what core itself can say."""
    there = _door("track")
    if there is not None:
        return go(there.replace("{token}", token))
    case = await customers.follow(token)
    if (secret := gpc.opted_out(request)) is not None:
        await signals.of_person((await links.read(token)).person_id, secret)
    what = sentence(
        "We have your complaint %(reference)s. Keep this reference and call us if you want to know more.",
        reference=case.reference,
    )
    return await page(
        request, "pages/error.html", title="We have your complaint", what=what, safe="", number="",
        ways=[{"label": "Start page", "href": "/", "main": True}],
    )  # fmt: skip


@get("/your-data", opt=PUBLIC)
async def your_data(request: Request[Any, Any, Any]) -> Response[Any]:
    """The form for requests about personal data; where laws of several plugins hold, a choice of them."""
    found = _doors("rights")
    if len(found) == 1:
        return go(found[0][1])
    if not found:
        return await _no_door(request, "Requests about your data cannot be sent here yet")
    doors = [
        {"href": there, "icon": "shield-lock", "title": loaded.manifest.name, "text": _laws(loaded)}
        for loaded, there in found
    ]
    return await page(request, "pages/front_data.html", doors=doors)


def _laws(loaded: Loaded) -> str:
    """Where each law holds, as people say it: nobody knows a law of theirs by its letters. A part of a country stands
    in the law's own name."""
    named = Locale.parse(reader.get().language).territories
    told = []
    for law in loaded.rights:
        where = ", ".join(named[each] for each in law.places if each in named)
        told.append(joined((where, " (", word(law.label), ")"), "") if where else word(law.label))
    return joined(told, "; ")


_LEADS = {"/complain": "file", "/track": "track", "/your-data": "rights"}


def _doors(name: str) -> list[tuple[Loaded, str]]:
    """The plugins that run and serve this door, and where."""
    return [
        (loaded, f"/p/{slug}/{loaded.manifest.doors[name].lstrip('/')}")
        for slug, loaded in running.loaded.items()
        if name in loaded.manifest.doors
    ]


def _door(name: str) -> str | None:
    """Where a plugin that runs serves this door."""
    found = _doors(name)
    return found[0][1] if found else None


async def _no_door(request: Request[Any, Any, Any], title: str) -> Response[Any]:
    return await page(
        request, "pages/error.html", status=404, title=title, number="", safe="",
        what="This organisation has not opened this way. Call or write to us; it counts the same.",
        ways=[{"label": "Start page", "href": "/", "main": True}],
    )  # fmt: skip


@get("/.well-known/gpc.json", opt=PUBLIC)
async def gpc_support() -> Response[Any]:
    """Says to browsers that Global Privacy Control is honoured here, where a law that is turned on asks for it."""
    found = await signals.support()
    if found is None:
        raise NotFoundException
    return Response(found, media_type="application/json")


@get("/static/{name:str}", opt=PUBLIC)
async def static(name: str) -> File:
    """A composed front-end file; its name carries a hash of its content, so it never changes."""
    return _file(assets.BUILT_DIR, name, f"public, max-age={YEAR}, immutable")


@get("/themes/{theme:str}/{name:path}", opt=PUBLIC)
async def theme_file(theme: str, name: str) -> File:
    """A file of an installed theme; of one that is not in force, for its preview."""
    try:
        used, _ = look.named(theme)
    except ThemeError:
        raise NotFoundException from None
    return _file(used.static, name.lstrip("/"), f"public, max-age={YEAR}")


def _file(folder: Path, name: str, caching: str) -> File:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file() or path.name == "manifest.json":
        raise NotFoundException
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if path.suffix == ".woff2":
        kind = "font/woff2"
    return File(path, media_type=kind, content_disposition_type="inline", headers={"cache-control": caching})


handlers = [health, front, complain, track_start, track, your_data, gpc_support, static, theme_file]
