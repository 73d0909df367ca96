"""The publication report DISP 1 Annex 1B: the same counts by product group, with the shares and rates a firm prints."""

from collections.abc import Callable, Mapping
from typing import Any

from ombud_fca import annex1r, counting, periods
from ombud_fca.codes import CREDIT, lists
from ombud_plugin_api import Item, Layout, Return, ReturnCheck, ReturnTable, ReturnVersion

PRINTED = "summary"
Derive = Callable[[Mapping[str, Any]], Any]


def _share(part: str, places: int) -> Derive:
    return lambda row: counting.share(row.get(part), row.get("closed"), places)


def _rate(of: str) -> Derive:
    return lambda row: counting.per_1000(row.get("opened"), row.get(of))


def columns(places: int, vote: Item) -> tuple[Item, ...]:
    """In the order of the published table; the counts behind the shares stand last, as workings."""
    by_number = {each.number: each for each in counting.COUNTS}
    return (
        annex1r.PROVISION, annex1r.INTERMEDIATION,
        Item("provision_rate", "Opened by provision, per 1,000", "Opened × 1,000 / provision at the period's end.",
             unit="per_1000", derive=_rate("provision")),
        Item("intermediation_rate", "Opened by intermediation, per 1,000",
             "Opened × 1,000 / intermediation within the period.", unit="per_1000", derive=_rate("intermediation")),
        by_number["opened"], by_number["closed"],
        Item("share_3_days", "Closed within 3 days", "Of the closed, in per cent.", unit="per_cent",
             derive=_share("closed_3_days", places)),
        Item("share_8_weeks", "Closed after 3 days, within 8 weeks", "Of the closed, in per cent.", unit="per_cent",
             derive=_share("closed_8_weeks", places)),
        Item("share_upheld", "Upheld", "Of the closed, in per cent.", unit="per_cent", derive=_share("upheld", places)),
        vote,
        *(by_number[each] for each in ("closed_3_days", "closed_8_weeks", "closed_later", "upheld")),
    )  # fmt: skip


def build(settings: Mapping[str, Any]) -> Layout:
    found = lists(settings)
    places = settings.get("places")
    vote = Item("main_cause", "Main cause of complaints opened", "The most frequent cause of the main part.",
                unit="code", measure=lambda case, period: annex1r.cause(found, case, period))  # fmt: skip
    rows = tuple(row for row in found.groups() if row.label != CREDIT)
    table = ReturnTable(
        PRINTED, "Complaints by product or service", rows, columns(2 if places is None else int(places), vote),
        annex1r.table_of(found, by_group=True), "Shares are of what was closed in the group; what took longer than 8 "
        "weeks is not printed, so the two shares need not make 100.", annex1r.blank(found, True),
    )  # fmt: skip
    header = (
        Item("brands", "Brands and trading names", "As printed above the table.", unit="text", entered=True,
             required=False),
    )  # fmt: skip
    return Layout(
        "Complaints publication report (DISP 1 Annex 1B)", counting.RULE, header, (table,),
        (ReturnCheck("timing", "What was closed", counting.timing_problems),),
        lambda case, period: annex1r.lacks(found, case, period),
        tuple(each for each in annex1r.unverified(found, settings) if each.startswith("Cause")), counting.GBP,
    )  # fmt: skip


RETURN = Return(
    "fca.annex1b", "Financial Conduct Authority", "Publication report (Annex 1B)",
    "For firms with 500 complaints or more in a half year (1,000 in a year): published by end of August or February.",
    (ReturnVersion("annex1b-2026", "Annex 1B as of 2026", build, valid_to=periods.LAST_OF_OLD),),
    periods.for_publication,
)  # fmt: skip
