"""What the work process runs for routing: ladders climb, work that somebody asked routing for is weighed."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from ombud.desk.errors import DeskRefusal, NotNow
from ombud.desk.routing import assigning, beginning, climbing
from ombud.desk.rules.applying import APPLY
from ombud.kernel.outbox import JobContext, enqueue_job, subscribe
from ombud.trust.viewers import viewer_of_user
from ombud_plugin_api import AssignByRouting, Escalate, Transient

CLIMB, ASSIGN, SWEEP = "routing.climb", "routing.assign", "routing.sweep"


def listen() -> None:
    """Called once by every process: an answer or a decision ends an escalation at once, not at the next look; and rules
    may ask for both."""
    APPLY["assign_by_routing"], APPLY["escalate"] = _by_rule, _escalate
    subscribe("routing.ends", ["message.sent", "aspect.decided", "case.status_changed status=closed"], heard)


async def _by_rule(case_id: UUID, change: AssignByRouting, why: Mapping[str, Any]) -> None:
    aspect = UUID(change.aspect) if change.aspect else None
    routed = await assigning.assign_by_routing(case_id, aspect, why)
    if routed.left is not None and routed.owner is None and routed.queue is None:
        raise NotNow("Nobody who may have it is there and has room; it waits in its queue.")


async def _escalate(case_id: UUID, change: Escalate, why: Mapping[str, Any]) -> None:
    if await climbing.escalate(case_id, change.ladder, UUID(change.aspect) if change.aspect else None, why) is None:
        raise NotNow("There is nothing to escalate: it is closed or decided.")


async def heard(event: dict[str, Any], context: JobContext) -> None:
    stream = str(event["stream"])
    if stream.startswith("case/"):
        await climbing.end_answered(UUID(stream.removeprefix("case/")))


async def look(payload: dict[str, Any], context: JobContext) -> None:
    """Every minute: ladders start where their conditions hold, and running ones climb."""
    await beginning.start_due()
    await climbing.climb_due()


async def sweep(payload: dict[str, Any], context: JobContext) -> None:
    await assigning.sweep()


async def ask(case_id: UUID, aspect_id: UUID | None, user_id: UUID) -> None:
    """Lets routing choose, in the work process, where routers run."""
    payload = {"case": str(case_id), "aspect": str(aspect_id or ""), "user": str(user_id)}
    await enqueue_job(ASSIGN, payload, key=f"{case_id}/{aspect_id or ''}")


async def assign(payload: dict[str, Any], context: JobContext) -> None:
    """By whoever asked for it, with their rights; what changed while it was weighed is weighed again."""
    viewer = await viewer_of_user(UUID(payload["user"]))
    if viewer is None:
        return
    aspect_id = UUID(payload["aspect"]) if payload["aspect"] else None
    try:
        await assigning.assign_by_routing(UUID(payload["case"]), aspect_id, {"person": True}, viewer)
    except NotNow as again:
        raise Transient(str(again)) from None
    except DeskRefusal:
        return
