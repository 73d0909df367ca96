"""How the desk is doing: checks that each say good, look or bad, what it means and what to do.

The page of the administrator, `GET /health/details` and `ombud check` all ask `examine`. A floor registers its own
checks; one that fails or takes too long is itself a finding and holds up no other.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ombud.kernel import faults

SECONDS = 5.0  # one check may take
AT_ONCE = 3
GOOD, LOOK, BAD = "good", "look", "bad"
_WORSE = {GOOD: 0, LOOK: 1, BAD: 2}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Finding:
    """What a check found. `said` is one sentence; `facts` are (label, value) for people and machines."""

    state: str
    said: str
    remedy: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    href: str = ""


@dataclass(frozen=True)
class Check:
    """`means`: why it matters, in a sentence. `serving`: it makes sense only while the desk serves."""

    code: str
    label: str
    group: str
    means: str
    look: Callable[[], Awaitable[Finding]]
    serving: bool = False


@dataclass(frozen=True)
class Examined:
    check: Check
    finding: Finding


@dataclass
class Checks:
    """The checks of this process by code, in the order they were registered."""

    known: dict[str, Check] = field(default_factory=dict)

    def register(self, *checks: Check) -> None:
        """Adds checks, or replaces those of the same code."""
        for check in checks:
            self.known[check.code] = check

    async def examine(self, *, serving: bool = True) -> list[Examined]:
        """Runs every check; with `serving` false those that need a desk which serves are left out."""
        places = asyncio.Semaphore(AT_ONCE)

        async def one(check: Check) -> Examined:
            async with places:
                return Examined(check, await _found(check))

        wanted = [check for check in self.known.values() if serving or not check.serving]
        return list(await asyncio.gather(*(one(check) for check in wanted)))


async def _found(check: Check) -> Finding:
    remedy = "Look into the log of the desk. If the others are good, wait a minute and look again."
    try:
        return await asyncio.wait_for(check.look(), SECONDS)
    except TimeoutError:
        return Finding(LOOK, f"This could not be looked at within {SECONDS:.0f} seconds.", remedy)
    except Exception as problem:
        log.warning("the check %s failed: %s", check.code, faults.told(problem))
        return Finding(BAD, f"This could not be looked at: {faults.told(problem)[:300]}", remedy)


def worst(found: list[Examined]) -> str:
    """The state of the whole."""
    return max((each.finding.state for each in found), key=lambda state: _WORSE[state], default=GOOD)


health = Checks()
