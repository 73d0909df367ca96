"""What a new case is made of: planned before its first row is written (`opening_rows.py`)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from ombud.desk import deadlines, fields, queues, references, representatives
from ombud.desk.ground import Ground
from ombud.kernel.clock import now
from ombud.kernel.ids import new_id
from ombud.process import address, settings
from ombud.trust import links
from ombud.trust.canonical import moment_text
from ombud_plugin_api.facts import Complaint, Filed, Matter


@dataclass(frozen=True)
class Receipt:
    """A raw message that is safe in the database; `case_id` once it became a case."""

    id: UUID
    person_id: UUID
    received_at: datetime
    status: str
    case_id: UUID | None
    key: bytes | None = field(default=None, repr=False)  # the person's, where this request made it itself
    number: int | None = None  # of its case, drawn with it
    account: str = ""  # the mailbox or number it came to
    settled: int = 0  # the number of the desk's settings when it was stored


@dataclass(frozen=True)
class Opening:
    """Everything about a new case that is settled before the first row is written."""

    receipt: Receipt
    complaint: Complaint
    actor: str
    case_id: UUID
    message_id: UUID
    party_id: UUID
    aspect_ids: tuple[UUID, ...]
    reference: str
    ground: Ground
    title: str
    received_at: datetime
    opened_at: datetime
    due_at: datetime
    queue_id: UUID | None
    aspect_queues: tuple[UUID | None, ...]
    """The queue of its own that a matter waits in; None: with the case."""
    link: Any
    fields: dict[str, Any]
    filed: Filed
    representative: representatives.Speaks | None = None
    waited: bool = False
    """Its first message waited in the inbox."""

    def aspects(self) -> Iterator[tuple[int, UUID, Matter, UUID | None]]:
        """Each matter with its place, its id, and a queue of its own."""
        each = zip(self.aspect_ids, self.complaint.matters, self.aspect_queues, strict=True)
        return ((place, *aspect) for place, aspect in enumerate(each, 1))


def planned(
    receipt: Receipt, complaint: Complaint, ground: Ground, *, actor: str = "", message_id: UUID | None = None
) -> Opening:
    assert receipt.number is not None
    received_at = complaint.received_at or receipt.received_at
    due_at = deadlines.due(received_at, ground.days, ground.time_zone)
    reference = references.make(receipt.number, settings().complaints.reference_prefix)
    case_id = new_id()
    link_row, token = links.prepare(case_id, receipt.person_id, "track", ground.promises.tracking_link_days)
    facts = {
        "unit_id": ground.unit_id, "case_type": complaint.case_type, "channel": complaint.channel, "priority": "normal",
        "severity": 1, "language": complaint.language, "category": complaint.matters[0].category,
        "account": receipt.account.lower(),
    }  # fmt: skip
    queue_id = queues.choose(facts, ground.queues)
    apart = [
        queues.elsewhere(facts, complaint.matters[0].category, {"category": each.category}, ground.queues)
        for each in complaint.matters
    ]
    filed = Filed(
        reference=reference, case_id=case_id, track_url=address(f"/track/{token}"), received_at=received_at,
        answer_by=deadlines.received_on(due_at, ground.time_zone),
    )  # fmt: skip
    return Opening(
        receipt=receipt, complaint=complaint, actor=actor or f"person/{receipt.person_id}", case_id=case_id,
        message_id=message_id or new_id(), party_id=new_id(),
        aspect_ids=tuple(new_id() for _ in complaint.matters), reference=reference, ground=ground,
        title=title_of(complaint), received_at=received_at, opened_at=now(), due_at=due_at,
        queue_id=queue_id, aspect_queues=tuple(apart), link=link_row,
        fields=fields.check(ground.fields, complaint.fields), filed=filed,
        representative=representatives.speaks(complaint.represented_by), waited=message_id is not None,
    )  # fmt: skip


def title_of(complaint: Complaint) -> str:
    """One line for lists: the summary, or the first matter's title or opening words."""
    first = complaint.matters[0]
    return shortened(complaint.summary or first.title or first.text, 120)


def shortened(text: str, length: int) -> str:
    """The opening of a text on one line, cut at a word."""
    line = " ".join(text.split())
    if len(line) <= length:
        return line
    return line[: length - 1].rsplit(" ", 1)[0].rstrip(",.;:") + "…"


def body_of(complaint: Complaint) -> str:
    """What the complainant said, as one text for the timeline."""
    if len(complaint.matters) == 1:
        only = complaint.matters[0].text
        return only if complaint.summary in {"", only} else f"{complaint.summary}\n\n{only}"
    parts = [complaint.summary] if complaint.summary else []
    for place, matter in enumerate(complaint.matters, 1):
        said_below = not matter.title or matter.text.startswith(matter.title.removesuffix("…"))
        head = f"{place}. " if said_below else f"{place}. {matter.title}\n"
        parts.append(head + matter.text)
    return "\n\n".join(parts)


def moment(at: datetime) -> str:
    """A time as entries hold it."""
    return moment_text(at)
