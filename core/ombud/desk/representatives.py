"""Who speaks for a complainant from the first day: written with the case that they open."""

from dataclasses import dataclass
from uuid import UUID

from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust.ledger import NewEntry, Sealed
from ombud_plugin_api.facts import Representative

ROLE = "representative"


@dataclass(frozen=True)
class Speaks:
    """A representative with the ids that they get."""

    person_id: UUID
    party_id: UUID
    given: Representative

    def entry(self, stream: str) -> NewEntry:
        until = self.given.until.isoformat() if self.given.until else ""
        body = {"party": str(self.party_id), "person": str(self.person_id), "role": ROLE, "authority_until": until}
        subject = f"person/{self.person_id}"
        sealed = {
            "name": Sealed(subject, self.given.person.name), "authority": Sealed(subject, self.given.authority)
        }  # fmt: skip
        return NewEntry(stream, "party.added", body, sealed)


def speaks(given: Representative | None) -> Speaks | None:
    return None if given is None else Speaks(new_id(), new_id(), given)


async def insert(case_id: UUID, who: Speaks) -> None:
    """Person and party, in the transaction that opens the case."""
    person = who.given.person
    await db.execute(
        "WITH p AS (INSERT INTO core_person (id, kind, name, email, phone, postcode, address, language, created_at, "
        "version) VALUES ($1, 'person', $2, $3, $4, $5, '', $6, $7, 1)) "
        "INSERT INTO core_party (id, case_id, person_id, role, authority, authority_until, created_at) "
        "VALUES ($8, $9, $1, $10, $11, $12, $7)",
        who.person_id, person.name, person.email, person.phone, person.postcode, person.language, now(),
        who.party_id, case_id, ROLE, who.given.authority, who.given.until,
    )  # fmt: skip
