"""A case as pages/case.html draws it: from what the viewer may see to the words on the page."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any
from urllib.parse import quote
from uuid import UUID

from litestar import Request, Response

from ombud.desk.case_glance import glance_of
from ombud.desk.case_shown import AspectShown, CasePageView, PartyShown, RedressShown
from ombud.desk.case_view import case_page
from ombud.desk.casefile.profiles import profiles
from ombud.desk.channels import channel_label
from ombud.desk.colleagues.claims import Claimed
from ombud.desk.colleagues.last_change import last_change
from ombud.desk.errors import Changed
from ombud.desk.file_kinds import warning
from ombud.desk.matters.uncategorised import asked_for
from ombud.desk.merges.shown import Tied, tied_to
from ombud.desk.outgoing.offer import Offer, offer
from ombud.desk.outgoing.states import FAILED, SENT
from ombud.desk.outgoing.templates import Template
from ombud.desk.rules.explained import is_told
from ombud.desk.scales import STANDARD, Scales, scales_known
from ombud.desk.shown import Named
from ombud.desk.taxonomies import choices, today, worded
from ombud.desk.trail.history import Happened
from ombud.desk.trail.timeline import Said
from ombud.desk.viewing.explaining import emergency_until
from ombud.desk.words import PARTY_ROLES, PRIORITIES, SEVERITIES, label
from ombud.kernel.clock import now
from ombud.speech import counted, sentence, word
from ombud.trust.policy import HIDDEN, Viewer, mask_in
from ombud.web.door import viewer_of
from ombud.web.pages import crm
from ombud.web.pages.composer import composer_of, shared_drawn, way_drawn
from ombud.web.pages.given import NOTHING_WRONG, Refused
from ombud.web.pages.inbox_words import matched_words, robot_words
from ombud.web.pages.marked import marked
from ombud.web.pages.queue_lists import address
from ombud.web.pages.queues import heat_of
from ombud.web.plugin_pages import fills
from ombud.web.shell import go, page

Req = Request[Any, Any, Any]
LONG = 1500
SLOT = "case.side"
SEVERITY_WORDS = STANDARD.severities
RANKS = {"A": "Primary", "B": "Secondary", "C": "Tertiary"}
OUTCOME_TONES = {"upheld": ("ok", "check"), "partly_upheld": ("ok", "check")}


async def show_case(
    request: Req,
    reference: str,
    *,
    about: str = "",
    before: str = "",
    wrong: Refused = NOTHING_WRONG,
    conflict: dict[str, Any] | None = None,
    kept: Mapping[str, Any] | None = None,
) -> Response[Any]:
    """The page of a case, or the way to the one it was merged into; after a refusal with its words, and with what the
    writer typed in `kept`."""
    viewer = viewer_of(request)
    view = await case_page(viewer, reference, about=about, before=before)
    if into := view.case.merged_into:
        return go(
            f"/cases/{quote(into, safe='')}",
            wrong.message or sentence("%(reference)s is part of this case now.", reference=reference),
        )
    shown = await fills(request, SLOT, glance_of(view), f"{href_of(view)}/slots/{{slug}}")
    offered = await offer(viewer, view.case) if view.may("answer") else None
    texts = offered.texts if offered else ()
    context = {
        **drawn(viewer, view, about=about, kept=kept or {}, offered=offered, texts=texts),
        "slots": shown,
        "shared_drafts": shared_drawn(offered.shared if offered else (), kept or {}),
        "macros": [
            {"href": f"{href_of(view)}/macros/{each}", "name": name}
            for each, name in (offered.macros if offered else ())
        ],
        "crm": crm_places(viewer, view),
        "case_files": case_files(view),
        "routing": view.routing,
        "emergency": emergency_drawn(viewer, view),
        "masked": bool(mask_in(viewer, view.case.unit.id)),
        "may_see_viewers": viewer.may_in("viewing.read", view.case.unit.id) and not view.case.about_me,
    }
    context |= await _before_closing(viewer, view)
    scale = await scales_known(view.case.unit.id, viewer.settled)
    context["case"]["facts"] = facts(view, scale)
    context |= {"priorities": list(scale.priorities.items()), "severities": list(scale.severities.items())}
    context["case"]["linked"] = linked(await tied_to(viewer, view.case.id), view) if view.tied else []
    context["party_error_of"] = wrong.error_of if context["new_party"] else {}
    status = 409 if conflict else wrong.status
    return await page(
        request, "pages/case.html", here="queue", status=status, refused=wrong, conflict=conflict, **context
    )


def emergency_drawn(viewer: Viewer, view: CasePageView) -> dict[str, Any] | None:
    """Of the emergency access by which this person sees the case: until when, and how long that is."""
    until = emergency_until(viewer, view.case.id)
    if until is None:
        return None
    minutes = max(1, int((until - now()).total_seconds()) // 60)
    left = (
        sentence("%(hours)s h %(minutes)s min", hours=minutes // 60, minutes=minutes % 60)
        if minutes >= 60
        else sentence("%(minutes)s min", minutes=minutes)
    )
    return {"until": until, "left": left, "end": f"{href_of(view)}/emergency/end"}


def case_files(view: CasePageView) -> list[dict[str, str]]:
    """The kinds of files that may be made of the case, for somebody outside."""
    if not view.may("hand_over"):
        return []
    return [
        {"label": each.format.label, "href": f"{href_of(view)}/file?profile={quote(each.format.key)}"}
        for each in profiles()
    ]


def crm_places(viewer: Viewer, view: CasePageView) -> list[dict[str, Any]]:
    """Where customer systems tell of the complainant; nothing of them for somebody whom an aspect is about, nor
    once the words of the case are gone."""
    if view.case.about_me or view.case.destroyed or view.case.customer_id is None:
        return []
    return crm.places(viewer, [view.case.unit.id], href_of(view))


TIES = {
    "merged": ("Merged into this", "arrow-merge"),
    "split_off": ("Went on by itself", "arrows-split"),
    "split_from": ("This came out of it", "arrows-split"),
    "moved_in": ("An aspect came from it", "arrow-merge"),
    "moved_out": ("An aspect went there", "arrows-split"),
}


def linked(ties: Sequence[Tied], view: CasePageView) -> list[dict[str, Any]]:
    """The cases it is tied to; a merge can be taken back for as long as the case is open."""
    return [
        {
            "reference": each.reference, "title": each.title, "tag": TIES[each.how][0], "icon": TIES[each.how][1],
            "href": "" if each.how == "merged" else f"/cases/{quote(each.reference, safe='')}",
            "at": each.at, "by": each.by,
            "undo": f"/undo/merges/{each.merge_id}" if each.how == "merged" and view.may("merge") else "",
        }
        for each in ties
    ]  # fmt: skip


def href_of(view: CasePageView) -> str:
    return f"/cases/{quote(view.case.reference, safe='')}"


def drawn(
    viewer: Viewer,
    view: CasePageView,
    *,
    about: str = "",
    kept: Mapping[str, Any],
    offered: Offer | None = None,
    texts: Sequence[Template] = (),
) -> dict[str, Any]:
    """Everything of pages/case.html but shell, slots and refusals."""
    queue = view.case.queue
    return {
        "back": {"href": address(queue.key if queue else "all"), "label": queue.name if queue else "All cases"},
        "case": case_drawn(view),
        "next_step": next_step(view),
        "people": owners(viewer, view),
        "moves": moves(view),
        "may_close_why": "" if view.may("close") or view.case.status == "closed" else view.why_not("close"),
        "priorities": [(code, label(code)) for code in PRIORITIES],
        "priority": view.case.priority,
        "severities": [(code, SEVERITY_WORDS[code]) for code in SEVERITIES],
        "severity": view.case.severity,
        "may": {each.key: each.allowed for each in view.actions},
        "not_now": [{"label": each.label, "reason": each.reason} for each in view.actions if not each.allowed],
        "may_change": view.may("change"),
        "may_add_aspect": view.may("add_aspect"),
        "aspects": aspects_drawn(view), "proposed": proposed(viewer, view),
        "parties": [party_drawn(each, href_of(view)) for each in view.parties],
        "party_roles": [(code, label(code)) for code in PARTY_ROLES],
        "needs": needs_of(view.parties),
        "data": [], "jobs": [],
        "kept": kept, "new_aspect": kept.get("new_aspect", {}), "new_party": kept.get("new_party", {}),
        **talk_drawn(view, about),
        "composer": composer_of(view, kept, offered, texts),
    }  # fmt: skip


def case_drawn(view: CasePageView) -> dict[str, Any]:
    case = view.case
    customer = HIDDEN if case.customer is None and case.customer_id else case.customer or "Name withheld"
    return {
        "reference": case.reference, "title": case.title, "version": case.version, "href": href_of(view),
        "status": case.status, "status_label": case.status_label, "heat": heat_of(case.mood),
        "heat_suggested": case.mood_suggested, "flag": "",
        "customer": {"name": customer, "href": f"/parties/{case.customer_id}" if case.customer_id else ""},
        "confidential": case.confidential, "clock": case.clock, "owner": case.owner, "mine": case.mine,
        "decided": view.decided, "facts": facts(view), "linked": [], "claim": case.claim, "seq": case.seq,
        **claims_drawn(case.claims, {str(each.id): each.letter for each in view.aspects}),
        "next_clock": _next_clock(view),
        "may_claim": view.may("note") and case.status != "closed" and not case.about_me,
    }  # fmt: skip


def claims_drawn(claims: Sequence[Claimed], letters: Mapping[str, str]) -> dict[str, Any]:
    """Who works on which matter, and the matters one can say it of, where there are several."""
    return {
        "claims": [
            {"name": each.name, "mine": each.mine, "until": each.until, "aspect_id": str(each.aspect_id or ""),
             "letter": letters.get(str(each.aspect_id), "")}
            for each in claims if each.aspect_id is None or str(each.aspect_id) in letters
        ],
        "matters": [{"id": each, "letter": letter} for each, letter in letters.items()] if len(letters) > 1 else [],
    }  # fmt: skip


def _next_clock(view: CasePageView) -> dict[str, Any] | None:
    found = view.case.next_clock
    if found is None or view.case.status == "closed":
        return None
    letter = next((each.letter for each in view.aspects if each.id == found.aspect_id), "")
    return {"label": found.label, "letter": letter, "clock": found.clock}


def facts(view: CasePageView, scale: Scales = STANDARD) -> list[dict[str, Any]]:
    """What is known of the case; a `day` is written by the page in the reader's language."""
    case = view.case
    channel = channel_label(case.channel)
    queue = {"href": address(case.queue.key)} if case.queue else {}
    lines = [
        {"label": "Received", "day": case.received_on, "value": channel},
        {"label": "Answer by", "day": case.due_at, "value": ""} if case.due_at else None,
        {"label": "Queue", "value": case.queue.name if case.queue else "None", **queue},
        {"label": "Unit", "value": case.unit.name},
        {"label": "Case type", "value": case.case_type_label},
        {"label": "Priority", "value": scale.priorities.get(case.priority) or label(case.priority)},
        {"label": "Severity", "value": scale.severities.get(case.severity, str(case.severity))},
    ]
    if view.promises:
        lines.append(
            {
                "label": "Promises",
                "value": counted("%(num)s to keep", "%(num)s to keep", view.promises),
                "href": f"{href_of(view)}/promises",
            }
        )
    if case.tags or view.may("change"):
        may = {"href": f"{href_of(view)}/tags"} if view.may("change") else {}
        lines.append({"label": "Tags", "value": ", ".join(case.tags) or "Add some", **may})
    lines += [{"label": each.label, "value": _own(each.value)} for each in case.form if each.value not in {"", None}]
    return [each for each in lines if each is not None]


