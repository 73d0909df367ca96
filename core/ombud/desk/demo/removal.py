"""Takes the demonstration firm away again: what was loaded, what grew on it since, and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from ombud.desk.demo.firm import LOCK, case_type_id, take_name_back
from ombud.desk.errors import NotNow
from ombud.desk.search import index as search_index
from ombud.kernel.database import db
from ombud.trust import users, vault
from ombud.trust.ledger import NewEntry, append

_SHOWN = 20


@dataclass(frozen=True)
class RemovalReport:
    """What went. `kept`: what other cases still refer to, which stays, switched off."""

    cases: int
    people: int
    users: int
    kept: tuple[str, ...]


@dataclass
class _Doomed:
    """Everything that is to go, by kind. `messages`: those of the inbox, `said`: those of cases; `senders`: for whom
    the receipts were sealed."""

    load: UUID
    units: list[UUID]
    cases: list[UUID]
    people: list[UUID]
    messages: list[UUID]
    said: list[UUID]
    raws: list[UUID]
    senders: list[str]
    users: list[UUID]
    queues: list[UUID]
    case_types: list[str]
    skills: list[UUID]
    skill_keys: list[str]
    ladders: list[UUID]
    rates: list[UUID]
    protocols: list[UUID]
    retention: list[UUID]
    terms: list[UUID]
    batches: list[UUID] = field(default_factory=list)


async def remove(*, with_later: bool = False) -> RemovalReport:
    """Removes the firm in one transaction and destroys the keys of its people, users and cases.

    The ledger's entries, streams and checkpoints stay, and so do the tombstones of the keys; a `case.removed` ends each
    case's stream. Raises NotNow where there is nothing to remove, or where cases were filed into the firm's units
    afterwards and `with_later` is not asked for, or where somebody else's open case waits in one of its queues.
    """
    async with db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        doomed = await _doomed(with_later)
        await _refuse_strangers(doomed)
        try:
            return await _remove(doomed)
        except asyncpg.ForeignKeyViolationError as error:
            raise NotNow(
                f"Something that was added afterwards still uses the demonstration firm ({error.detail}). "
                "Change or remove it, then try again."
            ) from None
        except users.LastAdministrator as error:
            raise NotNow(f"Nobody could manage users any more: {error}") from None


async def _doomed(with_later: bool) -> _Doomed:
    noted: dict[str, list[UUID]] = {}
    for row in await db.fetch("SELECT kind, item_id FROM core_demo_item ORDER BY id"):
        noted.setdefault(row["kind"], []).append(row["item_id"])
    if not noted:
        raise NotNow("There is no demonstration data on this desk. `ombud demo load` loads it.")
    units = await _units_below(noted["unit"])
    cases = await _cases_of(units, noted["case"], with_later)
    messages = await _messages_of(units, noted.get("message", []), with_later)
    raws = await _ids(
        "SELECT id FROM core_raw WHERE case_id = ANY($1) OR (id = ANY($2) AND case_id IS NULL) "
        "OR (message_id = ANY($3) AND case_id IS NULL)",
        cases,
        noted.get("receipt", []),
        messages,
    )
    senders = await db.fetch(
        "SELECT DISTINCT v.subject FROM core_raw r JOIN core_vault v ON v.id = r.vault_id "
        "WHERE r.id = ANY($1) AND r.case_id IS NULL",
        raws,
    )
    kinds = [row["key"] for row in await db.fetch("SELECT key FROM core_case_type")]
    skills = await db.fetch("SELECT key FROM core_skill WHERE id = ANY($1)", noted.get("skill", []))
    return _Doomed(
        load=noted["load"][0], units=units, cases=cases, people=await _people_of(cases, noted["person"], messages),
        messages=messages, said=await _ids("SELECT id FROM core_message WHERE case_id = ANY($1)", cases),
        raws=raws, senders=[row["subject"] for row in senders], users=noted["user"],
        queues=noted["queue"], case_types=[key for key in kinds if case_type_id(key) in noted["case_type"]],
        skills=noted.get("skill", []), skill_keys=[row["key"] for row in skills], ladders=noted.get("ladder", []),
        rates=noted.get("rate", []),
        protocols=await _ids("SELECT id FROM core_protocol WHERE unit_id = ANY($1)", units),
        retention=await _ids("SELECT id FROM core_retention_rule WHERE unit_id = ANY($1)", units),
        terms=noted.get("term", []),
    )  # fmt: skip


async def _ids(sql: str, *given: Any) -> list[UUID]:
    return [row["id"] for row in await db.fetch(sql, *given)]


async def _units_below(tops: Sequence[UUID]) -> list[UUID]:
    """The firm's units and what was added below them, deepest first, locked: whoever files there now has to wait."""
    below = await _ids(
        "WITH RECURSIVE tree AS (SELECT id, 0 AS depth FROM core_unit WHERE id = ANY($1) "
        "UNION ALL SELECT u.id, tree.depth + 1 FROM core_unit u JOIN tree ON u.parent_id = tree.id) "
        "SELECT id FROM tree GROUP BY id ORDER BY max(depth) DESC",
        list(tops),
    )
    await db.fetch("SELECT id FROM core_unit WHERE id = ANY($1) ORDER BY id FOR UPDATE", below)
    return below


