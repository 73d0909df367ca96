"""Makes the changes that rules ask for, through the desk's own commands, with their checks.

`APPLY` maps a kind of change to what makes it. A room that has a kind of its own registers it there.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from ombud.desk import aspects, cases
from ombud.desk.because import because
from ombud.desk.case_view import case_page
from ombud.desk.engine.folding import folded
from ombud.desk.errors import DeskRefusal, Invalid, NotNow
from ombud.desk.fields import checked_fields
from ombud.desk.notices import customers, staff
from ombud.desk.outgoing import writing
from ombud.desk.outgoing.writing import Wanted
from ombud.desk.privacy import restricted
from ombud.desk.words import is_code
from ombud.desk.writing import lock_case, record, update
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.ledger import read
from ombud.trust.policy import SYSTEM
from ombud_plugin_api import treatment as t
from ombud_plugin_api.treatment import Change

Because = Mapping[str, Any]
Apply = Callable[[UUID, Any, Because], Awaitable[None]]


async def apply(case_id: UUID, change: Change, why: Because) -> str:
    """Makes one change; gives the reason where it cannot be made, else nothing. Outside transactions."""
    make = APPLY.get(change.kind)
    if make is None:
        return "Nothing on this desk can do that."
    if held := await restricted.why_held(case_id, change.kind):
        return held
    try:
        with because(f"rule/{why['rule']}@{why['version']}", why):
            await make(case_id, change, why)
    except DeskRefusal as refusal:
        return str(refusal) or type(refusal).__name__
    except ValueError:
        return "What the rule names is not there any more."
    return ""


async def _queue(case_id: UUID, change: t.AssignQueue, why: Because) -> None:
    if not change.aspect:
        await cases.change(SYSTEM, case_id, {"queue_id": UUID(change.queue)}, None)
        return
    async with db.transaction():
        case = await lock_case(SYSTEM, "case.write", case_id)
        cases.refuse_closed(case)
        found = "SELECT EXISTS (SELECT 1 FROM core_queue WHERE id = $1 AND active)"
        if not await db.fetchval(found, UUID(change.queue)):
            raise Invalid("There is no such queue. Choose one of the list.", "queue_id")
        moved = await db.fetchval(
            "UPDATE core_aspect SET queue_id = $3, version = version + 1 WHERE id = $2 AND case_id = $1 "
            "AND status = 'open' AND queue_id IS DISTINCT FROM $3 RETURNING TRUE",
            case_id, UUID(change.aspect), UUID(change.queue),
        )  # fmt: skip
        if moved:
            await record(SYSTEM, case_id, "aspect.changed", {"aspect": change.aspect, "queue": change.queue})


async def _user(case_id: UUID, change: t.AssignUser, why: Because) -> None:
    if change.aspect:
        await aspects.assign(SYSTEM, UUID(change.aspect), UUID(change.user))
    else:
        await cases.assign(SYSTEM, case_id, UUID(change.user))


def _setting(name: str) -> Apply:
    async def make(case_id: UUID, change: Any, why: Because) -> None:
        values = {name: getattr(change, name)}
        if change.aspect:
            await aspects.change(SYSTEM, UUID(change.aspect), values, None)
        else:
            await cases.change(SYSTEM, case_id, values, None)

    return make


async def _category(case_id: UUID, change: t.SetCategory, why: Because) -> None:
    """Fills what is empty; a category that a person chose stays."""
    wanted = UUID(change.aspect) if change.aspect else None
    rows = await db.fetch(
        "SELECT id FROM core_aspect WHERE case_id = $1 AND category = '' AND status = 'open' "
        "AND ($2::uuid IS NULL OR id = $2) ORDER BY position",
        case_id, wanted,
    )  # fmt: skip
    for row in rows:
        await aspects.change(SYSTEM, row["id"], {"category": change.category}, None)


async def _type(case_id: UUID, change: t.SetType, why: Because) -> None:
    async with db.transaction():
        case = await lock_case(SYSTEM, "case.write", case_id)
        cases.refuse_closed(case)
        if case["case_type"] == change.case_type:
            return
        fields = await db.fetchval("SELECT fields FROM core_case_type WHERE key = $1 AND active", change.case_type)
        if fields is None:
            raise Invalid("There is no such case type in use.", "case_type")
        kept = {name: value for name, value in case["fields"].items() if name in fields}
        checked = await checked_fields(change.case_type, kept)
        await update("core_case", case_id, {"case_type": change.case_type, "fields": checked, "changed_at": now()})
        await record(SYSTEM, case_id, "case.changed", {"case_type": change.case_type})


async def _tag(case_id: UUID, change: t.AddTag, why: Because) -> None:
    if not change.tag or not is_code(change.tag):
        raise Invalid("A tag is of small letters, digits, dots and dashes.", "tag")
    async with db.transaction():
        await lock_case(SYSTEM, "case.write", case_id)
        entries = await read([f"case/{case_id}"], limit=100_000)
        if change.tag not in folded(entries).tags:
            await record(SYSTEM, case_id, "case.tagged", {"tag": change.tag})


async def _notify(case_id: UUID, change: t.Notify, why: Because) -> None:
    await staff.tell_of_rule(case_id, change.to, f"{why['trigger']}#{why['rule']}", "rule")


async def _remind(case_id: UUID, change: t.Remind, why: Because) -> None:
    await staff.tell_of_rule(case_id, "owner or queue", f"{why['trigger']}#{why['rule']}", "reminder")


async def _acknowledge(case_id: UUID, change: t.Acknowledge, why: Because) -> None:
    await customers.acknowledge(case_id)


async def _template(case_id: UUID, change: t.SendTemplate, why: Because) -> None:
    """Once for each trigger, by the way they wrote if that leads back. A final response waits for a person."""
    from ombud.desk.outgoing import beginning  # draws templates, which most commands never do

    way, whom = await customers.way_to(case_id)
    if way is None or whom is None:
        raise NotNow("No way of sending leads to the customer.")
    reference = await db.fetchval("SELECT reference FROM core_case WHERE id = $1", case_id)
    view = await case_page(SYSTEM, reference)
    begun = await beginning.begin(customers.NOBODY, view, await beginning.chosen(view, change.template), whom)
    key = f"rule/{why['rule']}/{why['trigger']}"[:200]
    wanted = Wanted(
        text=begun.text, subject=begun.subject, kind=begun.template.kind, channel=way, recipient=whom, key=key,
        language=begun.template.language, template_id=begun.template.id, robot=True,
        ask=begun.template.kind == "final_response",
    )  # fmt: skip
    await writing.write(SYSTEM, case_id, wanted)


async def _close(case_id: UUID, change: t.CloseCase, why: Because) -> None:
    await cases.close(SYSTEM, case_id)


APPLY: dict[str, Apply] = {
    "assign_queue": _queue,
    "assign_user": _user,
    "set_priority": _setting("priority"),
    "set_severity": _setting("severity"),
    "set_category": _category,
    "set_type": _type,
    "add_tag": _tag,
    "notify": _notify,
    "remind": _remind,
    "acknowledge": _acknowledge,
    "send_template": _template,
    "close": _close,
}
"""What makes each kind of change. `start_clock`, `escalate` and `assign_by_routing` are registered by their rooms."""