def _own(value: Any) -> str:
    return {True: "Yes", False: "No"}[value] if isinstance(value, bool) else str(value)


def owners(viewer: Viewer, view: CasePageView) -> tuple[Named, ...]:
    """Whom the viewer may give the case to; without the right to assign, oneself, to put it back."""
    if view.people or not viewer.user_id or not (view.may("release") and view.case.mine):
        return view.people
    return (Named(viewer.user_id, viewer.name),)


async def categories_for(viewer: Viewer, view: CasePageView, aspects: Sequence[AspectShown]) -> list[tuple[str, str]]:
    """What may be chosen in the case's unit, where one of these aspects has no category yet. A statement only
    where the desk's settings changed since it was last read."""
    if all(each.category for each in aspects):
        return []
    known = await choices("category", view.case.unit.id, today(), viewer.language, viewer.settled)
    return [(each.code, each.path) for each in known]


def moves(view: CasePageView, uncategorised: bool = False) -> list[dict[str, Any]]:
    why = _CLOSE_WHY if view.promises else _CATEGORY_WHY if uncategorised else ""
    possible = [("closed", "Close the case", view.may("close"), why),
                ("in_progress", "Reopen the case", view.may("reopen"), "Reason")]  # fmt: skip
    return [{"status": code, "label": words, "reason": reason} for code, words, may, reason in possible if may]