async def _cases_of(units: Sequence[UUID], noted: Sequence[UUID], with_later: bool) -> list[UUID]:
    rows = await db.fetch(
        "SELECT id, reference, id = ANY($2) AS loaded FROM core_case WHERE unit_id = ANY($1) OR id = ANY($2) "
        "ORDER BY opened_at, id",
        list(units),
        list(noted),
    )
    later = [row["reference"] for row in rows if not row["loaded"]]
    if later and not with_later:
        raise NotNow(
            f"{_many(later, 'case was', 'cases were')} filed into the demonstration units afterwards: {_some(later)}. "
            "Nothing was removed. To remove them too, add --with-later."
        )
    return [row["id"] for row in rows]


def _many(found: Sequence[str], one: str, more: str) -> str:
    return f"One {one}" if len(found) == 1 else f"{len(found)} {more}"


def _some(found: Sequence[str]) -> str:
    rest = len(found) - _SHOWN
    return ", ".join(found[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


async def _messages_of(units: Sequence[UUID], noted: Sequence[UUID], with_later: bool) -> list[UUID]:
    """Messages in the firm's inboxes that belong to no case."""
    rows = await db.fetch(
        "SELECT id, id = ANY($2) AS loaded FROM core_message WHERE case_id IS NULL AND (unit_id = ANY($1) "
        "OR id = ANY($2)) ORDER BY id",
        list(units),
        list(noted),
    )
    later = sum(not row["loaded"] for row in rows)
    if later and not with_later:
        many = "One message" if later == 1 else f"{later} messages"
        raise NotNow(
            f"{many} came into the demonstration inboxes afterwards. Nothing was removed. To remove them too, add "
            "--with-later."
        )
    return [row["id"] for row in rows]


async def _people_of(cases: Sequence[UUID], noted: Sequence[UUID], messages: Sequence[UUID]) -> list[UUID]:
    """People of these cases and messages alone; whoever is also part of another case stays."""
    return await _ids(
        "SELECT p.id FROM core_person p WHERE (p.id = ANY($2) "
        "OR EXISTS (SELECT 1 FROM core_party r WHERE r.person_id = p.id AND r.case_id = ANY($1)) "
        "OR EXISTS (SELECT 1 FROM core_message m WHERE m.person_id = p.id "
        "AND (m.case_id = ANY($1) OR m.id = ANY($3)))) "
        "AND NOT EXISTS (SELECT 1 FROM core_party r WHERE r.person_id = p.id AND r.case_id <> ALL($1)) "
        "AND NOT EXISTS (SELECT 1 FROM core_message m WHERE m.person_id = p.id AND "
        "((m.case_id IS NULL AND m.id <> ALL($3)) OR m.case_id <> ALL($1)))",
        list(cases),
        list(noted),
        list(messages),
    )


async def _refuse_strangers(doomed: _Doomed) -> None:
    """An open case of another unit that somebody moved into one of the firm's queues would be out of sight."""
    rows = await db.fetch(
        "SELECT reference FROM core_case WHERE queue_id = ANY($1) AND id <> ALL($2) AND status <> 'closed' ORDER BY 1",
        doomed.queues,
        doomed.cases,
    )
    if rows:
        found = [row["reference"] for row in rows]
        raise NotNow(
            f"{_many(found, 'case of another unit waits', 'cases of other units wait')} in the demonstration queues: "
            f"{_some(found)}. Move them to another queue, then try again."
        )


async def _remove(doomed: _Doomed) -> RemovalReport:
    for user_id in doomed.users:
        await users.deactivate(user_id, "system")
    await search_index.forget(doomed.cases, doomed.people, removed=True)
    await _remove_secrets(doomed)
    await db.execute("DELETE FROM core_message WHERE id = ANY($1)", doomed.messages)
    await db.execute("DELETE FROM core_raw WHERE id = ANY($1)", doomed.raws)
    await db.execute("DELETE FROM core_case WHERE id = ANY($1)", doomed.cases)
    doomed.batches = await _ids("DELETE FROM core_payment_batch WHERE unit_id = ANY($1) RETURNING id", doomed.units)
    await db.execute("DELETE FROM core_person WHERE id = ANY($1)", doomed.people)
    await db.execute("DELETE FROM core_ladder WHERE id = ANY($1)", doomed.ladders)
    await db.execute("DELETE FROM core_skill WHERE id = ANY($1)", doomed.skills)
    await db.execute("DELETE FROM core_taxonomy_term WHERE id = ANY($1)", doomed.terms)
    kept = [*await _remove_queues(doomed), *await _remove_case_types(doomed), *await _remove_rates(doomed)]
    staying = await _remove_users(doomed)
    await db.execute("DELETE FROM core_return WHERE unit_id = ANY($1) AND amends IS NOT NULL", doomed.units)
    await db.execute("DELETE FROM core_return WHERE unit_id = ANY($1)", doomed.units)
    await db.execute("DELETE FROM core_queue_count WHERE unit_id = ANY($1)", doomed.units)
    for unit_id in doomed.units:
        await db.execute("DELETE FROM core_unit WHERE id = ANY($1)", [unit_id])
    await take_name_back()
    await db.execute("DELETE FROM core_demo_item")
    await _destroy_keys(doomed)
    await _tell(doomed)
    await _forget_deliveries(doomed)
    gone = len(doomed.users)
    return RemovalReport(len(doomed.cases), len(doomed.people), gone, tuple(kept + staying))


def _streams(doomed: _Doomed) -> list[str]:
    """The streams that speak of what goes; a case's are also the subjects of its keys."""
    return [
        *(f"case/{each}" for each in doomed.cases), *(f"person/{each}" for each in doomed.people),
        *(f"retention-rule/{each}" for each in doomed.retention),
        *doomed.senders, *(f"message/{each}" for each in doomed.raws), *(f"user/{each}" for each in doomed.users),
    ]  # fmt: skip


async def _remove_secrets(doomed: _Doomed) -> None:
    """Encrypted bytes and sealed values: of the people, and of the cases whoever they were sealed for."""
    names = [name for name in _streams(doomed) if not name.startswith("user/")]
    await db.execute(
        "DELETE FROM core_vault WHERE subject = ANY($1) "
        "OR id IN (SELECT vault_id FROM core_attachment WHERE case_id = ANY($2)) "
        "OR id IN (SELECT vault_id FROM core_attachment WHERE message_id = ANY($4)) "
        "OR id IN (SELECT vault_id FROM core_raw WHERE id = ANY($3))",
        names,
        doomed.cases,
        doomed.raws,
        doomed.messages,
    )
    await db.execute("DELETE FROM core_sealed WHERE subject = ANY($1) OR stream = ANY($1)", names)


async def _remove_queues(doomed: _Doomed) -> list[str]:
    used = (
        "EXISTS (SELECT 1 FROM core_case c WHERE c.queue_id = q.id) "
        "OR EXISTS (SELECT 1 FROM core_aspect a WHERE a.queue_id = q.id)"
    )
    await db.execute(f"DELETE FROM core_queue q WHERE q.id = ANY($1) AND NOT ({used})", doomed.queues)
    rows = await db.fetch("UPDATE core_queue SET active = FALSE WHERE id = ANY($1) RETURNING id, name", doomed.queues)
    doomed.queues = [each for each in doomed.queues if each not in {row["id"] for row in rows}]
    return [f"queue {row['name']}" for row in rows]


async def _remove_case_types(doomed: _Doomed) -> list[str]:
    used = "EXISTS (SELECT 1 FROM core_case c WHERE c.case_type = t.key)"
    await db.execute(f"DELETE FROM core_case_type t WHERE t.key = ANY($1) AND NOT {used}", doomed.case_types)
    rows = await db.fetch(
        "UPDATE core_case_type SET active = FALSE WHERE key = ANY($1) RETURNING key, label", doomed.case_types
    )
    doomed.case_types = [each for each in doomed.case_types if each not in {row["key"] for row in rows}]
    return [f"case type {row['label']}" for row in rows]


async def _remove_rates(doomed: _Doomed) -> list[str]:
    used = (
        "EXISTS (SELECT 1 FROM core_calculation c WHERE c.rates @> jsonb_build_array(jsonb_build_object('rate', r.id)))"
    )
    gone = await _ids(f"SELECT r.id FROM core_rate r WHERE r.id = ANY($1) AND NOT {used}", doomed.rates)
    await db.execute("DELETE FROM core_rate_value WHERE rate_id = ANY($1)", gone)
    await db.execute("DELETE FROM core_rate WHERE id = ANY($1)", gone)
    rows = await db.fetch("UPDATE core_rate SET retired_at = now() WHERE id = ANY($1) RETURNING label", doomed.rates)
    return [f"rate {row['label']}" for row in rows]


# Where a member of staff can stand in a case; the last two hold no constraint.
_TRACES = (
    ("core_case", "owner_id"), ("core_aspect", "owner_id"), ("core_aspect", "concerns_user_id"),
    ("core_aspect", "decided_by"), ("core_message", "author_id"), ("core_redress", "created_by"),
    ("core_evidence", "created_by"), ("core_task", "created_by"), ("core_task", "done_by"), ("core_task", "told_by"),
    ("core_task", "dropped_by"), ("core_protocol_version", "created_by"), ("core_step", "done_by"),
    ("core_pin", "made_by"), ("core_aspect_link", "made_by"), ("core_support_needs", "confirmed_by"),
    ("core_outgoing", "created_by"), ("core_outgoing", "approved_by"),
    ("core_redress", "approved_by"), ("core_redress_request", "requested_by"), ("core_redress_request", "decided_by"),
    ("core_calculation", "created_by"), ("core_payment", "created_by"), ("core_payment_batch", "created_by"),
    ("core_payment_batch", "downloaded_by"),
)  # fmt: skip


async def _remove_users(doomed: _Doomed) -> list[str]:
    """Removes the log-ins; one that worked on other cases stays under its name, shut out and without a password."""
    found = " UNION ".join(f"SELECT {column} FROM {table} WHERE {column} = ANY($1)" for table, column in _TRACES)
    rows = await db.fetch(
        f"UPDATE core_user SET password_hash = '' WHERE id IN ({found}) RETURNING id, name", doomed.users
    )
    staying = {row["id"] for row in rows}
    doomed.users = [each for each in doomed.users if each not in staying]
    await db.execute("DELETE FROM core_token WHERE user_id = ANY($1)", list(staying))
    for table in ("core_staff_profile", "core_absence"):
        await db.execute(f"DELETE FROM {table} WHERE user_id = ANY($1)", list(staying))
    await db.execute("DELETE FROM core_user WHERE id = ANY($1)", doomed.users)
    await db.execute("DELETE FROM core_sealed WHERE subject = ANY($1)", [f"user/{each}" for each in doomed.users])
    return [f"user {row['name']}" for row in rows]


async def _destroy_keys(doomed: _Doomed) -> None:
    rows = await db.fetch(
        "SELECT subject FROM core_key WHERE subject = ANY($1) AND destroyed_at IS NULL ORDER BY subject",
        _streams(doomed),
    )
    for row in rows:
        await vault.destroy_subject(row["subject"])


async def _tell(doomed: _Doomed) -> None:
    why = {"reason": "demonstration"}
    entries = [NewEntry(f"case/{each}", "case.removed", why) for each in doomed.cases]
    entries += [NewEntry(f"user/{each}", "user.removed", why) for each in doomed.users]
    entries += [NewEntry(f"queue/{each}", "queue.removed", why) for each in doomed.queues]
    entries += [NewEntry(f"ladder/{each}", "ladder.removed", why) for each in doomed.ladders]
    entries += [NewEntry("setting/skills", "skill.removed", why)] if doomed.skills else []
    entries += [NewEntry("setting/case-types", "case_type.removed", {"key": key}) for key in doomed.case_types]
    entries += [NewEntry(f"unit/{each}", "unit.removed", why) for each in doomed.units]
    entries += [NewEntry("setting/rates", "rate.removed", {"rate": str(each), **why}) for each in doomed.rates]
    removed = {"cases": len(doomed.cases), "people": len(doomed.people)}
    entries.append(NewEntry(f"demo/{doomed.load}", "demo.removed", removed))
    await append(actor="system", entries=entries)


async def _forget_deliveries(doomed: _Doomed) -> None:
    """Background work that would speak of what is gone, the news of its removal included."""
    others = [f"unit/{each}" for each in doomed.units] + [f"queue/{each}" for each in doomed.queues]
    others += [f"payment-batch/{each}" for each in doomed.batches]
    others += [f"ladder/{each}" for each in doomed.ladders]
    await db.execute(
        "DELETE FROM core_delivery WHERE event->>'stream' = ANY($1) OR event->>'raw' = ANY($2) "
        "OR event->>'message' = ANY($4) "
        "OR (event->>'stream' = 'setting/case-types' AND event->'body'->>'key' = ANY($3)) "
        "OR (event->>'stream' = 'setting/rates' AND event->'body'->>'rate' = ANY($5)) "
        "OR (event->>'stream' = 'setting/skills' AND (event->'body'->>'key' = ANY($6) "
        "OR event->'body'->>'reason' = 'demonstration')) "
        "OR (event->>'stream' = 'setting/taxonomy-category' AND event->'body'->>'term' = ANY($8)) "
        "OR (event->>'stream' = 'setting/protocols' AND event->'body'->>'protocol' = ANY($7)) "
        "OR (event->>'kind' = 'unit.changed' AND event->'body'->>'why' = 'demonstration') "
        "OR (subscriber = 'job/outgoing.send' "
        "AND NOT EXISTS (SELECT 1 FROM core_outgoing o WHERE o.id::text = event->>'message'))",
        [*_streams(doomed), *others, f"demo/{doomed.load}"],
        [str(each) for each in doomed.raws],
        doomed.case_types,
        [str(each) for each in (*doomed.messages, *doomed.said)],
        [str(each) for each in doomed.rates],
        doomed.skill_keys,
        [str(each) for each in doomed.protocols],
        [str(each) for each in doomed.terms],
    )


__all__ = ["RemovalReport", "remove"]
