"""A message of the inbox as its templates draw it: why it is where it is, in words."""

from datetime import datetime
from typing import Any
from urllib.parse import quote

from ombud.desk.channels import channel_label
from ombud.desk.inbox import decisions
from ombud.desk.inbox.listing import InboxRow
from ombud.desk.inbox.message_shown import DecisionShown, MessageShown
from ombud.desk.inbox.robots import WORDS as ROBOTS
from ombud.desk.words import label
from ombud.speech import sentence, word
from ombud.trust.policy import HIDDEN
from ombud.web.pages.queues import heat_of

NOBODY = "Sender not known"
MATCHED = {
    "thread": "it answers a message of this case", "token": "it was sent to the address that we gave for this case",
    "reference": "its reference stands in the text", "person": "somebody put it there",
}  # fmt: skip
POSSIBLY = {
    "thread": "It answers a message of this case", "token": "It was sent to the address of this case",
    "reference": "The reference of this case stands in the text", "person": "It was in this case before",
}  # fmt: skip
DECIDED = {
    decisions.COMPLAINT: "A complaint: a case was opened", decisions.JOINED: "Part of a case",
    decisions.NOT_COMPLAINT: "Not a complaint", decisions.UNDONE: "Taken back: it waits again",
}  # fmt: skip
RULES = {
    "joined.thread": "The messages that it answers", "joined.token": "The address to which it was sent",
    "joined.reference": "The reference in its text", "joined.link": "Written on the customer's page",
    "joined.desk": "Told to a member of staff", "robot.auto_reply": "An automatic answer to a message of ours",
    "robot.bounce": "A mail server's report about a message of ours",
    "robot.report": "A delivery report about a message of ours",
}  # fmt: skip


def drawn_row(row: InboxRow, href: str, at: datetime) -> dict[str, Any]:
    """A row of fragments/inbox_rows.html."""
    return {
        "id": str(row.id), "href": href, "channel": row.channel, "sender": sender_of(row.sender, row.address),
        "subject": row.subject or row.opening or "No words", "at": row.at, "heat": heat_of(row.mood),
        "unread": row.unread, "files": row.files, "note": _note(row),
        "late": row.waits and row.triage_due_at is not None and row.triage_due_at < at,
        "robot": robot_words(row.robot), "held": bool(row.held), "after_close": row.after_close and row.waits,
    }  # fmt: skip


def sender_of(name: str | None, address: str | None) -> str:
    if name is None and address is None:
        return HIDDEN
    return name or address or word(NOBODY)


def robot_words(kind: str) -> str:
    return word(ROBOTS.get(kind, "")) or kind.replace("_", " ").capitalize()


def _note(row: InboxRow) -> str:
    """Where it stands, in a few words."""
    if row.case:
        return (
            sentence("Answered after %(case)s was closed", case=row.case)
            if row.after_close and row.waits
            else sentence("In %(case)s", case=row.case)
        )
    if row.decision == "not_complaint":
        return sentence(
            "Not a complaint: %(decision_reason)s", decision_reason=reason_words(row.decision_reason).lower()
        )
    if row.possible:
        return sentence("Possibly belongs to %(possible)s", possible=row.possible)
    return row.queue.name if row.queue else "No case yet"


def reason_words(code: str) -> str:
    return word(decisions.REASONS.get(code, "")) or word(decisions.BY_RULE.get(code, "")) or label(code)


def rule_words(rule: str) -> str:
    if rule.startswith("filed."):
        return sentence("Filed as a complaint by %(filed)s", filed=channel_label(rule.removeprefix("filed.")))
    return RULES.get(rule) or label(rule.replace(".", " "))


def drawn_message(message: MessageShown, at: datetime) -> dict[str, Any]:
    """The chosen message of pages/inbox.html."""
    case_href = f"/cases/{quote(message.case)}" if message.case else ""
    return {
        "id": str(message.id), "channel": message.channel, "channel_label": channel_label(message.channel),
        "sender": sender_of(message.sender, message.address), "address": message.address or "",
        "subject": message.subject or "No subject", "at": message.at, "sent_at": message.sent_at,
        "account": message.account, "text": message.text, "quoted": message.quoted, "heat": heat_of(message.mood),
        "html_href": f"/inbox/{message.id}/html" if message.has_html else "",
        "raw_href": f"/inbox/{message.id}/raw" if message.raw_id else "",
        "files": [{"name": each.name, "href": f"/files/{each.id}", "size": each.size} for each in message.files],
        "marks": [{**mark, "tone": {"good": "ok", "bad": "warn"}.get(mark["tone"], "")} for mark in message.marks],
        "robot": robot_words(message.robot) if message.robot else "", "robot_reason": message.robot_reason,
        "held": bool(message.held), "waits": message.waits, "decision": message.decision,
        "case": message.case, "case_href": case_href, "matched": matched_words(message.matched_by),
        "matched_with": message.matched_with if message.matched_by in {"thread", "reference"} else "",
        "after_close": message.after_close and message.waits, "closed": message.case_status == "closed",
        "possible": message.possible, "possible_href": f"/cases/{quote(message.possible)}" if message.possible else "",
        "possible_why": _possible_why(message), "possible_closed": message.possible_status == "closed",
        "possible_hidden": message.possible_hidden,
        "due_at": message.triage_due_at, "late": message.triage_due_at is not None and message.triage_due_at < at,
        "unit": message.unit.name, "queue": message.queue.name if message.queue else "",
        "copies": [{"label": each.account or channel_label(each.channel), "at": each.at} for each in message.copies],
        "decisions": [_decision(each) for each in message.decisions], "may_decide": message.may_decide,
        "read_by": message.read_by, "read_at": message.read_at,
    }  # fmt: skip


def matched_words(by: str) -> str:
    return MATCHED.get(by, "")


def _possible_why(message: MessageShown) -> str:
    """Why it is thought to belong there, and why it did not join."""
    said = POSSIBLY.get(message.possible_by, "It may belong to this case")
    if message.robot:
        return sentence("%(said)s, but a machine wrote it.", said=said)
    if message.held:
        return sentence("%(said)s, but it was held back.", said=said)
    return sentence("%(said)s, but its sender is no party to it.", said=said)


def _decision(each: DecisionShown) -> dict[str, Any]:
    return {
        "words": DECIDED.get(each.decision, label(each.decision)),
        "reason": reason_words(each.reason) if each.reason else "", "because": each.words, "wording": each.wording,
        "rule": rule_words(each.rule) if each.rule else "", "by": each.by, "at": each.at, "case": each.case,
        "case_href": f"/cases/{quote(each.case)}" if each.case else "",
    }  # fmt: skip