_CLOSE_WHY = "Why is it closed before every promise is kept?"
_CATEGORY_WHY = "Why is it closed without a category?"


async def _before_closing(viewer: Viewer, view: CasePageView) -> dict[str, Any]:
    """Of the page's context, what differs where a category is asked for before the case is closed."""
    known = await categories_for(viewer, view, view.aspects) if view.may("close") else []
    matters = [(each.id, each.category) for each in view.aspects] if view.may("close") else []
    lacking = asked_for(matters, to_choose=bool(known), return_begun=view.return_begun)
    step = _category_step(view, lacking, known)
    return ({"next_step": step} if step else {}) | ({"moves": moves(view, True)} if lacking else {})


def _category_step(
    view: CasePageView, asked: Sequence[UUID], categories: Sequence[tuple[str, str]]
) -> dict[str, Any] | None:
    """Before a case is closed: what the first of the aspects that lack a category is about."""
    lacking = next((each for each in view.aspects if each.id in asked and not each.may_decide), None)
    if lacking is None or view.case.about_me:
        return None
    return {
        "phrase": {
            "text": "Say what aspect %(letter)s is about: figures and returns to regulators count it by its category.",
            "label": "Save the category", "values": {"letter": lacking.letter},
        },
        "text": "", "icon": "tags", "action": f"{href_of(view)}/aspects/{lacking.id}/change",
        "fields": {"version": lacking.version},
        "choose": {"name": "category", "label": "Category", "options": categories},
    }  # fmt: skip


