"""The gate at work: a letter is judged before it is written down, before it is approved, and while it is typed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ombud.desk.checking import clean_text
from ombud.desk.errors import NotAllowed, NotNow
from ombud.desk.gate.checking import blocking, check, in_view
from ombud.desk.gate.facts import record_of
from ombud.desk.gate.findings import Finding, Letter
from ombud.desk.gate.rules import rules_in
from ombud.speech import sentence
from ombud.trust.policy import Viewer

GATED = "final_response"
"""The kind of message that is judged."""
RIGHT = "message.override_gate"
LONGEST_REASON = 1000


class Held(NotNow):
    """The gate does not let a letter pass; `findings`: what it found, as the viewer may see it."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        stops = [each for each in findings if each.blocks]
        told = " ".join(each.words for each in stops) or "Ask somebody else to look at it."
        super().__init__(sentence("The letter cannot leave yet. %(told)s", told=told))
        self.findings = tuple(findings)


@dataclass(frozen=True)
class Judged:
    """`findings`: all; `shown`: those the viewer may see; `stops`: those that hold it."""

    findings: tuple[Finding, ...]
    shown: tuple[Finding, ...]
    stops: tuple[Finding, ...]


@dataclass(frozen=True)
class Passed:
    """How a letter came through: `keys` and `checks` of what was let pass, with the reason; nothing where nothing stood
    in its way. `waits`: what nobody wrote waits for a person."""

    keys: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    why: str = ""
    waits: bool = False


async def judge(viewer: Viewer, case: Mapping[str, Any], letter: Letter, passed: Sequence[str] = ()) -> Judged:
    """Reads the record, the unit's rules and the letter; three statements and no call of a plugin, so that it may run
    inside a transaction. `case`: id, unit_id, case_type; `passed`: keys of what was let pass before."""
    record, hidden = await record_of(case["id"], viewer.user_id)
    rules = await rules_in(case["unit_id"])
    findings = check(letter, record, rules.required(case["case_type"]), rules.policy)
    stops = blocking(findings, frozenset(passed))
    return Judged(findings, in_view(findings, hidden), stops)


async def let_through(
    viewer: Viewer, case: Mapping[str, Any], letter: Letter, *, override: str = "", robot: bool = False,
    passed: Sequence[str] = (),
) -> Passed:  # fmt: skip
    """Raises Held where something stands in its way and nobody with the right gave a reason to let it pass. What nobody
    wrote is not refused, so that nothing is lost: it waits for a person."""
    judged = await judge(viewer, case, letter, passed)
    if not judged.stops:
        return Passed()
    if robot:
        return Passed(waits=True)
    if not override.strip():
        raise Held(judged.shown)
    if not viewer.may_in(RIGHT, case["unit_id"]):
        raise NotAllowed("Your roles do not let you send it in spite of the gate. Ask somebody who may.")
    why = clean_text(override, "override", longest=LONGEST_REASON, required=True)
    return Passed(tuple(each.key for each in judged.stops), tuple(sorted({each.check for each in judged.stops})), why)


def letter_types(case_requirements: Sequence[Any]) -> list[tuple[str, str]]:
    """The letters that regulators of a case tell apart, with words; empty where there is only the final response."""
    found = {GATED: "Final response"} | {each.letter: each.letter_label for each in case_requirements}
    return list(found.items()) if len(found) > 1 else []


async def types_for(unit_id: UUID, case_type: str) -> list[tuple[str, str]]:
    """Those of a case; one statement."""
    return letter_types((await rules_in(unit_id)).required(case_type))
