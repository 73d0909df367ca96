"""The register of privacy complaints and their dispositions (45 CFR 164.530(d)), as a return: frozen, signed, and open
to its cases. The rule gives no form, so items have names of ours."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from ombud_hipaa.deadlines import is_privacy
from ombud_plugin_api import (
    Code,
    Item,
    Layout,
    Return,
    ReturnAspect,
    ReturnCase,
    ReturnCheck,
    ReturnPeriod,
    ReturnTable,
    ReturnVersion,
)

KEEP_YEARS = 6
RULE = (
    "A complaint counts once, under its first matter about privacy. The settings name the categories and case types "
    "that are about privacy. It is received in the period of its receipt; its disposition is the outcome of that "
    "matter, and counts in the period in which the complaint was closed. This documentation is kept for six years from "
    "when it was made (45 CFR 164.530(j)): the periods reach back as far, and the retention of these case types should."
)
DISPOSITIONS = {
    "upheld": "Substantiated", "partly_upheld": "Substantiated in part", "not_upheld": "Not substantiated",
    "withdrawn": "Withdrawn", "out_of_scope": "Not a matter of privacy, or not for you",
}  # fmt: skip


def periods(today: date, settings: Mapping[str, Any]) -> list[ReturnPeriod]:
    """The year that runs and the six before, each by itself; and these six years together."""
    found = [
        ReturnPeriod(first=date(year, 1, 1), last=date(year, 12, 31), label=str(year))
        for year in range(today.year, today.year - KEEP_YEARS - 1, -1)
    ]
    first, last = date(today.year - KEEP_YEARS, 1, 1), date(today.year - 1, 12, 31)
    return [*found, ReturnPeriod(first=first, last=last, label=f"{first.year} – {last.year}")]


class Register:
    """What a complaint adds, by the settings."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings
        self.categories = frozenset(settings.get("categories") or ())

    def matter(self, case: ReturnCase) -> ReturnAspect | None:
        """Its first matter about privacy; the first of all where its type makes it a privacy complaint."""
        if not is_privacy(case.case_type, (each.category for each in case.aspects), self.settings):
            return None
        order = sorted(case.aspects, key=lambda each: (each.position, each.id))
        return next((each for each in order if each.category in self.categories), next(iter(order), None))

    def received(self, case: ReturnCase, period: ReturnPeriod) -> int:
        return int(self.matter(case) is not None and period.holds(case.received_on))

    def open_before(self, case: ReturnCase, period: ReturnPeriod) -> int:
        waiting = case.closed_on is None or case.closed_on >= period.first
        return int(self.matter(case) is not None and case.received_on < period.first and waiting)

    def closed(self, case: ReturnCase, period: ReturnPeriod) -> int:
        return int(self.matter(case) is not None and period.holds(case.closed_on))

    def open_after(self, case: ReturnCase, period: ReturnPeriod) -> int:
        waiting = case.closed_on is None or case.closed_on > period.last
        return int(self.matter(case) is not None and case.received_on <= period.last and waiting)

    def disposed(self, outcome: str) -> Any:
        def measure(case: ReturnCase, period: ReturnPeriod) -> int:
            matter = self.matter(case)
            return int(bool(self.closed(case, period)) and matter is not None and matter.outcome == outcome)

        return measure

    def row(self, case: ReturnCase, period: ReturnPeriod) -> str:
        matter = self.matter(case)
        return matter.category if matter is not None and matter.category in self.categories else ""

    def lacks(self, case: ReturnCase, period: ReturnPeriod) -> list[str]:
        matter = self.matter(case)
        return ["disposition"] if self.closed(case, period) and matter is not None and not matter.outcome else []


def _dispositions(register: Register) -> tuple[Item, ...]:
    return tuple(
        Item(code, label, f"Closed in the period with this disposition (outcome “{code.replace('_', ' ')}”).",
             measure=register.disposed(code))
        for code, label in DISPOSITIONS.items()
    )  # fmt: skip


def build(settings: Mapping[str, Any]) -> Layout:
    register = Register(settings)
    received = Item("received", "Received", "Privacy complaints received in the period.", measure=register.received)
    closed = Item("closed", "Closed", "Privacy complaints closed in the period.", measure=register.closed)
    items = (
        Item("open_before", "Open at the start", "Received before the period and not closed before it.",
             measure=register.open_before),
        received, closed, *_dispositions(register),
        Item("open_after", "Open at the end", "Received by the end of the period and not closed by then.",
             measure=register.open_after),
        Item("sanctions", "Sanctions of members of the workforce",
             "Applied in the period after these complaints (45 CFR 164.530(e)); the desk does not know them.",
             entered=True, required=False),
    )  # fmt: skip
    rows = tuple(Code(each, each.replace("_", " ").capitalize(), "", True) for each in sorted(register.categories))
    table = ReturnTable("categories", "By category", rows, (received, closed, *_dispositions(register)), register.row)
    told = () if settings.get("layout_confirmed") else ("Layout of the register",)

    def named(figures: Mapping[str, Any]) -> Sequence[str]:
        if register.categories or settings.get("case_types"):
            return []
        return ["nothing is known to be about privacy: name categories or case types in the settings of the plugin"]

    return Layout(
        "Register of privacy complaints", RULE, items, (table,) if rows else (),
        (ReturnCheck("privacy", "What is about privacy", named), ReturnCheck("open", "What stays open", _adds_up)),
        register.lacks, told,
    )  # fmt: skip


def _adds_up(figures: Mapping[str, Any]) -> Sequence[str]:
    parts = [figures.get(each) for each in ("open_before", "received", "closed", "open_after")]
    before, received, closed, after = (each if isinstance(each, int) else 0 for each in parts)
    if before + received - closed == after:
        return []
    return [f"{before} open + {received} received − {closed} closed are not {after} open"]


RETURN = Return(
    "hipaa.register", "HIPAA (45 CFR 164.530)", "Register of privacy complaints",
    "Every complaint about privacy with its disposition, for a year or for the six years that it is kept.",
    (ReturnVersion("register-1", "First layout", build),), periods,
)  # fmt: skip
