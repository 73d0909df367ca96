"""The desk of requests about personal data: the list, and one request with its steps."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk import known_people, units
from ombud.desk.administration.trail import trail
from ombud.desk.errors import Changed, DeskRefusal, Invalid, NotAllowed, NotFound, NotNow
from ombud.desk.privacy import (
    answering,
    automated,
    collecting,
    correcting,
    erasing,
    laws,
    letters,
    papers,
    requests,
    shown,
)
from ombud.desk.privacy.answering import AnswerGiven
from ombud.desk.privacy.requests import CHANNELS, ERASE, HANDLE, AuthorityGiven, RequestGiven
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.speech import joined, sentence, word
from ombud.trust.policy import Arguments, Viewer, decide
from ombud.web.door import viewer_of
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused, given, identity_of
from ombud.web.pages.set_up import beside
from ombud.web.shell import go, page

Req = Request[Any, Any, Any]
OPT = {"permission": HANDLE}
REFUSED = (Invalid, NotNow, NotAllowed, NotFound, Changed)
LIST_WORDS = {
    "open": ("Open", "inbox"), "late": ("Overdue", "alert-circle"), "unknown": ("Person not known yet", "help-circle"),
    "done": ("Answered or withdrawn", "check"),
}  # fmt: skip
EMPTY = {
    "open": "Requests about personal data stand here, the next due first: access, erasure, correction and the others. "
    "They come by the public form, or somebody records what came by letter or telephone.",
    "late": "No request is over its time.",
    "unknown": "Every open request names the person of the desk who asks.",
    "done": "What was answered or withdrawn stands here.",
}
CHANNEL_WORDS = {
    "letter": "Letter", "email": "E-mail", "phone": "Telephone", "form": "Form", "signal": "Signal of a browser",
    "person": "In person",
}  # fmt: skip
RESULT_WORDS = {
    "asked": "Proof was asked for", "confirmed": "This is the person",
    "failed": "Not shown", "not_needed": "No check was needed",
}  # fmt: skip
OUTCOME_WORDS = {"granted": "Granted", "partly": "Granted in part", "refused": "Refused"}
SENT, NOT_SENT = "The e-mail is on its way.", "No e-mail could be sent: send it by other means."
CHECK_WORDS = {
    "document": ("A written authority", "Such as a signed letter or a power of attorney."),
    "signature": ("The person's signature on it", "Compared with what you have."),
    "identity": ("Who the agent is", "Such as a register of lawyers or firms."),
    "register": ("A public register", "Where powers of attorney or registered agents stand."),
    "person_asked": ("The person confirmed it", "Asked directly, by the way you know."),
}
AGENT_WORDS = {"accepted": "It suffices", "refused": "It does not suffice"}
PAPER_WORDS = {"authority": "Authority", "added": "Document"}
TOLD_WORDS = {"open": "Not told yet", "told": "Told", "not_needed": "Need not be told"}
REVIEW_WORDS = {"stands": "It stands", "changed": "It was changed"}
DOES_WORDS = {
    "access": "hands out everything that is kept",
    "portability": "hands out everything that is kept, to be read by programs",
    "correct": "is answered once the details are corrected", "erase": "erases the person",
    "restrict": "marks the person: processing is restricted", "object": "marks the person: they object",
    "review": "is answered by a person who looked at the decision", "opt_out": "marks the person: no sale or sharing",
    "limit": "marks the person: sensitive data is used for the service alone", "answer": "is answered in words",
}  # fmt: skip


@get("/privacy", opt=OPT)
async def listed(request: Req, which: str = "open", at: int = 1) -> Response[Any]:
    viewer = viewer_of(request)
    which = which if which in LIST_WORDS else "open"
    at = max(1, min(at, 10_000))
    lines, more = await shown.listed(viewer, which, at)
    counts = await shown.counts(viewer)
    lists = [
        {"code": code, "label": words, "icon": icon, "href": f"/privacy?which={code}", "count": counts.get(code, 0)}
        for code, (words, icon) in LIST_WORDS.items()
    ]
    return await page(
        request, "pages/privacy.html", here="privacy", which=which, lists=lists, lines=[_line(each) for each in lines],
        empty=EMPTY[which], next_href=f"/privacy?which={which}&at={at + 1}" if more else "",
        may_erase=viewer.may(ERASE),
        has_laws=bool(laws.brought()), year=now().year,
    )  # fmt: skip


def _line(each: shown.RequestLine) -> dict[str, Any]:
    return {
        "line": each, "href": f"/privacy/{each.id}", "late": each.late,
        "outcome": OUTCOME_WORDS.get(each.outcome, "Withdrawn" if each.state == "withdrawn" else ""),
    }  # fmt: skip


_NEW = {
    "right": "", "unit": "", "name": "", "contact": "", "words": "", "channel": "letter", "received_on": "",
    "agent_name": "", "person": "",
}  # fmt: skip


@get("/privacy/new", opt=OPT)
async def new_request(request: Req, person: str = "") -> Response[Any]:
    """`person`: who asks, where one comes from their page."""
    return await _new_page(request, {**_NEW, "person": person[:36]})


@post("/privacy/new", opt=OPT)
async def add_request(request: Req) -> Response[Any]:
    viewer, form = viewer_of(request), await given(request)
    try:
        made = await requests.record(viewer, await _given(form))
    except (*REFUSED, DeskRefusal) as problem:
        return await _new_page(request, {name: form.text(name) for name in _NEW}, beside(problem, {"kind": "right"}))
    return go(f"/privacy/{made}", "The request is recorded. Its time runs.")


async def _given(form: Given) -> RequestGiven:
    law, _, kind = form.text("right").partition("/")
    day = form.day("received_on")
    unit = form.identity("unit")
    if unit is None:
        raise Invalid("Choose the unit that was asked.", "unit")
    received = datetime(day.year, day.month, day.day, tzinfo=UTC) if day else None
    return RequestGiven(
        law=law, kind=kind, unit_id=unit, name=form.text("name"), contact=form.text("contact"),
        words=form.text("words"), channel=form.text("channel"), received_at=received,
        person_id=form.identity("person"), agent_name=form.text("agent_name"),
    )  # fmt: skip


async def _new_page(request: Req, kept: Mapping[str, str], wrong: Refused = NOTHING_WRONG) -> Response[Any]:
    viewer = viewer_of(request)
    mine = [each for each in await units.from_above() if viewer.may_in(HANDLE, each.id)]
    rights = [
        (
            f"{law.key}/{right.key}",
            sentence("%(what)s: %(value)s", what=word(law.label), value=word(right.label)),
            joined((laws.span_words(right.answer), word(right.help)), ". "),
        )
        for law in await laws.holding([each.id for each in mine])
        for right in law.rights
    ]
    return await page(
        request, "pages/privacy_new.html", here="privacy", status=wrong.status, rights=rights,
        units=[(str(each.id), each.name) for each in mine], channels=[(each, CHANNEL_WORDS[each]) for each in CHANNELS],
        person_name=await _name(viewer, kept["person"]), today=now().date(),
        form={**kept, "errors": wrong.errors, "error_of": wrong.error_of},
    )  # fmt: skip


async def _name(viewer: Viewer, person: str) -> str:
    try:
        identity = UUID(person)
    except ValueError:
        return ""
    grant, arguments = decide(viewer, "person.read", "person"), Arguments()
    place = arguments.add(identity)
    sql = f"SELECT p.name FROM core_person p WHERE p.id = {place} AND {grant.where('p', arguments)}"
    return str(await db.fetchval(sql, *arguments.values) or "")


@get("/privacy/{request_id:uuid}", opt=OPT)
async def one(request: Req, request_id: UUID) -> Response[Any]:
    return await request_page(request, request_id)


async def request_page(request: Req, request_id: UUID, wrong: Refused = NOTHING_WRONG,
                       kept: Mapping[str, Any] | None = None) -> Response[Any]:  # fmt: skip
    viewer = viewer_of(request)
    found = await shown.one(viewer, request_id)
    row, terms = found.row, found.row["terms"]
    gathered = await collecting.latest(request_id)
    return await page(
        request, "pages/privacy_request.html", here="privacy", status=wrong.status, found=found, row=row, terms=terms,
        late=found.line.late, does=DOES_WORDS[row["does"]], channel=CHANNEL_WORDS[row["channel"]],
        spans={part: laws.span_words(span) for part in laws.PARTS if (span := requests.span_of(terms, part))},
        outcome=OUTCOME_WORDS.get(row["outcome"], ""), result=RESULT_WORDS.get(row["identity"], ""),
        results=[(code, RESULT_WORDS[code]) for code in requests.RESULTS
                 if code != "not_needed" or terms["identity"] != "always"],
        outcomes=[(code, OUTCOME_WORDS[code]) for code in answering.OUTCOMES],
        grounds=[(each["key"], each["label"], f"{each['source']}{_unsure(each)}") for each in terms["grounds"]],
        gathered=_gathered(gathered, row), people=await _people(viewer, row), **await _work(row),
        may_erase=viewer.may(ERASE),
        erasures=await erasing.of_request(request_id) if viewer.may(ERASE) else [],
        trail=await trail([requests.stream(request_id)], size=30),
        form={"errors": wrong.errors, "error_of": wrong.error_of, **(kept or {})},
    )  # fmt: skip


async def _work(row: Mapping[str, Any]) -> dict[str, Any]:
    """What the right asks to be done beside collecting and erasing; each part only where it does."""
    does, people = row["does"], requests.people_of(row)
    address = row["contact"].strip().casefold()
    known = [each.details["email"].strip().casefold() for each in await correcting.records(row)]
    return {
        "papers": [{**each, "href": f"/privacy/{row['id']}/files/{each['id']}", "what": PAPER_WORDS[each["kind"]]}
                   for each in await papers.of_request(row["id"])],
        "mail": bool(await letters.way(row)), "same_address": bool(address) and address in known,
        "checks": list(CHECK_WORDS.items()), "agent_results": list(AGENT_WORDS.items()),
        "details": await correcting.records(row) if does == "correct" and row["state"] == "open" else [],
        "corrections": await correcting.corrections(row["id"]) if does == "correct" else [],
        "tells": does in answering.TELLS,
        "told": [(each, TOLD_WORDS[each.state]) for each in await correcting.told(row["id"])],
        "done_by_rules": await automated.of_people(people) if does in {"review", "access"} and people else [],
        "review_results": list(REVIEW_WORDS.items()),
        "marked": does in answering.MARKS,
    }  # fmt: skip


def _unsure(each: Mapping[str, str]) -> str:
    return "" if each["provenance"] == "official" else ", not checked against the law's text"


def _gathered(found: Mapping[str, Any] | None, row: Mapping[str, Any]) -> dict[str, Any] | None:
    if found is None:
        return None
    current = found["people"] == [str(each) for each in requests.people_of(row)]
    missing = [each for each in found["sources"] if each["state"] != "answered"]
    return {**found, "missing": missing, "current": current}


async def _people(viewer: Viewer, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The records that are the person, and those that may be: of the same name, address or number, in view."""
    chosen = requests.people_of(row)
    hints = [{"email": row["contact"] if "@" in row["contact"] else "", "name": row["name"],
              "phone": "" if "@" in row["contact"] else row["contact"]}]  # fmt: skip
    rows = await db.fetch(
        "SELECT id, name, email, phone FROM core_person WHERE id = ANY($1) AND erased_at IS NULL", chosen
    )
    hints += [{"email": each["email"], "name": each["name"], "phone": each["phone"]} for each in rows]
    known: dict[UUID, dict[str, Any]] = {
        each["id"]: {"id": str(each["id"]), "name": each["name"] if viewer.may("person.read") else "",
                     "chosen": True, "cases": []}
        for each in rows
    }  # fmt: skip
    for hint in hints:
        if not any(hint.values()):
            continue
        for person in await known_people.find(viewer, **hint):
            entry = known.setdefault(
                person.id, {"id": str(person.id), "name": person.name, "chosen": False, "cases": []}
            )
            entry["cases"] = [each.reference for each in person.cases]
    return sorted(known.values(), key=lambda each: (not each["chosen"], each["name"] or ""))


