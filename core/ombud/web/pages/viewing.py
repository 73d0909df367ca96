"""Who looked at which case, for compliance; and for everybody, why they see a case and not all of it."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

from litestar import Request, Response, get
from litestar.response import Stream

from ombud.desk.errors import Invalid
from ombud.desk.viewing import record
from ombud.desk.viewing.explaining import Given, Part, Why, why_seen
from ombud.desk.viewing.record import RIGHT, Looked, Sought
from ombud.kernel.lifecycle import running
from ombud.speech import word
from ombud.trust import viewing
from ombud.trust.policy import Viewer
from ombud.web.door import viewer_of
from ombud.web.pages.administration import administration_page
from ombud.web.shell import page
from ombud.web.viewed import PARTS, PLUGIN

Req = Request[Any, Any, Any]
READ = {"permission": RIGHT}
HERE = "/administration/viewing"
FIELDS = {
    "name": "Names of people", "customer": "The customer's name", "email": "E-mail addresses",
    "phone": "Phone numbers", "postcode": "Postcodes", "address": "Addresses", "support_needs": "Support needs",
}  # fmt: skip


@get("/cases/{reference:str}/viewers", opt=READ)
async def of_case(request: Req, reference: str, after: str = "") -> Response[Any]:
    """Who looked at this case; that it was read is in the ledger."""
    viewer = viewer_of(request)
    case = await record.of_case(viewer, reference)
    await viewing.held.write()  # what this process saw a moment ago belongs to it
    sought = Sought(case=case)
    found, more = await record.lines(viewer, sought, after)
    await record.was_read(viewer, sought)
    href = f"/cases/{quote(case.reference, safe='')}"
    return await page(
        request, "pages/viewers.html", here="queue", reference=case.reference, href=href,
        lines=[_drawn(each) for each in found], csv_href=f"{href}/viewers.csv",
        next_href=f"{href}/viewers?{urlencode({'after': more})}" if more else "",
    )  # fmt: skip


@get("/cases/{reference:str}/viewers.csv", opt=READ)
async def of_case_csv(request: Req, reference: str) -> Stream:
    viewer = viewer_of(request)
    case = await record.of_case(viewer, reference)
    return await _table(viewer, Sought(case=case), f"viewers-{case.reference}.csv")


@get(HERE, opt=READ)
async def of_people(request: Req, person: str = "", since: str = "", until: str = "", after: str = "") -> Response[Any]:
    """What one member of staff, or everybody, looked at between two days."""
    viewer, error_of = viewer_of(request), {}
    await viewing.held.write()
    found: list[Looked] = []
    more, asked = "", {"person": person[:40], "since": since[:10], "until": until[:10]}
    try:
        sought = await _sought(viewer, person, since, until)
        found, more = await record.lines(viewer, sought, after)
        await record.was_read(viewer, sought)
    except Invalid as problem:
        error_of = {problem.field: str(problem)}
    query = {name: value for name, value in asked.items() if value}
    return await administration_page(
        request, "pages/viewing.html", "viewing", status=422 if error_of else 200, asked=asked, error_of=error_of,
        people=[(str(each.id), each.name) for each in await record.people(viewer)],
        lines=[_drawn(each) for each in found], csv_href=f"{HERE}/views.csv?{urlencode(query)}",
        next_href=f"{HERE}?{urlencode({**query, 'after': more})}" if more else "",
    )  # fmt: skip


@get(f"{HERE}/views.csv", opt=READ)
async def of_people_csv(request: Req, person: str = "", since: str = "", until: str = "") -> Stream | Response[Any]:
    viewer = viewer_of(request)
    sought = await _sought(viewer, person, since, until)
    return await _table(viewer, sought, "views.csv")


async def _sought(viewer: Viewer, person: str, since: str, until: str) -> Sought:
    return Sought(None, await _person(viewer, person), _day(since, "since"), _day(until, "until"))


async def _person(viewer: Viewer, text: str) -> UUID | None:
    if not text.strip():
        return None
    try:
        return (await record.person(viewer, UUID(text.strip()))).id
    except ValueError:
        raise Invalid("Choose one of the list.", "person") from None


def _day(text: str, name: str) -> date | None:
    try:
        day = date.fromisoformat(text.strip()) if text.strip() else None
    except ValueError:
        raise Invalid("This is not a date. Write it like 2026-11-23.", name) from None
    if day is not None and not 1970 <= day.year <= 2998:
        raise Invalid("This day lies outside what the desk can hold.", name)
    return day


async def _table(viewer: Viewer, sought: Sought, name: str) -> Stream:
    await viewing.held.write()
    await record.was_read(viewer, sought, taken=True)
    return Stream(
        record.table(viewer, sought, {**PARTS, **_of_plugins()}),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


def _of_plugins() -> Mapping[str, str]:
    return {f"{PLUGIN}{slug}": word(loaded.manifest.name) for slug, loaded in running.loaded.items()}


def _drawn(each: Looked) -> dict[str, Any]:
    return {
        "who": each.who.name, "person": str(each.who.id), "program": each.program, "token": each.token,
        "reference": each.reference, "href": f"/cases/{quote(each.reference, safe='')}",
        "part": PARTS.get(each.part) or _of_plugins().get(each.part) or each.part.removeprefix(PLUGIN),
        "emergency": each.emergency, "first_at": each.first_at, "last_at": each.last_at, "times": each.times,
    }  # fmt: skip


@get("/cases/{reference:str}/access", opt={"permission": "case.read"})
async def why(request: Req, reference: str) -> Response[Any]:
    """By what this person sees the case, and why some fields of it are not shown."""
    found = await why_seen(viewer_of(request), reference)
    return await page(
        request, "pages/case_access.html", here="queue", reference=found.reference,
        href=f"/cases/{quote(found.reference, safe='')}", unit=found.unit.name, ways=_ways(found),
        fields=[_field(each) for each in found.fields], masked=found.masked, program=found.program,
    )  # fmt: skip


def _ways(found: Why) -> list[dict[str, Any]]:
    reads, secret = _roles(found.reads), _roles(found.secret)
    said: dict[str, dict[str, Any]] = {
        "unit": {"icon": "users", "text": "Your role shows you the cases of this unit.", "roles": reads},
        "confidential": {"icon": "shield-lock", "text": "Your role shows you confidential cases of this unit.",
                         "roles": secret},
        "owner": {"icon": "user", "text": "You own this case, and your role shows you cases of this unit.",
                  "roles": reads},
        "emergency": {"icon": "urgent", "text": "You opened it by emergency access, for reading alone. It ends by "
                      "itself, and somebody reviews it.", "roles": [], "until": found.until},
    }  # fmt: skip
    # In a case that is open to the unit, the right to confidential ones and ownership add nothing to say.
    plain = {"unit", "owner", "emergency"} if not found.confidential else {"confidential", "owner", "emergency"}
    return [said[way] for way in found.ways if way in plain]


def _roles(given: tuple[Given, ...]) -> list[dict[str, str]]:
    return [{"role": each.role, "unit": each.unit} for each in given]


def _field(part: Part) -> dict[str, Any]:
    return {
        "label": FIELDS[part.field], "shown": part.shown, "given": _roles(part.given), "roles": list(part.roles),
        "people": list(part.people),
    }  # fmt: skip


handlers = [of_case, of_case_csv, of_people, of_people_csv, why]
