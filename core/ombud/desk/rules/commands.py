"""`ombud rules replay`: a draft, or the rules in force, over the cases of the last months, told on the terminal."""

import sys
from dataclasses import replace

from ombud.desk.engine.terms import Definition
from ombud.desk.errors import DeskRefusal
from ombud.desk.rules import names, versions
from ombud.desk.rules.replay import PROCESSES, Report, months_back, run


async def replay_command(rule: str, number: int | None, months: int, processes: int = PROCESSES) -> int:
    """`rule`: its newest version, or `number`, as if it had held all that time; empty: what the rules in force did is
    found anew. 0 where nothing differs, else 1; nothing is changed."""
    try:
        draft = await _draft(rule, number)
    except DeskRefusal as refusal:
        print(f"ombud: {refusal}", file=sys.stderr)
        return 2
    report = await run(replace(months_back(months), draft=draft), processes=processes)
    known = (await names.known()).names
    for line in told(report, draft, known):
        print(line)
    return 1 if draft is None and report.differing else 0


async def _draft(rule: str, number: int | None) -> Definition | None:
    if not rule:
        return None
    kept = await versions.rule(rule)
    chosen = kept.number(number) if number else kept.newest
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
    if report.lacking:
        lines.append("Old cases do not tell: " + ", ".join(f"{name} ({n})" for name, n in report.lacking.items()) + ".")
    return lines