def next_step(view: CasePageView) -> dict[str, Any] | None:
    """The one thing to do now, of those the viewer may do."""
    href, case = href_of(view), view.case
    if view.may("take"):
        return {"text": "Nobody owns this case. Take it, then it is yours to answer.", "label": "Take the case",
                "action": f"{href}/take", "fields": {}, "icon": "user-plus",
                **({"key": "T", "act": "take"} if view.people else {"key": "A", "act": "own"})}  # fmt: skip
    waiting = [each for each in view.aspects if each.may_decide]
    if waiting and not case.about_me:
        first = waiting[0]
        values = {"letter": first.letter, "title": first.title}
        return {"phrase": {"text": "Decide aspect %(letter)s: %(title)s", "label": "Decide aspect %(letter)s",
                           "values": values},
                "text": sentence("Decide aspect %(letter)s: %(title)s", letter=first.letter,
                    title=first.title), "label": sentence("Decide aspect %(letter)s", letter=first.letter),
                "href": f"{href}/aspects/{first.id}/decide", "key": "D", "act": "decide", "icon": "scale",
                "dialog": True}  # fmt: skip
    if view.may("close") and view.promises:
        some = counted(
            "Every aspect has an outcome. One promise is not kept yet.",
            "Every aspect has an outcome. %(num)s promises are not kept yet.",
            view.promises,
        )
        return {"text": some, "label": "See what was promised",
                "href": f"{href}/promises", "icon": "calendar-due"}  # fmt: skip
    return _ending(view) if view.may("close") else None