async def step(request: Req, request_id: UUID, work: Any, toast: str = "") -> Response[Any]:
    """One step of a request: done, or its page again with the words kept and the reason beside them. What the work
    returns is said instead of `toast`."""
    form = await given(request)
    try:
        told = await work(viewer_of(request), form)
    except REFUSED as problem:
        wrong = beside(problem) if not isinstance(problem, Changed) else Refused(
            409, [{"field": "", "message": str(problem)}]
        )  # fmt: skip
        return await request_page(request, request_id, wrong, _kept(form))
    return go(f"/privacy/{request_id}", told or toast)


def _kept(form: Given) -> dict[str, Any]:
    return form.texts() | {name: form.all(name) for name in ("grounds", "agent_checks")}


HERE = "/privacy/{request_id:uuid}"


@post(HERE + "/people", opt=OPT)
async def link(request: Req, request_id: UUID) -> Response[Any]:
    async def work(viewer: Viewer, form: Given) -> None:
        people = [identity_of(each, "person") for each in form.all("person") if each]
        await requests.link_people(viewer, request_id, people, form.version())

    return await step(request, request_id, work, "It is kept who asks.")


@post(HERE + "/identity", opt=OPT)
async def identity(request: Req, request_id: UUID) -> Response[Any]:
    async def work(viewer: Viewer, form: Given) -> None:
        await requests.check_identity(viewer, request_id, form.text("result"), form.text("how"), form.version())

    return await step(request, request_id, work, "The check is kept.")


