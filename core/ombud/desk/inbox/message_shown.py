"""One message of the inbox with everything that is known of it, in one statement; its bytes and its rendering."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ombud.desk.errors import NotFound
from ombud.desk.inbox.listing import READ
from ombud.desk.shown import Named, moment_of
from ombud.desk.trail.timeline import FileShown
from ombud.desk.writing import demand
from ombud.kernel.database import db
from ombud.trust import vault, viewing
from ombud.trust.ledger import NewEntry, append
from ombud.trust.policy import Arguments, Viewer, decide, mask_in

GONE = "There is no such message that you may see. It may have been erased, or belong to another unit."


@dataclass(frozen=True)
class DecisionShown:
    """A decision on the message, the newest first. `by`: who decided, empty where a rule did."""

    decision: str
    reason: str
    words: str
    wording: str
    rule: str
    by: str
    case: str
    at: datetime


@dataclass(frozen=True)
class CopyShown:
    """The same message by another mailbox."""

    channel: str
    account: str
    at: datetime


@dataclass(frozen=True)
class MessageShown:
    """A message. What the viewer may not see of its sender is None; `case`, `possible`: references in view;
    `possible_hidden`: it may belong to a case that the viewer does not see."""

    id: UUID
    raw_id: UUID | None
    channel: str
    account: str
    sender: str | None
    address: str | None
    subject: str
    text: str
    quoted: str
    has_html: bool
    at: datetime
    sent_at: datetime | None
    language: str
    mood: str
    robot: str
    robot_reason: str
    held: str
    waits: bool
    decision: str
    matched_by: str
    matched_with: str
    after_close: bool
    case: str
    case_status: str
    possible: str
    possible_by: str
    possible_hidden: bool
    possible_status: str
    triage_due_at: datetime | None
    read_at: datetime | None
    read_by: str
    unit: Named
    zone: str
    queue: Named | None
    marks: tuple[dict[str, str], ...]
    files: tuple[FileShown, ...]
    copies: tuple[CopyShown, ...]
    decisions: tuple[DecisionShown, ...]
    may_decide: bool


_ONE = """
SELECT m.*, u.name AS unit_name, u.key AS unit_key, u.time_zone, q.name AS queue_name, q.key AS queue_key,
    c.reference AS case_reference, c.status AS case_status, possible.reference AS possible_reference,
    possible.status AS possible_status, coalesce(nullif(w.display_name, ''), w.name, '') AS reader,
    (SELECT jsonb_agg(jsonb_build_array(f.id, f.name, f.content_type, f.size) ORDER BY f.created_at, f.id)
        FROM core_attachment f WHERE f.message_id = m.id AND {files}) AS files,
    (SELECT jsonb_agg(jsonb_build_array(x.channel, x.account, x.at) ORDER BY x.at, x.id) FROM core_message_copy x
        WHERE x.message_id = m.id) AS copies,
    (SELECT jsonb_agg(jsonb_build_object('decision', t.decision, 'reason', t.reason, 'words', t.words,
        'wording', t.wording, 'rule', t.rule, 'at', t.at, 'case', coalesce(k.reference, ''),
        'by', coalesce(nullif(d.display_name, ''), d.name, '')) ORDER BY t.version DESC)
        FROM core_triage t LEFT JOIN core_case k ON k.id = t.case_id AND {told}
        LEFT JOIN core_user d ON 'user/' || d.id = t.actor WHERE t.message_id = m.id) AS decisions
