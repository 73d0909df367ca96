"""What rules did to a person's cases without anybody's hand, and why: for who asks, and for whoever looks again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid, NotNow
from ombud.desk.privacy.requests import note, open_row
from ombud.desk.rules import explained
from ombud.desk.writing import update
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.policy import Viewer

RESULTS = ("stands", "changed")
MOST = 2000


@dataclass(frozen=True)
class Done:
    """One firing of a rule. `matched`: each condition that held with what it saw; `changes`: what the rule did;
    `refused`: what it asked for and was not done, with why."""

    at: datetime
    reference: str
    rule: str
    when: str
    matched: tuple[str, ...]
    changes: tuple[str, ...]
    refused: tuple[str, ...]

    @property
    def plain(self) -> dict[str, Any]:
        """As the bundle has it."""
        return {
            "at": self.at, "case": self.reference, "rule": self.rule, "when": self.when, "because": list(self.matched),
            "did": list(self.changes), "not_done": list(self.refused),
        }  # fmt: skip


# An entry that names a matter about a member of staff is not the customer's to have.
_FIRED = """
SELECT e.seq, e.at, e.kind, e.body, c.reference FROM core_party y JOIN core_case c ON c.id = y.case_id
JOIN core_ledger_entry e ON e.stream = 'case/' || c.id AND e.kind = 'rule.applied'
WHERE y.person_id = ANY($1) AND y.role IN ('complainant', 'joint_complainant')
AND NOT EXISTS (SELECT 1 FROM core_aspect a WHERE a.case_id = c.id AND a.concerns_user_id IS NOT NULL
    AND e.body::text LIKE '%' || a.id::text || '%')
ORDER BY e.at, c.reference, e.seq LIMIT $2
"""


async def of_people(people: Sequence[UUID]) -> list[Done]:
    """In the order it happened."""
    rows = await db.fetch(_FIRED, list(people), MOST)
    why = await explained.explain(
        [(place, row["kind"], row["body"]) for place, row in enumerate(rows)], concerned=False
    )
    return [_done(row, why[place]) for place, row in enumerate(rows) if place in why]


def _done(row: Any, because: explained.Because) -> Done:
    return Done(
        row["at"], row["reference"], because.label, because.when,
        tuple(" ".join(str(text) for text in each.values() if text) for each in because.matched), because.changes,
        tuple(f"{what}: {why}" for what, why in because.refused),
    )  # fmt: skip


async def review(viewer: Viewer, request_id: UUID, result: str, words: str, version: int | None) -> None:
    """That a person looked at it again, and what they found."""
    words = clean_text(words, "review", longest=2000)
    if result not in RESULTS:
        raise Invalid("Say whether it stands.", "review_result")
    if not words:
        raise Invalid("Say what you looked at and found.", "review")
    async with db.transaction():
        row = await open_row(viewer, request_id, version)
        if row["does"] != "review":
            raise NotNow("This request asks for something else.")
        if row["person_id"] is None:
            raise NotNow("Say first which person of the desk asks.")
        await update("core_privacy_request", request_id, {
            "reviewed_at": now(), "reviewed_by": viewer.user_id, "review_result": result, "review": words,
        })  # fmt: skip
        await note(viewer.actor, row, "privacy.decisions_reviewed", {"result": result}, {"review": words})
