"""What the pages of the administration share: refusals beside fields, conflicts side by side, how a token stands."""

from collections.abc import Sequence
from typing import Any

from ombud.desk.administration.trail import trail
from ombud.desk.colleagues.last_change import SOMEBODY
from ombud.desk.errors import Changed, DeskRefusal, NotAllowed
from ombud.kernel.clock import now
from ombud.trust.tokens import TokenListed
from ombud.web.pages.case_drawn import conflict_drawn
from ombud.web.pages.given import Refused, refused


def beside(problem: DeskRefusal, fields: dict[str, str] | None = None) -> Refused:
    """A refusal for the form that caused it; one for want of a right stands there too, so that no text is lost."""
    if isinstance(problem, NotAllowed):
        return Refused(403, [{"field": "", "message": str(problem)}])
    return refused(problem, fields)


async def clash(problem: DeskRefusal, streams: Sequence[str], about: str = "") -> dict[str, Any] | None:
    """Both sides of a conflict, with who changed the record last; None for another refusal."""
    if not isinstance(problem, Changed):
        return None
    last = await trail(streams, size=1, about=about)
    who, at = (last[0].actor_name, last[0].at) if last else (SOMEBODY, now())
    return conflict_drawn(problem, who, at, {})


def token_state(token: TokenListed) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "expired" if token.expires_at is not None and token.expires_at <= now() else "holds"
