"""People and organisations: the list, one of them, correcting details, adding a party, confirming support needs."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.datastructures import FormMultiDict

from ombud.desk import people, support
from ombud.desk.administration.units import languages
from ombud.desk.case_shown import CasePageView, PartyShown
from ombud.desk.case_view import case_page
from ombud.desk.colleagues.last_change import SOMEBODY
from ombud.desk.errors import Changed, Invalid, NotFound, NotNow
from ombud.desk.notices.contact import wants_news
from ombud.desk.people_list import PartOf, PersonPageView, PersonShown, list_people, person_page
from ombud.desk.privacy.marks import marks
from ombud.desk.support import Needs
from ombud.desk.trail import person_history
from ombud.kernel.clock import now
from ombud.speech import day, joined, sentence
from ombud.trust.policy import HIDDEN, Viewer
from ombud.web.door import viewer_of
from ombud.web.pages import crm, merged
from ombud.web.pages.case_drawn import case_drawn, conflict_drawn, href_of, needs_words
from ombud.web.pages.cases import do_on_case
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused, given, refused
from ombud.web.pages.merged import Sides
from ombud.web.shell import go, page
from ombud_plugin_api.facts import PersonGiven

PRIVACY_MARKS = {
    "restrict": "Processing is restricted: keep it, use it for nothing else", "object": "They object to processing",
    "opt_out": "No sale or sharing of their data", "limit": "Sensitive data: for the service alone",
}  # fmt: skip
Req = Request[Any, Any, Any]
READ, CORRECT = {"permission": "person.read"}, {"permission": "person.write"}
CORRECTABLE = ("name", "email", "phone", "postcode", "address")
CHANGE_CASE, SUPPORT = {"permission": "case.write"}, {"permission": "support.write"}
_WORDS = {"email": "E-mail", "phone": "Phone", "postcode": "Postcode", "address": "Address", "language": "Language"}
_FIELDS = {"person.name": "name", "person.email": "email", "person.phone": "phone", "person.postcode": "postcode"}


@get("/parties", opt=READ)
async def parties(request: Req, q: str = "", after: str = "") -> Response[Any]:
    """People in the cases one may see, by name, fifty at a time."""
    found = await list_people(viewer_of(request), after or None, text=q.strip())
    rows = [
        {"name": _name(each.name), "href": f"/parties/{each.id}", "kind": each.kind, "email": each.email or "",
         "cases": each.cases, "last_at": each.last_at}
        for each in found.rows
    ]  # fmt: skip
    more = urlencode({"q": q.strip(), "after": found.next_cursor}) if found.next_cursor else ""
    return await page(
        request, "pages/parties.html", here="people", search=q.strip(), parties=rows,
        next_href=f"/parties?{more}" if more else "",
    )  # fmt: skip


def _name(name: str | None) -> str:
    return HIDDEN if name is None else name or "Name withheld"


@get("/parties/{person_id:uuid}", opt=READ)
async def party(request: Req, person_id: UUID, before: str = "") -> Response[Any]:
    """Details, cases in all roles, and everything that was said and changed; `before` leads to earlier pages."""
    return await _person(request, await person_page(viewer_of(request), person_id), before=before)


@post("/parties/{person_id:uuid}", opt=CORRECT)
async def correct(request: Req, person_id: UUID) -> Response[Any]:
    """Corrects a person's details; somebody else's correction meanwhile is shown beside this one."""
    viewer, form = viewer_of(request), await given(request)
    view = await person_page(viewer, person_id)
    now_shown = _correctable(view.person)
    wanted = {name: form.text(name) for name in now_shown if form.has(name)}
    try:
        found = merged.sides(form, now_shown) if form.version() else None
        if found is not None:
            return await _merged_correction(request, view, found)
        await people.change(viewer, person_id, wanted, form.version())
    except Changed as changed:
        conflict = conflict_drawn(changed, SOMEBODY, now(), {})
        return await _person(request, view, kept=wanted, conflict=conflict)
    except (Invalid, NotNow) as problem:
        return await _person(request, view, kept=wanted, wrong=refused(problem))
    return go(f"/parties/{person_id}", "The details are corrected.")


@post("/parties/{person_id:uuid}/news", opt=CORRECT)
async def choose_news(request: Req, person_id: UUID) -> Response[Any]:
    """Records whether somebody wants news of their cases that nobody asked for."""
    wanted = (await given(request)).text("wanted") == "yes"
    await people.choose_news(viewer_of(request), person_id, wanted)
    told = "They get news of their cases again." if wanted else "They get no news of their cases any more."
    return go(f"/parties/{person_id}", told)


def _correctable(person: PersonShown) -> dict[str, str]:
    """The details this viewer is shown; what is masked is in no form and stays as it is."""
    shown = {name: getattr(person, name) for name in CORRECTABLE}
    return {name: value for name, value in shown.items() if value is not None}


async def _merged_correction(request: Req, view: PersonPageView, found: Sides) -> Response[Any]:
    person = view.person
    if found.merged.clashes:
        conflict = merged.clashes(found, SOMEBODY, now(), person.version, _WORDS, {})
        return await _person(request, view, kept=found.kept, conflict=conflict)
    changed = {name: found.kept[name] for name in found.merged.mine}
    await people.change(viewer_of(request), person.id, changed, person.version)
    return go(f"/parties/{person.id}", merged.told(SOMEBODY, found, "The details are corrected.", _WORDS))


async def _person(
    request: Req,
    view: PersonPageView,
    *,
    kept: Mapping[str, str] | None = None,
    wrong: Refused = NOTHING_WRONG,
    conflict: dict[str, Any] | None = None,
    before: str = "",
) -> Response[Any]:
    person, viewer = view.person, viewer_of(request)
    past = await person_history.history(viewer, person.id, view.units, before or None)
    together = await person_history.others(viewer, person.id, person.kind)
    alike = await person_history.alike(viewer, person.id, view.units)
    more = urlencode({"before": past.next_cursor}) if past.next_cursor else ""
    drawn = {
        "name": _name(person.name), "kind": person.kind, "since": person.since, "facts": _facts(person),
        "needs": _needs_known(view), "version": person.version, "href": f"/parties/{person.id}",
    }  # fmt: skip
    as_it_is = {name: getattr(person, name) for name in CORRECTABLE}
    base = _correctable(person)
    return await page(
        request, "pages/party.html", here="people", status=409 if conflict else wrong.status, party=drawn,
        roles=[_role(each) for each in view.cases], data=[], slots=[], conflict=conflict, base=base,
        crm=crm.places(viewer, view.units, f"/parties/{person.id}"),
        marks=[(PRIVACY_MARKS[each.kind], each.since, f"/privacy/marks/{each.id}/end")
               for each in await marks([person.id])],
        may_ask=viewer.may("privacy.handle"), may_hold=viewer.may("privacy.erase"),
        may_change=viewer.may("person.write"), news=await wants_news(person.id),
        counts=await person_history.counts(viewer, person.id),
        history=past.moments, more_href=f"/parties/{person.id}?{more}#history" if more else "", earlier=bool(before),
        others=[{"other": each, "name": _name(each.name), "href": f"/parties/{each.id}"} for each in together],
        alike=[{"like": each, "name": _name(each.name), "href": f"/parties/{each.id}"} for each in alike],
        form={**as_it_is, **(kept or {}), "errors": wrong.errors, "error_of": wrong.error_of},
    )  # fmt: skip


def _facts(person: PersonShown) -> list[dict[str, str]]:
    """What is known, and that something is known where it is not for this reader."""
    shown = {name: getattr(person, name) for name in _WORDS}
    shown["language"] = languages().get(person.language, person.language)
    return [
        {"label": _WORDS[name], "value": HIDDEN if value is None else value}
        for name, value in shown.items()
        if value is None or value
    ]


def _needs_known(view: PersonPageView) -> dict[str, Any] | None:
    """Those confirmed last, whichever case they were confirmed in."""
    known = [(each.needs.confirmed_at, each) for each in view.cases if each.needs is not None]
    if not known:
        return None
    at, part = max(known, key=lambda each: each[0])
    by = part.needs.confirmed_by if part.needs else ""
    return {
        "text": needs_words(part.needs),
        "source": sentence("Confirmed by %(by)s in %(reference)s", by=by, reference=part.reference),
        "at": at,
    }


def _role(part: PartOf) -> dict[str, Any]:
    until = sentence(" to %(day)s", day=day(part.authority_until)) if part.authority_until else ""
    return {
        "reference": part.reference, "title": part.title, "href": f"/cases/{part.reference}",
        "role_label": part.role_label, "status_label": part.status_label, "aspects": part.aspects,
        "authority": joined((part.authority, until), "") if part.authority else "", "expired": part.expired,
        "received_at": part.received_at,
    }  # fmt: skip


@post("/cases/{reference:str}/parties", opt=CHANGE_CASE)
async def add_party(request: Req, reference: str) -> Response[Any]:
    """A person or organisation in a role; the form comes back with what was typed where something is missing."""

    async def change(viewer: Viewer, case_id: UUID, form: Given) -> str:
        person = PersonGiven(name=form.text("name"), email=form.text("email"), phone=form.text("phone"))
        await people.add_party(
            viewer, case_id, person, form.text("role"), kind=form.text("kind", "person"),
            authority=form.text("authority"), authority_until=form.day("authority_until"),
        )  # fmt: skip
        return "The party is added."

    return await do_on_case(request, reference, change, typed_in="new_party", fields=_FIELDS)


async def _party(viewer: Viewer, reference: str, person_id: UUID) -> tuple[CasePageView, PartyShown]:
    view = await case_page(viewer, reference, talk=False)
    for party in view.parties:
        if party.person_id == person_id:
            return view, party
    raise NotFound("This person is not part of the case, or you may not see them. Open the case again.")


@get("/cases/{reference:str}/parties/{person_id:uuid}/needs", opt=SUPPORT)
async def needs_form(request: Req, reference: str, person_id: UUID) -> Response[Any]:
    """What is confirmed so far, ready to be changed."""
    view, party = await _party(viewer_of(request), reference, person_id)
    return await _needs_page(request, view, party, _needs_kept(party))


def _needs_kept(party: PartyShown) -> dict[str, Any]:
    needs = party.needs
    return {
        "in_vulnerable_circumstances": bool(needs and needs.in_vulnerable_circumstances),
        "complains_of_our_response": bool(needs and needs.complains_of_our_response),
        "adjustments": needs.adjustments if needs else "", "lawful_basis": needs.lawful_basis if needs else "",
        "review_on": needs.review_on.isoformat() if needs and needs.review_on else "",
    }  # fmt: skip


def _needs_now(party: PartyShown) -> dict[str, str]:
    """What is confirmed now, as a form would send it."""
    return {name: value if isinstance(value, str) else "on" * value for name, value in _needs_kept(party).items()}


@post("/cases/{reference:str}/parties/{person_id:uuid}/needs", opt=SUPPORT)
async def confirm_needs(request: Req, reference: str, person_id: UUID) -> Response[Any]:
    """A person confirms; the two facts are independent of each other."""
    viewer, form = viewer_of(request), await given(request)
    view, party = await _party(viewer, reference, person_id)
    kept: dict[str, Any] = {
        "in_vulnerable_circumstances": form.ticked("in_vulnerable_circumstances"),
        "complains_of_our_response": form.ticked("complains_of_our_response"),
        "adjustments": form.text("adjustments"), "lawful_basis": form.text("lawful_basis"),
        "review_on": form.text("review_on"),
    }  # fmt: skip
    found = merged.sides(form, _needs_now(party))
    if found is not None:
        if found.merged.clashes:
            known = party.needs
            who, at = (known.confirmed_by, known.confirmed_at) if known else (SOMEBODY, now())
            conflict = merged.clashes(found, who, at, 0, _NEEDS, _YES_NO)
            return await _needs_page(request, view, party, _needs_typed(found), conflict=conflict)
        form = Given(FormMultiDict(list(found.kept.items())))
        kept = _needs_typed(found)
    try:
        needs = Needs(
            kept["in_vulnerable_circumstances"], kept["complains_of_our_response"], kept["adjustments"],
            kept["lawful_basis"], form.day("review_on"),
        )  # fmt: skip
        await support.confirm(viewer, view.case.id, person_id, needs, party.needs.version if party.needs else 0)
    except Changed:  # in this very moment: the form again, drawn with what it was, so that sending it merges
        return await _needs_page(request, view, party, kept, refused(NotNow(AGAIN)))
    except (Invalid, NotNow) as problem:
        return await _needs_page(request, view, party, kept, refused(problem))
    said = "The support needs are confirmed."
    by = party.needs.confirmed_by if party.needs else SOMEBODY
    return go(href_of(view), merged.told(by, found, said, _NEEDS) if found else said)


_TICKS = ("in_vulnerable_circumstances", "complains_of_our_response")
_NEEDS = {
    "in_vulnerable_circumstances": "In vulnerable circumstances", "adjustments": "What helps them",
    "complains_of_our_response": "Complains of our response", "lawful_basis": "Consent or lawful basis",
    "review_on": "Look at it again on",
}  # fmt: skip
_YES_NO = {name: {"on": "Yes", "": "No"} for name in _TICKS}
AGAIN = "Somebody else confirmed needs in this moment. Look at the form and send it once more."


def _needs_typed(found: Sides) -> dict[str, Any]:
    return {name: text == "on" if name in _TICKS else text for name, text in found.kept.items()}


async def _needs_page(
    request: Req,
    view: CasePageView,
    party: PartyShown,
    kept: Mapping[str, Any],
    wrong: Refused = NOTHING_WRONG,
    conflict: dict[str, Any] | None = None,
) -> Response[Any]:
    return await page(
        request, "pages/needs.html", here="queue", status=409 if conflict else wrong.status, case=case_drawn(view),
        base=_needs_now(party), conflict=conflict,
        party={"name": _name(party.name), "role_label": party.role_label,
               "href": f"{href_of(view)}/parties/{party.person_id}/needs"},
        form={**kept, "errors": wrong.errors, "error_of": wrong.error_of},
    )  # fmt: skip


handlers = [parties, party, correct, choose_news, add_party, needs_form, confirm_needs]
