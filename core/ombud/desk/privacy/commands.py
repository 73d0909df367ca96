"""`ombud privacy replay`: what the command line runs, with database and master key open."""

import sys

from ombud.desk.privacy import erasing, journal


async def replay_command() -> int:
    """0 when the restored desk has forgotten what the journal names; 1 where the journal does not hold."""
    try:
        found = len(journal.orders())
        again = await erasing.replay()
    except journal.JournalBroken as broken:
        print(f"DOES NOT HOLD: {broken}", file=sys.stderr)
        return 1
    print(f"The journal names {found} erasures; {again} were done again.")
    return 0
