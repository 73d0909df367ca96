"""Support needs: a record that a person confirms; two booleans, of which neither implies the other (FCA PS25/19)."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from ombud.desk.checking import clean_text
from ombud.desk.errors import Changed, Invalid
from ombud.desk.writing import lock_case, record
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust.ledger import Sealed
from ombud.trust.policy import Viewer


@dataclass(frozen=True)
class Needs:
    """What was confirmed. `lawful_basis`: the consent or the legal ground on which it is kept."""

    in_vulnerable_circumstances: bool
    complains_of_our_response: bool
    adjustments: str
    lawful_basis: str
    review_on: date | None = None


async def confirm(viewer: Viewer, case_id: UUID, person_id: UUID, needs: Needs, version: int | None = None) -> None:
    """Writes or replaces the confirmed record of one person in one case; used for support, never to detriment.

    `version`: of the record that the writer saw, 0 for none; raises Changed where it is another one now."""
    adjustments = clean_text(needs.adjustments, "adjustments", longest=5000)
    basis = clean_text(needs.lawful_basis, "lawful_basis", longest=500, required=True)
    async with db.transaction():
        await lock_case(viewer, "support.write", case_id)
        if not await db.fetchval(
            "SELECT EXISTS (SELECT 1 FROM core_party WHERE case_id = $1 AND person_id = $2)", case_id, person_id
        ):
            raise Invalid("This person is not part of the case. Add them first.", "person")
        known = "SELECT version FROM core_support_needs WHERE case_id = $1 AND person_id = $2"
        stands = int(await db.fetchval(known, case_id, person_id) or 0)
        if version is not None and version != stands:
            raise Changed("This record", stands, {}, {})
        await db.execute(
            "INSERT INTO core_support_needs (id, case_id, person_id, in_vulnerable_circumstances, "
            "complains_of_our_response, adjustments, lawful_basis, confirmed_by, confirmed_at, review_on, version) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1) ON CONFLICT (case_id, person_id) DO UPDATE SET "
            "in_vulnerable_circumstances = $4, complains_of_our_response = $5, adjustments = $6, lawful_basis = $7, "
            "confirmed_by = $8, confirmed_at = $9, review_on = $10, version = core_support_needs.version + 1",
            new_id(), case_id, person_id, needs.in_vulnerable_circumstances, needs.complains_of_our_response,
            adjustments, basis, viewer.user_id, now(), needs.review_on,
        )  # fmt: skip
        subject = f"person/{person_id}"
        sealed = {
            "needs": Sealed(
                subject,
                {
                    "in_vulnerable_circumstances": needs.in_vulnerable_circumstances,
                    "complains_of_our_response": needs.complains_of_our_response,
                    "adjustments": adjustments,
                },
            )
        }
        holds = needs.in_vulnerable_circumstances or needs.complains_of_our_response or bool(adjustments)
        body = {
            "person": str(person_id), "review_on": needs.review_on.isoformat() if needs.review_on else "",
            "holds": holds,
        }  # fmt: skip
        await record(viewer, case_id, "support_needs.confirmed", body, sealed)