FROM core_message m JOIN core_unit u ON u.id = m.unit_id
LEFT JOIN core_queue q ON q.id = m.queue_id LEFT JOIN core_case c ON c.id = m.case_id AND {home}
LEFT JOIN core_case possible ON possible.id = m.possible_case_id AND {possible}
LEFT JOIN core_user w ON w.id = m.read_by
WHERE m.id = {id} AND m.direction = 'in' AND {rows}
"""


async def message_shown(viewer: Viewer, message_id: UUID) -> MessageShown:
    """Raises NotFound with one text for missing and hidden."""
    demand(viewer, READ)
    arguments = Arguments()
    sql = _ONE.format(
        files=decide(viewer, READ, "attachment").where("f", arguments),
        told=decide(viewer, "case.read", "case").where("k", arguments),
        home=decide(viewer, "case.read", "case").where("c", arguments),
        possible=decide(viewer, "case.read", "case").where("possible", arguments),
        id=arguments.add(message_id), rows=decide(viewer, READ, "message").where("m", arguments),
    )  # fmt: skip
    row = await db.fetchrow(sql, *arguments.values)
    if row is None:
        raise NotFound(GONE)
    _saw(viewer, row["case_id"])
    return _shown(viewer, row)


def _saw(viewer: Viewer, case_id: UUID | None) -> None:
    if case_id is not None:
        viewing.saw(viewer, case_id)


def _shown(viewer: Viewer, row: Any) -> MessageShown:
    mask = mask_in(viewer, row["unit_id"])
    same = ("id", "raw_id", "channel", "account", "subject", "quoted", "sent_at", "language", "mood", "robot",
            "robot_reason", "held", "waits", "decision", "matched_by", "matched_with", "after_close", "triage_due_at",
            "read_at")  # fmt: skip
    return MessageShown(
        **{name: row[name] for name in same},
        sender=None if "name" in mask else row["sender_name"],
        address=None if "email" in mask else row["sender_address"],
        text=row["body"], has_html=bool(row["html"]), at=row["said_at"], case=row["case_reference"] or "",
        case_status=row["case_status"] or "", possible=row["possible_reference"] or "",
        possible_by=row["possible_reason"], possible_status=row["possible_status"] or "",
        possible_hidden=row["possible_case_id"] is not None and not row["possible_reference"], read_by=row["reader"],
        unit=Named(row["unit_id"], row["unit_name"], row["unit_key"]), zone=row["time_zone"],
        queue=Named(row["queue_id"], row["queue_name"], row["queue_key"]) if row["queue_id"] else None,
        marks=tuple(row["marks"] or ()),
        files=tuple(FileShown(UUID(f[0]), f[1], f[2], f[3]) for f in row["files"] or ()),
        copies=tuple(CopyShown(x[0], x[1], _moment(x[2])) for x in row["copies"] or ()),
        decisions=tuple(DecisionShown(**{**each, "at": _moment(each["at"])}) for each in row["decisions"] or ()),
        may_decide=viewer.may_in("inbox.decide", row["unit_id"]),
    )  # fmt: skip


def _moment(text: str) -> datetime:
    found = moment_of(text)
    assert found is not None
    return found


async def rendering(viewer: Viewer, message_id: UUID) -> str:
    """The cleaned HTML of a message; raises NotFound where there is none in view."""
    demand(viewer, READ)
    arguments = Arguments(message_id)
    row = await db.fetchrow(
        "SELECT m.html, m.case_id FROM core_message m WHERE m.id = $1 AND m.direction = 'in' "
        f"AND {decide(viewer, READ, 'message').where('m', arguments)}",
        *arguments.values,
    )
    if row is None or not row["html"]:
        raise NotFound(GONE)
    _saw(viewer, row["case_id"])
    return str(row["html"])


async def as_it_came(viewer: Viewer, message_id: UUID) -> tuple[str, bytes]:
    """The bytes of a message and the type they came with; that they were looked at is written down."""
    demand(viewer, READ)
    arguments = Arguments(message_id)
    row = await db.fetchrow(
        "SELECT r.id, r.vault_id, r.content_type, m.case_id FROM core_message m JOIN core_raw r ON r.id = m.raw_id "
        "WHERE m.id = $1 AND m.direction = 'in' "
        f"AND {decide(viewer, READ, 'message').where('m', arguments)}",
        *arguments.values,
    )
    if row is None:
        raise NotFound(GONE)
    try:
        data = await vault.load(row["vault_id"])
    except (vault.NotStored, vault.Destroyed):
        raise NotFound(GONE) from None
    async with db.transaction():
        entry = NewEntry(f"message/{row['id']}", "intake.read", {"raw": str(row["id"])})
        await append(actor=viewer.actor, entries=[entry])
    _saw(viewer, row["case_id"])
    return row["content_type"], data
