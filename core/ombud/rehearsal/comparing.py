"""What differs between a desk before and after an upgrade, and whether that speaks against it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SLOWER_TIMES, SLOWER_MS = 2.0, 50.0  # both, before a page counts as slower
GROWS = (
    "core_ledger",
    "core_stream",
    "core_sealed",
    "core_delivery",
    "core_known_permission",
    "core_plugin",
    "core_role",
    "core_viewing",
    "migration",
)
"""Tables in which the upgrade itself leaves rows, or looking at its pages does."""


@dataclass(frozen=True)
class Verdict:
    """`against`: each a reason not to upgrade; `notable`: what an administrator should know and may well want."""

    against: tuple[str, ...]
    notable: tuple[str, ...]

    @property
    def go(self) -> bool:
        return not self.against


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> Verdict:
    """Both as `looking` prints them."""
    against = [f"{slug} was refused: {why}" for slug, why in sorted(after["upgraded"].items()) if why]
    against += _states(before, after)
    opened, notable = _pages(before["pages"], after["pages"])
    worse, lost = _answers(before["answers"], after["answers"]), _counts(before["counts"], after["counts"])
    return Verdict((*against, *opened, *worse, *lost), tuple(notable))


def _states(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """A plugin that worked and does not, whatever was said of its upgrade."""
    found = []
    for slug, (state, *_) in sorted(before["plugins"].items()):
        now, _, why = after["plugins"].get(slug, ("missing", "", ""))
        if state == "enabled" and now != "enabled" and not after["upgraded"].get(slug):
            found.append(f"{slug} was {state} and would be {now}" + (f": {why}" if why else ""))
    return found


def _pages(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[list[str], list[str]]:
    opened, notable = [], []
    for page, now in sorted(after.items()):
        was = before.get(page)
        if was is None:
            notable.append(f"{page} is new ({now})")
        elif was != now and now == "public":
            opened.append(f"{page} was for {was} and would be open to everybody")
        elif was != now:
            opened.append(f"{page} was for {was} and would be for {now}")
    notable += [f"{page} is gone" for page in sorted(before) if page not in after]
    return opened, notable


def _answers(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    worse = []
    for path, (status, took) in sorted(after.items()):
        was_status, was_took = before.get(path, (200, took))
        if status >= 400 > was_status or status >= 500 > was_status:
            worse.append(f"{path} answers {status}" + (f", before {was_status}" if path in before else ""))
        elif took > was_took * SLOWER_TIMES and took - was_took > SLOWER_MS:
            worse.append(f"{path} takes {took:.0f} ms, before {was_took:.0f} ms")
    return worse


def _counts(before: Mapping[str, int], after: Mapping[str, int]) -> list[str]:
    lost = []
    for table, rows in sorted(before.items()):
        now = after.get(table)
        if now is None:
            lost.append(f"table {table} with {rows} rows would be gone")
        elif now < rows:
            lost.append(f"table {table} would lose {rows - now} of {rows} rows")
        elif now > rows and table.startswith("core_") and not table.startswith(GROWS):
            lost.append(f"table {table} would get {now - rows} rows")
    return lost