def _ending(view: CasePageView) -> dict[str, Any]:
    """The customer is told before the case is closed; whoever told them otherwise closes it all the same."""
    href, state = href_of(view), view.final_response
    close = {"label": "Close the case", "action": f"{href}/status", "key": "E", "act": "close", "icon": "lock",
             "fields": {"version": view.case.version, "status": "closed"}}  # fmt: skip
    if view.wrote_since and view.may("answer") and not view.case.about_me:
        text = "The customer wrote after the decision. Read it, then answer, or reopen the aspect it is about."
        return {"text": text, "label": "Answer", "icon": "mail", "href": "#composer", "also": close}
    if not state and view.may("answer") and not view.case.about_me:
        return {"text": "Every aspect has an outcome. Write the final response, then close the case.",
                "label": "Write the final response", "icon": "file-text", "inserts": "final_response",
                "action": f"{href}/insert", "also": close}  # fmt: skip
    if state == FAILED:
        return {"text": "The final response did not leave. The list of outgoing messages says why and sends it again.",
                "label": "See why", "href": "/outgoing?which=failed", "icon": "send", "also": close}  # fmt: skip
    if state and state != SENT:
        return {"text": "The final response is on its way. Close the case once it has left.", "also": close}
    if state:
        return {"text": "The final response has left. Close the case.", **close}
    return {"text": "Every aspect has an outcome. Tell the customer, then close the case.", **close}


def proposed(viewer: Viewer, view: CasePageView) -> list[dict[str, Any]]:
    """Aspects that somebody, or a plugin, proposes of what was said."""
    return [
        {"id": str(each.id), "label": worded(each.labels, each.value.get("category", ""), viewer.language),
         "reason": each.reason, "href": f"{href_of(view)}/proposals"}
        for each in view.findings
        if each.kind == "aspect" and each.state == "suggested" and not view.case.about_me
    ]  # fmt: skip


def aspects_drawn(view: CasePageView) -> list[dict[str, Any]]:
    lead = next((each.id for each in view.aspects if each.may_decide), None)
    return [aspect_drawn(each, href_of(view), lead=each.id == lead) for each in view.aspects]


def aspect_drawn(aspect: AspectShown, case_href: str, *, lead: bool = False) -> dict[str, Any]:
    tone, icon = OUTCOME_TONES.get(aspect.outcome, ("", "check")) if aspect.decided else ("", "circle-dashed")
    return {
        "id": str(aspect.id), "letter": aspect.letter, "title": aspect.title, "text": aspect.text,
        "rank": RANKS.get(aspect.letter, "Further"),
        "decided": aspect.decided, "state_label": aspect.outcome_label if aspect.decided else "Open", "tone": tone,
        "icon": icon, "lead": lead, "clock": aspect.clock, "owner": aspect.owner, "mine": aspect.mine,
        "href": f"{case_href}/aspects/{aspect.id}", "version": aspect.version, "outcome_label": aspect.outcome_label,
        "reason": aspect.reason, "cause_label": aspect.cause_label, "staff": aspect.concerns is not None,
        "redress": [redress_drawn(each) for each in aspect.redress if each.standing],
        "missing": "" if aspect.decided else "No outcome, redress or cause yet", "may_decide": aspect.may_decide,
        "waits": aspect.waits, "claim": aspect.claim,
        "suggested": [{"field_label": label(each.kind), "value": _words(each.value), "why": each.reason}
                      for each in aspect.suggested if each.state == "suggested"],
        "category": aspect.category, "priority": aspect.priority, "severity": aspect.severity, "due_at": aspect.due_at,
        "decided_at": aspect.decided_at, "decided_by": aspect.decided_by, "concerns": aspect.concerns,
        "may": {each.key: each.allowed for each in aspect.actions},
    }  # fmt: skip


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {each}" for key, each in value.items())
    return str(value)


