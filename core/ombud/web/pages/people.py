"""People and organisations: the list, one of them, correcting details, adding a party, confirming support needs."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk import people, support
from ombud.desk.case_shown import CasePageView, PartyShown
from ombud.desk.case_view import case_page
from ombud.desk.errors import Invalid, NotFound, NotNow
from ombud.desk.support import Needs
from ombud.trust.policy import HIDDEN, Viewer
from ombud.web.door import viewer_of
from ombud.web.pages.case_drawn import case_drawn, href_of
from ombud.web.pages.cases import do_on_case
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused, given, refused
from ombud.web.shell import go, page
from ombud_plugin_api.facts import PersonGiven

Req = Request[Any, Any, Any]
CHANGE_CASE, SUPPORT = {"permission": "case.write"}, {"permission": "support.write"}
_FIELDS = {"person.name": "name", "person.email": "email", "person.phone": "phone", "person.postcode": "postcode"}


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
    needs = party.needs
    kept = {
        "in_vulnerable_circumstances": bool(needs and needs.in_vulnerable_circumstances),
        "complains_of_our_response": bool(needs and needs.complains_of_our_response),
        "adjustments": needs.adjustments if needs else "", "lawful_basis": needs.lawful_basis if needs else "",
        "review_on": needs.review_on.isoformat() if needs and needs.review_on else "",
    }  # fmt: skip
    return await _needs_page(request, view, party, kept)


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
    try:
        needs = Needs(
            kept["in_vulnerable_circumstances"], kept["complains_of_our_response"], kept["adjustments"],
            kept["lawful_basis"], form.day("review_on"),
        )  # fmt: skip
        await support.confirm(viewer, view.case.id, person_id, needs)
    except (Invalid, NotNow) as problem:
        return await _needs_page(request, view, party, kept, refused(problem))
    return go(href_of(view), "The support needs are confirmed.")


async def _needs_page(
    request: Req, view: CasePageView, party: PartyShown, kept: Mapping[str, Any], wrong: Refused = NOTHING_WRONG
) -> Response[Any]:
    name = HIDDEN if party.name is None else party.name or "Name withheld"
    return await page(
        request, "pages/needs.html", here="queue", status=wrong.status, case=case_drawn(view),
        party={"name": name, "role_label": party.role_label,
               "href": f"{href_of(view)}/parties/{party.person_id}/needs"},
        form={**kept, "errors": wrong.errors, "error_of": wrong.error_of},
    )  # fmt: skip


handlers = [add_party, needs_form, confirm_needs]