@post(HERE + "/agent", opt=OPT)
async def agent(request: Req, request_id: UUID) -> Response[Any]:
    async def work(viewer: Viewer, form: Given) -> None:
        seen = AuthorityGiven(
            form.text("agent_name"), form.text("agent_authority"), form.text("agent_result"), form.all("agent_checks"),
            form.day("agent_until"),
        )  # fmt: skip
        await requests.see_authority(viewer, request_id, seen, form.version())

    return await step(request, request_id, work, "It is kept what you saw.")


@post(HERE + "/acknowledge", opt=OPT)
async def acknowledge(request: Req, request_id: UUID) -> Response[Any]:
    async def work(viewer: Viewer, form: Given) -> None:
        await requests.acknowledge(viewer, request_id, form.version())

    return await step(request, request_id, work, "It is kept that receipt was confirmed.")


@post(HERE + "/extend", opt=OPT)
async def extend(request: Req, request_id: UUID) -> Response[Any]:
    async def work(viewer: Viewer, form: Given) -> str:
        await requests.extend(viewer, request_id, form.text("because"), form.version())
        if not form.ticked("mail"):
            return "The time is extended."
        row = (await shown.one(viewer, request_id)).row
        sent = await letters.send(row, "extended", viewer.actor, text=form.text("because").strip())
        return sentence("The time is extended. %(sent)s", sent=SENT if sent else NOT_SENT)

    return await step(request, request_id, work)


