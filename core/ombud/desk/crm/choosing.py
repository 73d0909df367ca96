"""A colleague says which record of a customer system a person is, or that it is none; the choice is kept and can be
taken back at any time. Nothing is joined: the person stays one record here, theirs stays theirs."""

from ombud.desk.crm import kept
from ombud.desk.crm.kept import Known
from ombud.desk.crm.subject import Subject
from ombud.desk.errors import Invalid
from ombud.desk.writing import demand
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.speech import sentence
from ombud.trust.ledger import NewEntry, Sealed, append
from ombud.trust.policy import Viewer
from ombud_plugin_api import PersonMatch

MAY = "person.write"
_HERE = "person_id = $1 AND unit_id = $2 AND crm = $3"


async def choose(viewer: Viewer, known: Known, subject: Subject, record: str) -> None:
    """`record`: the id of one of those found; empty: the person is none of them. Raises Invalid for any other."""
    demand(viewer, MAY)
    async with db.transaction():
        await _lock(subject)
        match = await _found(known, subject, record) if record else None
        await _end(viewer, known, subject)
        await db.execute(
            "INSERT INTO core_crm_link (id, person_id, unit_id, crm, record, match, chosen_by, chosen_at) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            new_id(), subject.person_id, subject.unit_id, known.crm.key, record,
            kept.plain_match(match) if match else {}, viewer.user_id, now(),
        )  # fmt: skip
        await _due(known, subject)
        await _tell(viewer, known, subject, "crm.chosen" if match else "crm.none_chosen", match)


async def take_back(viewer: Viewer, known: Known, subject: Subject) -> None:
    """The proposals stand again. Nothing happens where nothing is chosen."""
    demand(viewer, MAY)
    async with db.transaction():
        await _lock(subject)
        if await _end(viewer, known, subject):
            await _due(known, subject)
            await _tell(viewer, known, subject, "crm.choice_ended", None)


async def _lock(subject: Subject) -> None:
    await db.execute("SELECT 1 FROM core_person WHERE id = $1 FOR UPDATE", subject.person_id)


async def _found(known: Known, subject: Subject, record: str) -> PersonMatch:
    stored = await db.fetchval(
        f"SELECT answer FROM core_crm_snapshot WHERE {_HERE}", subject.person_id, subject.unit_id, known.crm.key
    )
    for each in kept.read(stored).matches if stored else ():
        if each.id == record:
            return each
    raise Invalid(
        sentence(
            "%(crm)s does not offer this record any more. Look again, and choose one of the list.", crm=known.crm.label
        )
    )


async def _end(viewer: Viewer, known: Known, subject: Subject) -> bool:
    done = await db.execute(
        f"UPDATE core_crm_link SET ended_by = $4, ended_at = $5 WHERE {_HERE} AND ended_at IS NULL",
        subject.person_id, subject.unit_id, known.crm.key, viewer.user_id, now(),
    )  # fmt: skip
    return done != "UPDATE 0"


async def _due(known: Known, subject: Subject) -> None:
    """What was fetched for somebody else is not shown as theirs for a moment longer."""
    await db.execute(
        f"UPDATE core_crm_snapshot SET answer = answer - 'data' - 'about', fetched_at = NULL, asked_at = NULL, "
        f"ended_at = NULL WHERE {_HERE}",
        subject.person_id, subject.unit_id, known.crm.key,
    )  # fmt: skip


async def _tell(viewer: Viewer, known: Known, subject: Subject, kind: str, match: PersonMatch | None) -> None:
    stream = f"person/{subject.person_id}"
    sealed = {"record": Sealed(stream, match.id), "name": Sealed(stream, match.name)} if match else {}
    body = {"crm": known.crm.key, "unit": subject.unit}
    await append(actor=viewer.actor, entries=[NewEntry(stream, kind, body, sealed)])