def redress_drawn(line: RedressShown) -> dict[str, Any]:
    return {
        "id": str(line.id), "text": line.kind_label, "amount": line.amount, "currency": line.currency,
        "note": line.note, "paid_at": line.paid_on, "standing": line.standing, "at": line.created_at,
        "taken_back": line.reverses is not None,
    }  # fmt: skip


_PRIVACY = {
    "restrict": "Processing is restricted: a person decides, nothing by itself",
    "object": "Objects to processing: a person decides, nothing by itself",
}


def party_drawn(party: PartyShown, case_href: str) -> dict[str, Any]:
    contact = " · ".join(each for each in (party.email, party.phone) if each)
    return {
        "name": HIDDEN if party.name is None else party.name or "Name withheld", "role_label": party.role_label,
        "href": f"/parties/{party.person_id}", "contact": contact, "authority": party.authority,
        "authority_until": party.authority_until, "expired": party.expired,
        "needs_href": f"{case_href}/parties/{party.person_id}/needs",
        "privacy": [_PRIVACY[kind] for kind in party.privacy],
    }  # fmt: skip


def needs_of(parties: tuple[PartyShown, ...]) -> dict[str, Any] | None:
    """The complainant's confirmed needs, else those of the first party that has some."""
    for party in sorted(parties, key=lambda each: each.role != "complainant"):
        if party.needs is not None:
            needs = party.needs
            return {"text": needs_words(needs), "source": sentence("Confirmed by %(confirmed_by)s",
                confirmed_by=needs.confirmed_by),
                    "at": needs.confirmed_at, "overdue": bool(needs.review_on and needs.review_on < now().date()),
                    "review_on": needs.review_on}  # fmt: skip
    return None


def needs_words(needs: Any) -> str:
    said = []
    if needs.in_vulnerable_circumstances:
        said.append("In vulnerable circumstances.")
    if needs.complains_of_our_response:
        said.append("Complains that we did not consider their needs.")
    return " ".join([*said, needs.adjustments]).strip() or "Confirmed: no needs for support."


def talk_drawn(view: CasePageView, about: str) -> dict[str, Any]:
    """The timeline and its chips."""
    href, chosen = href_of(view), f"&about={about}" if about else ""
    chips = [
        {"letter": each.letter, "decided": each.decided, "title": each.title, "count": each.said, "id": str(each.id),
         "href": f"{href}/aspects/{each.id}", "may_pin": "change" in {one.key for one in each.actions if one.allowed}}
        for each in view.aspects
    ]  # fmt: skip
    return {
        "about": about.upper(), "chips": chips, "said": view.said,
        "entries": _in_runs(view.entries, "" if view.case.about_me else href),
        "earlier_href": f"{href}?before={view.earlier}{chosen}" if view.earlier else "",
    }  # fmt: skip


MISSED = "clock.breached"
RUN = 3  # missed deadlines in a row that stand under one line


def _in_runs(entries: Sequence[Said | Happened], href: str) -> list[dict[str, Any]]:
    """All entries; where a clock that was not watched is looked at, it misses several deadlines at once, which would
    push aside what was said."""
    drawn: list[dict[str, Any]] = []
    for missed, run in groupby(entries, key=lambda each: isinstance(each, Happened) and each.code == MISSED):
        those = [entry_drawn(each, href) for each in run]
        if not missed or len(those) < RUN:
            drawn += those
            continue
        text = counted("%(num)s deadline was missed", "%(num)s deadlines were missed", len(those))
        drawn.append({"kind": "event", "at": those[-1]["at"], "icon": those[-1]["icon"], "text": text, "folded": those})
    return drawn


