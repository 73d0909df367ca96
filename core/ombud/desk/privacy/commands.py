"""`ombud privacy replay`: what the command line runs, with database and master key open."""

import sys
from pathlib import Path

from ombud.desk.errors import NotNow
from ombud.desk.privacy import journal, replaying
from ombud.desk.privacy.replaying import Replayed


async def replay_command(given: Path | None = None, *, waived: bool = False) -> int:
    """0 when the restored desk has forgotten what the journal names; 1 where the journal does not hold, or a plugin
    did not answer. `given`: another copy of the journal, which becomes this desk's; `waived`: somebody says that no
    newer copy is left anywhere."""
    try:
        if given is not None:
            if not given.is_file():
                raise NotNow(f"There is no file {given}. Name a copy of the erasure journal.")
            replaying.demand_known(journal.orders(given))
            journal.adopt(given)
        done = await replaying.replay()
    except journal.JournalBroken as broken:
        print(f"DOES NOT HOLD: {broken}", file=sys.stderr)
        return 1
    await replaying.settle(done, "given" if given is not None else "waived" if waived else "")
    return told(done)


def told(done: Replayed) -> int:
    """In words; returns the exit code."""
    print(f"The journal names {done.orders} erasures; {done.again} were done again.")
    for order, sources in done.silent:
        for each in sources:
            print(f"NOT DONE: erasure {order} waits for the plugin {each['source']}. {each['why']}", file=sys.stderr)
    if done.silent:
        print("Until then these people are still here. Run: ombud privacy replay", file=sys.stderr)
    return 0 if done.whole else 1