@post(HERE + "/withdraw", opt=OPT)
async def withdraw(request: Req, request_id: UUID) -> Response[Any]:
    async def work(viewer: Viewer, form: Given) -> None:
        await requests.withdraw(viewer, request_id, form.version())

    return await step(request, request_id, work, "It is kept that they took it back.")


@post(HERE + "/answer", opt=OPT)
async def answer(request: Req, request_id: UUID) -> Response[Any]:
    async def work(viewer: Viewer, form: Given) -> str:
        told = AnswerGiven(form.text("outcome"), form.text("answer"), form.all("grounds"), form.text("grounds_words"))
        before = (await shown.one(viewer, request_id)).row  # an answer to somebody erased forgets where it went
        await answering.answer(viewer, request_id, told, form.version())
        if not form.ticked("mail"):
            return "The request is answered."
        sent = await letters.send(before, "answer", viewer.actor, text=told.text.strip())
        return sentence("The request is answered. %(sent)s", sent=SENT if sent else NOT_SENT)

    return await step(request, request_id, work)


@post(HERE + "/collect", opt=OPT)
async def collect(request: Req, request_id: UUID) -> Response[Any]:
    async def work(viewer: Viewer, form: Given) -> None:
        await collecting.ask(viewer, request_id, form.version())

    return await step(request, request_id, work, "Everything is being collected. Open this page again in a moment.")


@get(HERE + "/bundle", opt=OPT)
async def bundle(request: Req, request_id: UUID) -> Response[Any]:
    """The ZIP that the person gets."""
    try:
        name, data = await collecting.taken(viewer_of(request), request_id)
    except NotAllowed as problem:
        return await request_page(request, request_id, beside(problem))
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Response(data, status_code=200, media_type="application/zip", headers=headers)


handlers = [
    listed, new_request, add_request, one, link, identity, agent, acknowledge, extend, withdraw, answer, collect,
    bundle,
]  # fmt: skip
