"""The destruction itself: rows of core and of every plugin by their declarations, keys in the vault, traces in queues
and drafts; in one transaction, safe to run twice. Called for an erasure, and again when the journal is replayed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from ombud.desk.privacy import severing
from ombud.desk.privacy.collecting import bound
from ombud.desk.privacy.holdings import HOLDINGS, MESSAGES, RAWS, Holding
from ombud.desk.redaction import Known, Redaction, of_erased
from ombud.desk.search import index as search_index
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust import plugin_data, vault
from ombud.trust.policy import SYSTEM


@dataclass(frozen=True)
class Order:
    """`people`: all records of one person; `cases`: those that go with them; `kept`: those that the law keeps, where
    then the person stays too; `shared`: those that stay because somebody else takes part. `severed`: the cases go for
    their own sake, and whoever takes part in them without being among `people` stays, apart from them."""

    people: Sequence[UUID]
    cases: Sequence[UUID]
    kept: Sequence[UUID] = ()
    shared: Sequence[UUID] = ()
    severed: bool = False

    @property
    def whole(self) -> bool:
        return not self.kept

    @property
    def own(self) -> list[UUID]:
        return list(self.people) if self.whole else []

    def arguments(self) -> tuple[list[UUID], list[UUID], list[UUID]]:
        return self.own, list(self.cases), list(self.kept)


@dataclass
class Destroyed:
    """Rows by table, and how many keys."""

    gone: dict[str, int] = field(default_factory=dict)
    keys: int = 0

    def add(self, table: str, count: int) -> None:
        if count:
            self.gone[table] = self.gone.get(table, 0) + count


async def counted(order: Order) -> list[tuple[str, int]]:
    """What `destroy` would take from core, by its words."""
    found = []
    for holding in HOLDINGS:
        count = await db.fetchval(
            f"SELECT count(*) FROM {holding.table} t WHERE {bound(holding.where)}", *order.arguments()
        )
        if count:
            found.append((holding.label, count))
    return found


async def destroy(order: Order, actor: str) -> Destroyed:
    """In the caller's transaction."""
    done = Destroyed()
    arguments = order.arguments()
    known = await _known(order.people)
    subjects = await _subjects(order)
    await _bytes(order)
    if order.severed:
        await severing.sever(order.cases, order.people)
    await search_index.forget(list(order.cases), order.own)
    for person in order.people:
        viewer = replace(SYSTEM, actor=actor)
        for table, count in (await plugin_data.erase(viewer, person, order.cases, own=order.whole)).items():
            done.add(table, count)
    if order.severed and not order.people:
        for table, count in (await plugin_data.erase_cases(order.cases)).items():
            done.add(table, count)
    if order.whole:
        await _scrub_shared(order, of_erased(known), done)
        await _scrub_loose(known, done)
    await _scrub_queue(order, known, done)
    for holding in HOLDINGS:
        done.add(holding.table, _count(await db.execute(_statement(holding), *arguments)))
    if order.whole:
        await db.execute("UPDATE core_person SET erased_at = $2 WHERE id = ANY($1) AND erased_at IS NULL",
                         list(order.people), now())  # fmt: skip
    for subject in subjects:
        done.keys += await vault.destroy_subject(subject)
    return done


def _count(tag: str) -> int:
    return int(tag.rsplit(" ", 1)[-1])


def _statement(holding: Holding) -> str:
    where = bound(holding.where)
    if not holding.blank:
        return f"DELETE FROM {holding.table} t WHERE {where}"
    changes = ", ".join(f'"{column}" = {instead}' for column, instead in holding.blank.items())
    return f"UPDATE {holding.table} t SET {changes} WHERE {where}"


async def _known(people: Sequence[UUID]) -> list[Known]:
    rows = await db.fetch("SELECT name, email, phone, postcode, address FROM core_person WHERE id = ANY($1) "
                          "AND erased_at IS NULL", list(people))  # fmt: skip
    return [
        Known(row["name"], (row["email"],) if row["email"] else (), (row["phone"],) if row["phone"] else (),
              (row["address"],) if row["address"] else ())
        for row in rows
    ]  # fmt: skip


async def _subjects(order: Order) -> list[str]:
    """Whose keys go: of the cases always, of the person where nothing is kept."""
    named = [f"case/{each}" for each in order.cases]
    rows = await db.fetch(
        f"SELECT coalesce(m.raw_id, m.id) AS id FROM core_message m WHERE m.id IN ({MESSAGES}) "
        "AND $1::uuid[] IS NOT NULL "
        "AND $2::uuid[] IS NOT NULL AND $3::uuid[] IS NOT NULL",
        *order.arguments(),
    )
    named += [f"message/{row['id']}" for row in rows]
    if order.whole:
        named += [f"person/{each}" for each in order.people]
        rows = await db.fetch("SELECT id FROM core_privacy_request WHERE person_id = ANY($1)", list(order.people))
        named += [f"privacy/{row['id']}" for row in rows]
    return sorted(set(named))


