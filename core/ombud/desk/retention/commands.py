"""`ombud retention preview | run`: what the command line runs, with database and master key open."""

from datetime import date

from ombud.desk.retention import running, shown
from ombud.desk.retention.words import period_words, reason_words
from ombud.kernel.database import db
from ombud.trust.policy import SYSTEM

LISTED = 50


async def preview_command(day: date | None) -> int:
    """Names how many cases are due by rule, and the oldest of them."""
    found = await shown.preview(SYSTEM, day)
    if not found.rules:
        print("There is no retention rule: every case is kept.")
    for rule in found.rules:
        count = found.counts.get(rule.id)
        due, held = (count.due, count.held) if count else (0, 0)
        told = {"amount": rule.amount, "span": rule.span, "counts_from": rule.counts_from}
        print(
            f"{found.laid.words(rule)}: {period_words(told)} ({rule.source}). "
            f"{'At least ' if count and count.more else ''}{due} due, {held} of them held back."
        )
    for case in found.cases[:LISTED]:
        why = ", ".join(reason_words(each)[0] for each in case.reasons)
        print(f"  {case.reference}  kept until {case.until}  {f'held back: {why}' if why else 'goes'}")
    if found.after is not None:
        print("  and more")
    for each in found.bare:
        print(f"Kept, because no rule speaks of them: {found.laid.ground_words(each)}")
    return 0


async def run_command() -> int:
    """Begins a run and does all of it here, unless something must be asked of plugins, which the work process does."""
    asks = await db.fetchval("SELECT EXISTS (SELECT 1 FROM core_plugin WHERE declaration->>'asks' = 'true')")
    made = await running.begin("command", "system", later=bool(asks))
    if asks:
        print(f"Run {made} is ordered. Plugins have to be asked, so the work process of the desk carries it out.")
        return 0
    while await running.step(made):
        pass
    row = await db.fetchrow("SELECT destroyed, held, more, sha256 FROM core_retention_run WHERE id = $1", made)
    assert row is not None
    print(
        f"Run {made}: {row['destroyed']} cases destroyed, {row['held']} held back.\n"
        f"The certificate stands under /privacy/retention/runs/{made}; its SHA-256 is {row['sha256']}."
    )
    if row["more"]:
        print("More is due than one run takes. Run it again.")
    return 0
