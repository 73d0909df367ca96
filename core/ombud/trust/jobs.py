"""Background work run again or given up by people: permitted by the policy, recorded in the ledger."""

from uuid import UUID

from ombud.kernel import job_list, outbox
from ombud.kernel.database import db
from ombud.speech import sentence
from ombud.trust.ledger import NewEntry, Sealed, append
from ombud.trust.policy import Viewer

STREAM = "desk/jobs"
LONGEST = 1000


class JobRefused(Exception):
    """It cannot be done; the text names the reason and the remedy."""


class MayNotManageError(Exception):
    """The viewer has no right over background work."""


async def run_again(viewer: Viewer, identity: UUID) -> None:
    """A fresh start for one parked delivery; what it had saved is kept."""
    _demand(viewer)
    async with db.transaction():
        piece = await _parked(identity)
        if not await outbox.run_again(identity):
            raise JobRefused("The same work waits or runs already. Look under Waiting.")
        body = {"delivery": str(identity), "job": piece.subscriber, "plugin": piece.plugin}
        await append(actor=viewer.actor, entries=[NewEntry(STREAM, "job.run_again", body)])


async def run_all_again(viewer: Viewer, subscriber: str, plugin: str) -> int:
    """Every parked delivery of a kind; returns how many. One whose twin waits or runs stays parked."""
    _demand(viewer)
    async with db.transaction():
        started = await job_list.run_again_all(subscriber, plugin)
        if started:
            body = {"job": subscriber, "plugin": plugin, "count": len(started)}
            await append(actor=viewer.actor, entries=[NewEntry(STREAM, "job.run_again", body)])
    return len(started)


async def give_up(viewer: Viewer, identity: UUID, reason: str) -> None:
    """Ends a parked delivery for good. The reason is kept with it, and sealed in the ledger."""
    _demand(viewer)
    reason = " ".join(reason.split())
    if not reason or "\0" in reason:
        raise JobRefused("Say why nobody needs this any more.")
    if len(reason) > LONGEST:
        raise JobRefused(sentence("The reason is too long. Use at most %(most)s characters.", most=LONGEST))
    async with db.transaction():
        piece = await _parked(identity)
        if not await job_list.give_up(identity, reason):
            raise JobRefused("It is not parked any more. Look at it again.")
        body = {"delivery": str(identity), "job": piece.subscriber, "plugin": piece.plugin}
        sealed = {"reason": Sealed(STREAM, reason)}
        await append(actor=viewer.actor, entries=[NewEntry(STREAM, "job.given_up", body, sealed)])


async def _parked(identity: UUID) -> job_list.Piece:
    piece = await job_list.one(identity)
    if piece is None:
        raise JobRefused("This work is not kept any more.")
    if piece.state != "parked":
        raise JobRefused("It is not parked any more: somebody ran it again or gave it up.")
    return piece


def _demand(viewer: Viewer) -> None:
    if not viewer.may("job.manage"):
        raise MayNotManageError("Your roles do not allow this. Ask an administrator of this desk.")
