"""From a click to a ZIP: what would go in, the file made at once or in the background, and who took it."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ombud.desk.casefile import archive
from ombud.desk.casefile.archive import Made
from ombud.desk.casefile.choosing import Choice, Item, choice_of, chosen, items_of
from ombud.desk.casefile.profiles import Profile, Told, ask, profile_of
from ombud.desk.casefile.record import RIGHT, Record, record_of
from ombud.desk.errors import DeskRefusal, Invalid, NotFound, NotNow
from ombud.desk.in_view import in_view
from ombud.desk.writing import record as write_down
from ombud.desk.writing import refuse_concerned
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.outbox import JobContext, enqueue_job
from ombud.speech import sentence
from ombud.trust import vault
from ombud.trust.policy import Viewer
from ombud.trust.viewers import viewer_of_user

JOB = "case_file.make"
AT_ONCE_BYTES, AT_ONCE_ITEMS = 8_000_000, 60
MOST_BYTES = 250_000_000
GONE = "There is no such file that you may see. It may have been erased with the person; make it again."

log = logging.getLogger("ombud.desk")


@dataclass(frozen=True)
class Prepared:
    """What a file would hold, before it is made. `size`: bytes of the files that go in."""

    record: Record
    profile: Profile
    told: Told
    choice: Choice
    items: tuple[Item, ...]

    @property
    def size(self) -> int:
        return sum(each.file.size for each in self.items if each.file is not None and each.included)

    @property
    def included(self) -> int:
        return sum(each.included for each in self.items)


async def prepare(
    viewer: Viewer, reference: str, key: str, aspects: Collection[str] | None = None,
    items: Collection[str] | None = None,
) -> Prepared:  # fmt: skip
    """The preview. `aspects`, `items`: what is ticked, None where nobody chose yet. Raises NotFound, NotAllowed,
    Invalid."""
    record, profile = await record_of(viewer, reference), profile_of(key)
    choice = choice_of(record, aspects, items)
    return await _prepared(record, profile, choice)


async def _prepared(record: Record, profile: Profile, choice: Choice) -> Prepared:
    told = await ask(profile, record, choice.aspects)
    return Prepared(record, profile, told, choice, tuple(items_of(record, profile.format, choice)))


async def make(viewer: Viewer, prepared: Prepared) -> UUID:
    """Notes the wish; a small file is made now, a large one in the background. Returns its id."""
    if viewer.user_id is None:
        raise NotNow("A file of a case is made by a person, who answers for what it leaves out.")
    if prepared.size > MOST_BYTES:
        raise Invalid(
            sentence("These files are larger than %(most)s MB together. Untick some.", most=MOST_BYTES // 1000000),
            "items",
        )
    form, identity = prepared.profile.format, new_id()
    small = prepared.size <= AT_ONCE_BYTES and prepared.included <= AT_ONCE_ITEMS
    async with db.transaction():
        await db.execute(
            "INSERT INTO core_case_file (id, case_id, plugin, profile, profile_version, chosen, state, trouble, "
            "size, documents, left_out, manifest_sha256, made_by, asked_at) "
            "VALUES ($1, $2, $3, $4, $5, $6, 'waiting', '', 0, 0, 0, '', $7, $8)",
            identity, prepared.record.view.case.id, prepared.profile.slug, form.key, form.version,
            prepared.choice.kept, viewer.user_id, now(),
        )  # fmt: skip
        if not small:
            await enqueue_job(JOB, {"file": str(identity)}, key=f"{JOB}/{identity}")
    if small:
        await _finish(viewer, identity, prepared)
    return identity


async def run(payload: dict[str, Any], context: JobContext) -> None:
    """The job. Reads the case anew with the rights its maker has now; safe to run twice."""
    row = await db.fetchrow(
        "SELECT f.*, c.reference FROM core_case_file f JOIN core_case c ON c.id = f.case_id "
        "WHERE f.id = $1 AND f.state = 'waiting'",
        UUID(payload["file"]),
    )
    if row is None:
        return
    viewer = await viewer_of_user(row["made_by"]) if row["made_by"] else None
    try:
        if viewer is None:
            raise NotNow("Whoever asked for it is not a user any more. Make it again.")
        record, profile = await record_of(viewer, row["reference"]), profile_of(row["profile"])
        prepared = await _prepared(record, profile, chosen(record, row["chosen"]))
        await _finish(viewer, row["id"], prepared)
    except DeskRefusal as refusal:
        await db.execute(
            "UPDATE core_case_file SET state = 'failed', trouble = $2 WHERE id = $1 AND state = 'waiting'",
            row["id"], str(refusal),
        )  # fmt: skip


async def _finish(viewer: Viewer, identity: UUID, prepared: Prepared) -> None:
    case = prepared.record.view.case
    head = await db.fetchrow("SELECT stream, seq, hash FROM core_stream WHERE stream = $1", f"case/{case.id}")
    shown = {"stream": head["stream"], "seq": head["seq"], "hash": head["hash"].hex()} if head else {}
    draft = archive.begin(
        prepared.record, prepared.profile, prepared.told, prepared.choice, maker=viewer.name, head=shown
    )
    made = await archive.pack(draft)
    async with db.transaction():
        where = await db.fetchval("SELECT id FROM core_case WHERE id = $1 FOR UPDATE", case.id)
        if where is None:
            raise NotFound("The case is not there any more.")
        await _keep(viewer, identity, prepared, made)


async def _keep(viewer: Viewer, identity: UUID, prepared: Prepared, made: Made) -> None:
    case, form = prepared.record.view.case, prepared.profile.format
    row = await vault.prepare(f"case/{case.id}", made.data)
    await vault.insert([row])
    taken = await db.execute(
        "UPDATE core_case_file SET state = 'ready', vault_id = $2, size = $3, documents = $4, left_out = $5, "
        "manifest_sha256 = $6, made_at = $7 WHERE id = $1 AND state = 'waiting'",
        identity, row.id, len(made.data), made.documents, made.left_out, made.manifest_sha256, now(),
    )  # fmt: skip
    if taken == "UPDATE 0":
        raise NotNow("This file was made already.")
    body = {
        "file": str(identity), "profile": form.key, "version": form.version, "plugin": prepared.profile.slug,
        "manifest": made.manifest_sha256, "documents": made.documents, "left_out": made.left_out,
    }  # fmt: skip
    await write_down(viewer, case.id, "case_file.made", body)


@dataclass(frozen=True)
class FileMade:
    """A file that somebody asked for; `by` is their name."""

    id: UUID
    profile: str
    state: str
    trouble: str
    size: int
    documents: int
    left_out: int
    manifest_sha256: str
    by: str
    asked_at: datetime
    made_at: datetime | None


async def made_of(viewer: Viewer, case_id: UUID) -> tuple[FileMade, ...]:
    """Those of a case in view, newest first."""
    case = await in_view(viewer, case_id, RIGHT)
    await refuse_concerned(viewer, case.id)
    rows = await db.fetch(
        "SELECT f.*, coalesce(nullif(u.display_name, ''), u.name, 'A former user') AS by FROM core_case_file f "
        "LEFT JOIN core_user u ON u.id = f.made_by WHERE f.case_id = $1 ORDER BY f.asked_at DESC, f.id LIMIT 50",
        case.id,
    )
    names = FileMade.__dataclass_fields__
    return tuple(FileMade(*(row[name] for name in names)) for row in rows)


async def take(viewer: Viewer, reference: str, file_id: UUID) -> tuple[str, bytes]:
    """Name and bytes of a file that was made; that it was taken is recorded first."""
    case = await in_view(viewer, reference, RIGHT)
    await refuse_concerned(viewer, case.id)
    row = await db.fetchrow(
        "SELECT id, vault_id, made_at, manifest_sha256 FROM core_case_file "
        "WHERE id = $1 AND case_id = $2 AND state = 'ready'",
        file_id, case.id,
    )  # fmt: skip
    if row is None:
        raise NotFound(GONE)
    try:
        data = await vault.load(row["vault_id"])
    except (vault.NotStored, vault.Destroyed):
        raise NotFound(GONE) from None
    async with db.transaction():
        body = {"file": str(row["id"]), "manifest": row["manifest_sha256"]}
        await write_down(viewer, case.id, "case_file.taken", body)
    return f"{case.reference}-{row['made_at']:%Y-%m-%d}.zip", data


def words_of(given: Sequence[FileMade], labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """As a page lists them, with the words of their profiles where these still run."""
    return [{"label": labels.get(each.profile, each.profile), "shown": each} for each in given]
