"""The box in which messages, notes and what somebody told are written, and how a message on its way is drawn."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from ombud.desk.case_shown import CasePageView
from ombud.desk.colleagues import drafts
from ombud.desk.colleagues.drafts import Shared
from ombud.desk.outgoing.offer import Offer
from ombud.desk.outgoing.rules import KIND_WORDS
from ombud.desk.outgoing.shown import stands
from ombud.desk.outgoing.states import WRITTEN
from ombud.desk.outgoing.templates import Template
from ombud.desk.outgoing.ways import PAGE
from ombud.desk.trail.timeline import OnItsWay, Said
from ombud.speech import joined, sentence
from ombud.web.pages import asking

PARTS = (
    "kind",
    "text",
    "about",
    "channel",
    "recipient",
    "letter",
    "subject",
    "files",
    "leave_on",
    "leave_at",
    "ask",
    "template_id",
    "kept_files",
    "letter_type",
    "override",
)
"""What a draft of this box keeps."""


def composer_of(
    view: CasePageView, kept: Mapping[str, Any], offered: Offer | None, texts: Sequence[Template] = ()
) -> dict[str, Any] | None:
    """What was typed last: refused a moment ago, or kept as a draft. None for those who may not write."""
    if not view.may("note"):
        return None
    purpose = drafts.for_message(view.case.customer_id)
    draft = view.drafts.get(purpose, {})
    apart = [each for each in view.drafts if each.startswith(drafts.MESSAGE) and each != purpose]
    typed: Mapping[str, Any] = kept.get("composer") or draft.get("body") or {}
    undecided = [each.letter for each in view.aspects if not each.decided]
    mixed = 0 < len(undecided) < len(view.aspects)
    kind = typed.get("kind") or ("reply" if view.may("answer") else "note")
    return {
        "may_reply": view.may("answer"),
        "reply_why_not": "" if view.may("answer") else view.why_not("answer"), "kind": kind,
        "text": typed.get("text", ""), "about": _about(view, typed),
        "draft_version": draft.get("version", 0), "saved_at": draft.get("updated_at"), "theirs": "",
        "to": str(view.case.customer_id or ""), "apart": len(apart),
        "warning": sentence("No outcome yet: %(undecided)s", undecided=joined(undecided)) if mixed else "",
        "error": kept.get("composer_error", ""), "key": kept.get("key") or secrets.token_urlsafe(12),
        "shared": bool(draft.get("shared")), "edited_by": draft.get("edited_by", ""),
        "returned": str(typed.get("returned") or ""),
        "send": None if offered is None else sending_of(offered, typed),
        "texts": [{"key": each.key, "name": each.name, "kind": KIND_WORDS[each.kind], "language": each.language}
                  for each in texts if each.kind in WRITTEN],
        "final": bool(offered and view.aspects and not undecided and not view.case.about_me),
        "template_id": str(typed.get("template_id") or ""),
        "kept_files": draft.get("files") or [],
        "asks": asking.drawn(view, typed) if offered is not None and not view.case.about_me else None,
        "gate": gate_of(typed, kept.get("gate")),
    }  # fmt: skip


def gate_of(typed: Mapping[str, Any], checked: Any = None) -> dict[str, Any]:
    """The box that says what the gate finds: as it was checked a moment ago, or asking for it once the page stands."""
    if checked is not None:
        return dict(checked)
    final = typed.get("kind", "reply") == "reply" and typed.get("letter") == "final_response"
    return {"on": final, "checked": False, "findings": [], "types": [],
            "letter_type": str(typed.get("letter_type") or ""),
            "override": str(typed.get("override") or ""), "may_override": False, "why_not": ""}  # fmt: skip


def _about(view: CasePageView, typed: Mapping[str, Any]) -> list[str]:
    """The letters ticked; what came back from its way out names aspects by id, since letters differ by viewer."""
    about = typed.get("about") or ""
    letters = about.split(",") if isinstance(about, str) else list(about)
    pins = set(str(typed.get("pins") or "").split(","))
    return [each for each in letters if each] + [each.letter for each in view.aspects if str(each.id) in pins]


def shared_drawn(found: Sequence[Shared], kept: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Colleagues' shared drafts; what was typed into one and refused stands in its place."""
    typed = kept.get("shared_draft") or {}
    return [
        {"id": str(each.id), "author": each.author, "text": each.body.get("text", ""), "version": each.version,
         "at": each.updated_at, "edited_by": each.edited_by, "subject": each.body.get("subject", ""),
         "typed": typed.get("text", "") if typed.get("id") == str(each.id) else "",
         "error": typed.get("error", "") if typed.get("id") == str(each.id) else ""}
        for each in found
    ]  # fmt: skip


def sending_of(offered: Offer, typed: Mapping[str, Any]) -> dict[str, Any]:
    """The choices of a reply, and which of them is made."""
    channel = str(typed.get("channel") or offered.usual)
    ticked = set(str(typed.get("files") or "").split(","))
    letter = str(typed.get("letter") or "reply")
    return {
        "ways": [{"key": each.key, "label": each.label, "why_not": offered.why_not.get(each.key, "")}
                 for each in offered.ways],
        "channel": channel if channel in {each.key for each in offered.ways} else PAGE,
        "people": [{"id": str(each), "name": name or "Name withheld", "role": role}
                   for each, name, role in offered.people],
        "recipient": str(typed.get("recipient") or (offered.people[0][0] if offered.people else "")),
        "letters": offered.letters, "letter": letter, "subject": str(typed.get("subject") or ""),
        "files": [{"id": str(each), "name": name, "ticked": str(each) in ticked} for each, name in offered.files],
        "leave_on": str(typed.get("leave_on") or ""), "leave_at": str(typed.get("leave_at") or ""),
        "ask": bool(typed.get("ask")), "hold": offered.holds.get(letter, 0),
        "more": bool(typed.get("leave_on") or typed.get("ask") or ticked - {""}),
    }  # fmt: skip


def way_drawn(entry: Said) -> dict[str, Any] | None:
    """The line under a message of the timeline; None where it simply is on the customer's page."""
    return None if entry.way is None else way_of(entry.id, entry.way)


def way_of(identity: UUID, way: OnItsWay) -> dict[str, Any]:
    """The line that says how a message stands, with what can be done."""
    found = stands(way)
    return {
        "text": found.text, "way": found.way, "tone": found.tone, "icon": found.icon, "at": found.at,
        "detail": found.detail, "code": found.code, "href": f"/outgoing/{identity}", "may": found.may,
        "counts_down": found.counts_down, "letter": found.letter, "to": way.recipient or "", "state": way.state,
        "by": way.by, "let_pass_by": way.let_pass_by, "let_pass_why": way.let_pass_why,
    }  # fmt: skip
