"""People and organisations, and the roles they have in cases."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from ombud.desk.checking import checked_email, checked_person, clean_text
from ombud.desk.errors import Invalid, NotFound
from ombud.desk.notices.contact import choose, wants_news
from ombud.desk.words import PARTY_ROLES
from ombud.desk.writing import check_version, lock_case, record, refuse_concerned, update
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust.ledger import NewEntry, Sealed, append
from ombud.trust.policy import Arguments, Viewer, decide
from ombud_plugin_api.facts import PersonGiven

CHANGEABLE = ("name", "email", "phone", "postcode", "address", "language", "kind")


async def add_party(
    viewer: Viewer,
    case_id: UUID,
    person: PersonGiven,
    role: str,
    *,
    kind: str = "person",
    authority: str = "",
    authority_until: date | None = None,
) -> UUID:
    """Adds a person or organisation to a case in a role; a representative needs a word on their authority."""
    person = checked_person(person)
    authority = clean_text(authority, "authority", longest=500)
    if role not in PARTY_ROLES:
        raise Invalid("Choose the role of this person in the case.", "role")
    if kind not in {"person", "organisation"}:
        raise Invalid("This is either a person or an organisation.", "kind")
    if role == "representative" and not authority:
        raise Invalid("Say what lets them act for the complainant, such as a signed letter and its date.", "authority")
    async with db.transaction():
        await lock_case(viewer, "case.write", case_id)
        await refuse_concerned(viewer, case_id)
        person_id, party_id = new_id(), new_id()
        await db.execute(
            "WITH p AS (INSERT INTO core_person (id, kind, name, email, phone, postcode, address, language, "
            "created_at, version) VALUES ($1, $2, $3, $4, $5, $6, '', $7, $8, 1)) "
            "INSERT INTO core_party (id, case_id, person_id, role, authority, authority_until, created_at) "
            "VALUES ($9, $10, $1, $11, $12, $13, $8)",
            person_id, kind, person.name, person.email, person.phone, person.postcode, person.language, now(),
            party_id, case_id, role, authority, authority_until,
        )  # fmt: skip
        subject = f"person/{person_id}"
        sealed = {"name": Sealed(subject, person.name)}
        sealed |= {"authority": Sealed(subject, authority)} if authority else {}
        body = {"party": str(party_id), "person": str(person_id), "role": role,
                "authority_until": authority_until.isoformat() if authority_until else ""}  # fmt: skip
        await record(viewer, case_id, "party.added", body, sealed)
        return person_id


async def change(
    viewer: Viewer, person_id: UUID, values: Mapping[str, Any], version: int | None, permission: str = "person.write"
) -> int:
    """Corrects a person's details; the values before stay, sealed, in the history. Returns the new version."""
    wanted = _checked({key: str(value) for key, value in values.items() if key in CHANGEABLE})
    async with db.transaction():
        grant, arguments = decide(viewer, permission, "person"), Arguments()
        place = arguments.add(person_id)
        row = await db.fetchrow(
            f"SELECT p.* FROM core_person p WHERE p.id = {place} AND {grant.where('p', arguments)} FOR UPDATE OF p",
            *arguments.values,
        )
        if row is None:
            raise NotFound("There is no such person that you may change.")
        await _refuse_concerned_anywhere(viewer, person_id)
        check_version("The person's details", row, version, wanted)
        changed = {key: value for key, value in wanted.items() if row[key] != value}
        if not changed:
            return int(row["version"])
        await update("core_person", person_id, changed)
        subject = f"person/{person_id}"
        sealed = {f"{key}.before": Sealed(subject, row[key]) for key in changed}
        sealed |= {f"{key}.after": Sealed(subject, value) for key, value in changed.items()}
        await append(
            actor=viewer.actor, entries=[NewEntry(subject, "person.changed", {"fields": sorted(changed)}, sealed)]
        )
        return int(row["version"]) + 1


async def choose_news(viewer: Viewer, person_id: UUID, wanted: bool) -> None:
    """Records whether a person wants news of their cases; what they are owed still comes."""
    async with db.transaction():
        grant, arguments = decide(viewer, "person.write", "person"), Arguments()
        place = arguments.add(person_id)
        seen = f"SELECT TRUE FROM core_person p WHERE p.id = {place} AND {grant.where('p', arguments)} FOR UPDATE OF p"
        if not await db.fetchval(seen, *arguments.values):
            raise NotFound("There is no such person that you may change.")
        await _refuse_concerned_anywhere(viewer, person_id)
        if await wants_news(person_id) == wanted:
            return
        await choose(person_id, wanted, viewer.user_id)
        entry = NewEntry(f"person/{person_id}", "person.news_chosen", {"wanted": wanted})
        await append(actor=viewer.actor, entries=[entry])


async def _refuse_concerned_anywhere(viewer: Viewer, person_id: UUID) -> None:
    """Who is complained about does not touch the complainant's address, to which proofs and answers go."""
    rows = await db.fetch("SELECT DISTINCT case_id FROM core_party WHERE person_id = $1", person_id)
    for row in rows:
        await refuse_concerned(viewer, row["case_id"])


def _checked(wanted: dict[str, str]) -> dict[str, str]:
    lengths = {"name": 200, "phone": 50, "postcode": 20, "address": 1000, "language": 10, "kind": 20}
    checked = {
        key: checked_email(value, key) if key == "email" else clean_text(value, key, longest=lengths[key])
        for key, value in wanted.items()
    }
    if checked.get("name") == "":
        raise Invalid("A person needs a name, or a word such as `name withheld`.", "name")
    if checked.get("kind", "person") not in {"person", "organisation"}:
        raise Invalid("This is either a person or an organisation.", "kind")
    return checked