async def _bytes(order: Order) -> None:
    """Files of the cases that lie under somebody else's key, such as a representative's, become the case's own, whose
    key is destroyed; their bytes are blanked at once."""
    if not order.cases:
        return
    await db.execute(
        "DELETE FROM core_vault v WHERE v.id IN (SELECT f.vault_id FROM core_draft_file f JOIN core_draft d "
        "ON d.id = f.draft_id WHERE d.case_id = ANY($1)) "
        "OR v.id IN (SELECT c.vault_id FROM core_case_file c WHERE c.case_id = ANY($1))",
        list(order.cases),
    )
    await db.execute(
        "UPDATE core_vault v SET subject = 'case/' || f.case_id, wrapped = '', nonce = '', ciphertext = '' FROM ("
        "SELECT a.vault_id, coalesce(a.case_id, m.case_id) AS case_id FROM core_attachment a "
        "LEFT JOIN core_message m ON m.id = a.message_id WHERE a.case_id = ANY($2) OR m.case_id = ANY($2) "
        f"UNION ALL SELECT w.vault_id, coalesce(w.case_id, x.case_id) FROM core_raw w "
        f"LEFT JOIN core_message x ON x.raw_id = w.id WHERE w.id IN ({RAWS})) f "
        "WHERE v.id = f.vault_id AND f.case_id = ANY($2) AND $1::uuid[] IS NOT NULL AND $3::uuid[] IS NOT NULL",
        *order.arguments(),
    )


async def _scrub_shared(order: Order, redaction: Redaction, done: Destroyed) -> None:
    """Takes the person's name, address and numbers out of texts that stay because they are somebody else's too."""
    if not order.shared or not redaction.signs:
        return
    for holding in HOLDINGS:
        if holding.blank and holding.table not in {"core_person", "core_party", "core_privacy_request", "core_raw"}:
            await _scrub(holding, (bound(holding.where), [], list(order.shared), []), redaction, done)


async def _scrub(holding: Holding, rows: tuple[Any, ...], redaction: Redaction, done: Destroyed) -> None:
    where, *arguments = rows
    columns = ", ".join(f't."{each}"' for each in holding.blank)
    for row in await db.fetch(f"SELECT t.id, {columns} FROM {holding.table} t WHERE {where}", *arguments):
        fresh = {name: redaction.value(row[name], name) for name in holding.blank}
        changed = {name: value for name, value in fresh.items() if value != row[name]}
        if changed:
            sets = ", ".join(f'"{name}" = ${place}' for place, name in enumerate(changed, 2))
            await db.execute(f"UPDATE {holding.table} SET {sets} WHERE id = $1", row["id"], *changed.values())
            done.add(holding.table, 1)


def _marks(known: Sequence[Known]) -> list[str]:
    """What they are found by in JSON that leads to nobody."""
    texts = [text for each in known for text in (each.name, *each.emails, *each.phones) if len(text) > 3]
    return [text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") for text in texts]


async def _scrub_loose(known: Sequence[Known], done: Destroyed) -> None:
    """Drafts of complaints that are being written down, and words of changes that can be taken back."""
    marks = [f"%{each}%" for each in _marks(known)]
    if marks:
        tag = await db.execute("DELETE FROM core_draft WHERE case_id IS NULL AND body::text ILIKE ANY($1)", marks)
        done.add("core_draft", _count(tag))
        tag = await db.execute("UPDATE core_bulk SET value = '{}' WHERE value::text ILIKE ANY($1)", marks)
        done.add("core_bulk", _count(tag))


async def _scrub_queue(order: Order, known: Sequence[Known], done: Destroyed) -> None:
    """Background work that ended and speaks of them; what waits holds ids alone, unless it names them."""
    marks = [f"%{each}%" for each in (_marks(known) if order.whole else [])]
    ids = [f"%{each}%" for each in (*order.cases, *order.own)]
    tag = await db.execute(
        "DELETE FROM core_delivery WHERE (state IN ('done', 'given_up', 'parked') AND event::text LIKE ANY($2)) "
        "OR event::text ILIKE ANY($1) OR error ILIKE ANY($1) OR checkpoint::text ILIKE ANY($1)",
        marks, ids,
    )  # fmt: skip
    done.add("core_delivery", _count(tag))


def of_journal(entry: Mapping[str, Any]) -> Order:
    """The order as a line of the journal tells it."""
    ids = {name: [UUID(each) for each in entry.get(name, ())] for name in ("people", "cases", "kept", "shared")}
    return Order(**ids, severed=bool(entry.get("severed", False)))
