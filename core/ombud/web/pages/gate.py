"""What the gate finds in a final response, as the box under the text and the page of approval show it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from litestar import Request, Response, post

from ombud.desk.actions import NOT_HERE
from ombud.desk.case_shown import CasePageView
from ombud.desk.case_view import case_page
from ombud.desk.colleagues import draft_files, drafts
from ombud.desk.gate import guarding
from ombud.desk.gate.findings import Finding, Letter
from ombud.desk.gate.guarding import GATED, RIGHT
from ombud.kernel.database import db
from ombud.trust.policy import Arguments, Viewer, decide
from ombud.web.door import viewer_of
from ombud.web.pages.composer import PARTS
from ombud.web.pages.fragments import by_htmx, fragment
from ombud.web.pages.given import Given, given, identity_of

Req = Request[Any, Any, Any]
WRITE = {"permission": "case.write"}


@post("/cases/{reference:str}/check", opt=WRITE, status_code=200)
async def check(request: Req, reference: str) -> Response[Any]:
    """Reads the letter in the box and says what is to be mended; nothing is kept and nothing leaves. Without scripts
    the case is drawn with what was typed and what was found."""
    from ombud.web.pages.case_drawn import show_case  # draws this box too

    viewer, form = viewer_of(request), await given(request)
    view = await case_page(viewer, reference, talk=False)
    gate = await checked(viewer, view, form)
    if by_htmx(request):
        href = f"/cases/{view.case.reference}"
        return await fragment(request, "fragments/gate.html", composer={"gate": gate}, case={"href": href})
    typed = {name: ",".join(each for each in form.all(name) if each) for name in PARTS if form.has(name)}
    return await show_case(request, reference, kept={"composer": typed, "gate": gate, "key": form.text("key")})


async def checked(viewer: Viewer, view: CasePageView, form: Given) -> dict[str, Any]:
    """The box for what a form holds. Somebody whom an aspect is about writes no final response, and is told nothing
    of what it would lack."""
    on = form.text("kind", "reply") == "reply" and form.text("letter") == GATED
    gate: dict[str, Any] = {
        "on": on, "checked": False, "findings": [], "types": [], "letter_type": form.text("letter_type")[:60],
        "override": form.text("override"), "may_override": False, "why_not": "",
    }  # fmt: skip
    if not on or view.case.about_me:
        return {**gate, "why_not": NOT_HERE if on else ""}
    case = await db.fetchrow("SELECT * FROM core_case WHERE id = $1", view.case.id)
    assert case is not None
    letter = Letter(
        form.text("text").replace("\r\n", "\n"), form.text("subject") or case["reference"], await _language(form, view),
        await _names(viewer, view, form), form.text("letter_type")[:60] or GATED,
    )  # fmt: skip
    judged = await guarding.judge(viewer, case, letter)
    return {
        **gate, "checked": True, "findings": findings_drawn(judged.shown, letter.text),
        "types": await guarding.types_for(view.case.unit.id, view.case.case_type),
        "may_override": bool(judged.stops) and viewer.may_in(RIGHT, view.case.unit.id),
    }  # fmt: skip


async def _language(form: Given, view: CasePageView) -> str:
    """As it would be sent: that of whom it is written to, else of the case."""
    whom = form.identity("recipient")
    found = await db.fetchval(
        "SELECT p.language FROM core_person p JOIN core_party y ON y.person_id = p.id WHERE y.case_id = $1 "
        "AND p.id = $2 LIMIT 1", view.case.id, whom or view.case.customer_id,
    )  # fmt: skip
    return str(found or view.case.language)


async def _names(viewer: Viewer, view: CasePageView, form: Given) -> tuple[str, ...]:
    """Names of what goes along: files kept with the draft, those just chosen, and those ticked of the case."""
    kept = await draft_files.files_of(viewer, view.case.id, drafts.for_message(view.case.customer_id))
    return (*(each.name for each in kept), *form.all("named"), *await _ticked(viewer, view.case.id, form))


async def _ticked(viewer: Viewer, case_id: UUID, form: Given) -> list[str]:
    """Of those the viewer sees."""
    wanted = [identity_of(each, "files") for each in form.all("files") if each]
    if not wanted:
        return []
    arguments = Arguments(case_id, wanted)
    seen = decide(viewer, "case.read", "attachment").where("f", arguments)
    rows = await db.fetch(
        f"SELECT f.name FROM core_attachment f WHERE f.case_id = $1 AND f.id = ANY($2::uuid[]) AND {seen}",
        *arguments.values,
    )
    return [row["name"] for row in rows]


def findings_drawn(findings: Sequence[Finding], text: str) -> list[dict[str, Any]]:
    """For fragments/gate_findings.html: sentences for the translator, and where in the text."""
    return [
        {"text": each.text, "remedy": each.remedy, "facts": dict(each.facts), "blocks": each.blocks,
         "passage": "{}-{}".format(*each.passage) if each.passage else "",
         "quote": _short(text[slice(*each.passage)]) if each.passage else ""}
        for each in findings
    ]  # fmt: skip


def _short(text: str, most: int = 90) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= most else plain[: most - 1] + "…"


async def on_approval(viewer: Viewer, message_id: UUID) -> dict[str, Any] | None:
    """What the gate finds now in a message that waits; None for what is no final response."""
    from ombud.desk.outgoing.writing import letter_of

    row = await db.fetchrow(
        "SELECT o.*, m.subject, m.body, c.case_type FROM core_outgoing o JOIN core_message m ON m.id = o.id "
        "JOIN core_case c ON c.id = o.case_id WHERE o.id = $1 AND o.kind = $2", message_id, GATED,
    )  # fmt: skip
    if row is None:
        return None
    case = {"id": row["case_id"], "unit_id": row["unit_id"], "case_type": row["case_type"]}
    judged = await guarding.judge(viewer, case, await letter_of(row), row["let_pass"])
    return {
        "findings": findings_drawn(judged.shown, row["body"]), "held": bool(judged.stops),
        "may_override": viewer.may_in(RIGHT, row["unit_id"]),
    }  # fmt: skip


handlers = [check]
