"""`ombud rules …`: the rules there are, and a draft, or the rules in force, over the cases of the last months."""

import sys
from dataclasses import replace

from ombud.desk.engine.terms import Definition
from ombud.desk.errors import DeskRefusal, Invalid, NotFound
from ombud.desk.rules import in_force, names, versions
from ombud.desk.rules.asked import MOST_MONTHS
from ombud.desk.rules.replay import PROCESSES, Report, months_back, run
from ombud.desk.rules.wording import summary

MOST_PROCESSES = 16


async def list_command() -> int:
    """Every rule in the order in which they are asked: key, how it stands, its newest version, what it says."""
    known, words = (await names.known()).names, in_force.words()
    for each in await versions.all_rules():
        newest = f"version {each.shown.number}" + (
            ", a newer draft beside it" if each.newest.number > each.shown.number else ""
        )
        print(f"{each.key}  {each.state} ({newest})\n    {summary(each.shown.definition, words, known)}")
    return 0


async def replay_command(rule: str, number: int | None, months: int, processes: int = PROCESSES) -> int:
    """`rule`: its newest version, or `number`, as if it had held all that time; empty: what the rules in force did is
    found anew. 0 where nothing differs, else 1; nothing is changed."""
    try:
        _refuse_strange(rule, number, months, processes)
        draft = await _draft(rule, number)
    except DeskRefusal as refusal:
        print(f"ombud: {refusal}", file=sys.stderr)
        return 2
    report = await run(replace(months_back(months), draft=draft), processes=processes)
    known = (await names.known()).names
    for line in told(report, draft, known):
        print(line)
    return 1 if draft is None and report.differing else 0


def _refuse_strange(rule: str, number: int | None, months: int, processes: int) -> None:
    if not 1 <= months <= MOST_MONTHS:
        raise Invalid(f"{months} months cannot be replayed. Give --months from 1 to {MOST_MONTHS}.", "months")
    if not 1 <= processes <= MOST_PROCESSES:
        raise Invalid(
            f"{processes} processes cannot share the work. Give --processes from 1 to {MOST_PROCESSES}.", "processes"
        )
    if number is not None and not rule:
        raise Invalid("--number says which version of a rule. Name the rule as well: --rule KEY.", "number")


async def _draft(rule: str, number: int | None) -> Definition | None:
    if not rule:
        return None
    try:
        kept = await versions.rule(rule)
    except NotFound:
        raise NotFound(f"There is no rule {rule}. See which there are with: ombud rules list") from None
    known = [each.number for each in kept.versions]
    if number is not None and number not in known:
        raise NotFound(f"{rule} has no version {number}. Give --number from {min(known)} to {max(known)}.")
    chosen = kept.newest if number is None else kept.number(number)
    versions.refuse_unfit(chosen.definition)
    return chosen.definition


def told(report: Report, draft: Definition | None, known: dict[str, str]) -> list[str]:
    """The result line by line."""
    lines = [f"{report.cases} cases with {report.entries} entries in {report.seconds:.1f} s. Nothing was changed."]
    if draft is None:
        lines.append(
            f"Found anew: {report.found_anew} of what the rules in force did; {report.differing} cases differ; "
            f"{report.halted} loops stopped."
        )
        for each in report.differs[:20]:
            lines += [f"  case {each['case']}: not done: {one}" for one in each["missed"]]
            lines += [f"  case {each['case']}: not found anew: {one}" for one in each["surplus"]]
    else:
        lines += [
            f"“{draft.label}” would have run {report.times} times and changed {report.changed} cases; "
            f"{report.same} effects as they were, {report.dropped} would not be there.",
            f"Breaches: {report.caused} caused, {report.avoided} avoided; it acts on {report.acted_before} of "
            f"{report.late} late cases before they are late.",
        ]
        for queue, (was, would) in sorted(report.load.items(), key=lambda pair: -abs(pair[1][1] - pair[1][0])):
            if was != would:
                lines.append(f"  {known.get(queue, queue) or 'No queue'}: {was} open cases now, {would} with it")
    for why, cases in sorted(report.unanswered.items()):
        lines.append(f"Could not answer in {cases} cases: {why}.")
    if report.untried:
        lines.append(f"{report.untried} cases were left untried for it; the sums are without them.")
    if report.lacking:
        lines.append("Old cases do not tell: " + ", ".join(f"{name} ({n})" for name, n in report.lacking.items()) + ".")
    return lines
