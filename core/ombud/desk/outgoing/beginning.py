"""A text is begun in a case: the chosen template, filled with what is known of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ombud.desk import case_links
from ombud.desk.case_shown import CasePageView
from ombud.desk.deadlines import received_on
from ombud.desk.errors import NotFound, NotNow
from ombud.desk.outgoing import facts, filling, templates
from ombud.desk.outgoing.recipients import reachable
from ombud.desk.outgoing.states import KINDS
from ombud.desk.outgoing.templates import Template
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.speech import joined, sentence
from ombud.trust.policy import Viewer

SHOWN_LINK = "https://…"


@dataclass(frozen=True)
class Begun:
    """A filled template."""

    template: Template
    subject: str
    text: str


async def choices(view: CasePageView) -> list[Template]:
    """Every text that fits the case, the best of each kind first."""
    unit = await db.fetchrow("SELECT language FROM core_unit WHERE id = $1", view.case.unit.id)
    assert unit is not None
    return await templates.for_case(view.case.unit.id, view.case.case_type, view.case.language, unit["language"])


async def chosen(view: CasePageView, which: str) -> Template:
    """By its key, or by a kind, of which the best fitting is meant. Raises NotFound."""
    if which in KINDS:
        unit = await db.fetchrow("SELECT language FROM core_unit WHERE id = $1", view.case.unit.id)
        assert unit is not None
        case = view.case
        return await templates.best(which, case.unit.id, case.case_type, case.language, unit["language"])
    for each in await choices(view):
        if each.key == which:
            return each
    raise NotFound("Choose a text. The one you meant may be out of use.")


async def begin(
    viewer: Viewer, view: CasePageView, template: Template, recipient: UUID | None = None, *, preview: bool = False
) -> Begun:
    """Fills it; raises MissingFact where something is not known. A preview makes no link for the customer."""
    if template.kind == "final_response":
        _refuse_unanswered(view)
    known = await facts_of(viewer, view, template, recipient, preview=preview)
    subject, text = filling.compose(template.subject, template.text, template.piece, known)
    return Begun(template, subject, text)


def _refuse_unanswered(view: CasePageView) -> None:
    if view.case.about_me:
        raise NotNow("You cannot do this in this case. Ask your team leader.")
    left = [each.letter for each in view.aspects if not each.decided]
    if left:
        raise NotNow(
            sentence("No outcome yet: %(left)s. Decide each aspect, then write the final response.", left=joined(left))
        )


async def facts_of(
    viewer: Viewer, view: CasePageView, template: Template, recipient: UUID | None, *, preview: bool
) -> Mapping[str, Any]:
    people = await reachable(view.case.id, received_on(now(), view.case.zone))
    named = view.case.customer is not None
    name = next((each.known["name"] for each in people if recipient in (None, each.person_id)), "") if named else ""
    used = filling.asks_for(template.subject) | filling.asks_for(template.text) | filling.asks_for(template.piece)
    link = "" if "link" not in used else SHOWN_LINK if preview else await case_links.make(viewer, view.case.id)
    phone = await db.fetchval("SELECT phone FROM core_unit WHERE id = $1", view.case.unit.id)
    return facts.of_case(view, template.language, person=name, writer=viewer.name, phone=phone or "", link=link)


__all__ = ["Begun", "begin", "choices", "chosen", "facts_of"]