def entry_drawn(entry: Said | Happened, href: str = "") -> dict[str, Any]:
    """`href`: the case's, where this person may be told why a rule did something in it."""
    if isinstance(entry, Happened):
        why = f"{href}/why/{entry.id}" if href and is_told(entry.body, entry.code) else ""
        drawn = {"kind": "event", "id": f"e{entry.id}", "at": entry.at, "icon": entry.icon, "text": entry.text,
                 "phrase": {"text": entry.phrase.text, "values": entry.phrase.values}}  # fmt: skip
        return {**drawn, "why_href": why}
    if entry.way is not None and entry.way.state == "cancelled":
        text = "A message was taken back before it left"
        return {"kind": "event", "id": str(entry.id), "at": entry.at, "icon": "arrow-back-up", "text": text}
    text, rest = cut(entry.text)
    rest_from = len(entry.text) - len(rest)
    files = [
        {"name": each.name, "href": f"/files/{each.id}", "size": each.size,
         "warning": warning(each.name, each.content_type)}
        for each in entry.files
    ]  # fmt: skip
    return {
        "kind": entry.kind, "id": str(entry.id), "at": entry.at, "author": "You" if entry.mine else entry.author,
        "channel": entry.channel, "channel_label": _how(entry), "text": text, "cut": rest, "cut_from": rest_from,
        "about": entry.about, "heat": heat_of(entry.mood), "flag": None, "files": files, "subject": entry.subject,
        "way": way_drawn(entry), "asks": entry.asks, **_passages(entry, text, rest, rest_from), **_came_in(entry),
    }  # fmt: skip


def _passages(entry: Said, text: str, rest: str, rest_from: int) -> dict[str, Any]:
    """The pieces of the text, and of what is cut off, where a passage is pinned to an aspect."""
    if not entry.pins:
        return {}
    return {
        "pieces": marked(text, entry.pins),
        "cut_pieces": marked(rest, entry.pins, rest_from) if rest else [],
    }


def _came_in(entry: Said) -> dict[str, Any]:
    """Of a message of the inbox: why it is here, who wrote it, what stood below it, and where all of it is."""
    came = entry.came_in
    if came is None:
        return {}
    return {
        "why": matched_words(came.matched_by), "robot": robot_words(came.robot) if came.robot else "",
        "after_close": came.after_close, "quoted": came.quoted, "marks": came.marks,
        "inbox_href": f"/inbox?show=placed&open={entry.id}",
    }  # fmt: skip


def _how(entry: Said) -> str:
    """How it was said; words that a member of staff took down are not their own."""
    if entry.kind == "in" and entry.author_id is not None:
        return word("wrote down what was said")
    return channel_label(entry.channel)


def cut(text: str) -> tuple[str, str]:
    """A long text in what is shown at once and the rest, parted at a space."""
    if len(text) <= LONG * 4 // 3:
        return text, ""
    place = max(text.rfind("\n\n", LONG // 2, LONG), text.rfind(" ", LONG // 2, LONG))
    place = place if place > 0 else LONG
    return text[:place].rstrip(), text[place:].lstrip()


_LABELS = {
    "owner_id": "Owner", "queue_id": "Queue", "fields": "Own fields", "order": "Order of the aspects",
    "concerns_user_id": "About a member of staff", "due_at": "Due", "email": "E-mail", "confidential": "Confidential",
}  # fmt: skip


async def conflict_of(viewer: Viewer, view: CasePageView, changed: Changed, aspect: AspectShown | None = None) -> Any:
    """Both sides of a change that came second, as fragments/conflict.html lays them side by side."""
    last = await last_change(viewer, view.case.id, aspect.id if aspect else None)
    names = {each.id: each.name for each in view.people}
    return conflict_drawn(changed, last.who, last.at, names)


def conflict_drawn(changed: Changed, who: str, at: Any, names: Mapping[Any, str]) -> dict[str, Any]:
    def side(values: Mapping[str, Any]) -> list[dict[str, str]]:
        return [
            {"label": _LABELS.get(key, label(key)), "value": _shown_value(key, values[key], names)} for key in values
        ]

    return {
        "who": who, "at": at, "yours": side(changed.yours), "theirs": side(changed.theirs), "version": changed.version
    }  # fmt: skip


def _shown_value(key: str, value: Any, names: Mapping[Any, str]) -> str:
    if value is None or value == "":
        return "–"
    if key.endswith("_id"):
        return names.get(value, "Somebody else" if key != "queue_id" else "Another queue")
    if isinstance(value, Mapping):
        return _words(value)
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    if key in {"status", "priority", "outcome", "cause", "mood", "kind"}:
        return label(str(value))
    return str(value)
