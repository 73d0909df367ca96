"""The published layouts of the CFPB Consumer Complaint Database, told apart by their sets of columns.

Three facts decide how they map. The bureau withholds the consumer's name, so the complainant is named after the
complaint id. Dates came month first until the export changed to ISO 8601; both are read. Times without an offset are
the bureau's own, in Washington.
"""

from collections import abc
from dataclasses import dataclass

from ombud_csv_import.mapping import Mapping, field_key, guess
from ombud_csv_import.reading import folded

WITHHELD = "Name withheld (CFPB {id})"
WASHINGTON = "America/New_York"

FULL = (
    "Date received",
    "Product",
    "Sub-product",
    "Issue",
    "Sub-issue",
    "Consumer complaint narrative",
    "Company public response",
    "Company",
    "State",
    "ZIP code",
    "Tags",
    "Consumer consent provided?",
    "Submitted via",
    "Date sent to company",
    "Company response to consumer",
    "Timely response?",
    "Consumer disputed?",
    "Complaint ID",
)
DROPPED_IN_JUNE_2026 = ("Consumer consent provided?", "Consumer disputed?")
BEFORE_NARRATIVES = (
    "Complaint ID",
    "Product",
    "Sub-product",
    "Issue",
    "Sub-issue",
    "State",
    "ZIP code",
    "Submitted via",
    "Date received",
    "Date sent to company",
    "Company",
    "Company response",
    "Timely response?",
    "Consumer disputed?",
)
EXTRAS = (
    "Company",
    "Company public response",
    "Company response to consumer",
    "Company response",
    "State",
    "Tags",
    "Consumer consent provided?",
    "Date sent to company",
    "Timely response?",
    "Consumer disputed?",
)
CHANNELS = (
    ("Web", "web"),
    ("Web Referral", "web"),
    ("Phone", "phone"),
    ("Postal mail", "letter"),
    ("Fax", "letter"),
    ("Email", "email"),
    ("Referral", "referral"),
)


@dataclass(frozen=True, slots=True)
class Layout:
    """name: what a command or a page calls it. source: where the columns are known from."""

    name: str
    title: str
    columns: tuple[str, ...]
    mapping: Mapping
    source: str

    def fits(self, header: abc.Iterable[str]) -> bool:
        return {folded(name) for name in header} == {folded(name) for name in self.columns}


def without(columns: tuple[str, ...], *dropped: str) -> tuple[str, ...]:
    return tuple(column for column in columns if column not in dropped)


def _export(columns: tuple[str, ...]) -> Mapping:
    narrative = "Consumer complaint narrative"
    return Mapping(
        external_id="Complaint ID",
        received_at="Date received",
        day_first=False,
        time_zone=WASHINGTON,
        person_postcode="ZIP code",
        summary=("Issue", "Sub-issue"),
        narrative=narrative if narrative in columns else "",
        composed=("Issue", "Sub-issue", "Product", "Sub-product", "Company"),
        category=("Product", "Issue"),
        channel="Submitted via",
        channels=CHANNELS,
        extra=tuple((column, field_key(column)) for column in EXTRAS if column in columns),
        absent=("None", "N/A"),
        absent_name=WITHHELD,
    )


def _layout(name: str, title: str, columns: tuple[str, ...], source: str) -> Layout:
    return Layout(name, title, columns, _export(columns), source)


SIXTEEN = without(FULL, *DROPPED_IN_JUNE_2026)

LAYOUTS: tuple[Layout, ...] = (
    _layout(
        "cfpb-18",
        "CFPB export, 18 columns (until May 2026)",
        FULL,
        "Field reference of the database and the headers of its published exports.",
    ),
    _layout(
        "cfpb-16",
        "CFPB export, 16 columns (from June 2026)",
        SIXTEEN,
        "github cfpb/ccdb5-api pull request 243 of 2026-06-02 removes the consent and the disputed column; "
        "basedosdados/pipelines pull request 1987 of 2026-09-07 counts 16 in the bulk file.",
    ),
    _layout(
        "cfpb-15",
        "CFPB export, 15 columns (2026, without narratives)",
        without(SIXTEEN, "Consumer complaint narrative"),
        "github ivanbilyk1/consumer-financial-complaints @74145a83, data/complaints_sample.csv.",
    ),
    _layout(
        "cfpb-14",
        "CFPB export, 14 columns (until June 2015, before narratives)",
        BEFORE_NARRATIVES,
        "Headers kept in the tests of public CSV readers, with rows of April 2015.",
    ),
    Layout(
        "cfpb-narratives",
        "CFPB narratives (id, product, narrative)",
        ("id", "product", "narrative"),
        Mapping(
            external_id="id",
            narrative="narrative",
            category=("product",),
            time_zone=WASHINGTON,
            absent_name=WITHHELD,
        ),
        "github sha-hsg/data @13053e55, Consumer_Complaints.csv: narratives of 2015 to 2017 without their dates.",
    ),
)


def recognise(header: abc.Iterable[str]) -> Layout | None:
    """The layout with exactly these columns, in any order, case and spacing."""
    names = tuple(header)
    return next((layout for layout in LAYOUTS if layout.fits(names)), None)


def named(name: str) -> Layout:
    """Raises KeyError with the names there are."""
    for layout in LAYOUTS:
        if layout.name == name:
            return layout
    raise KeyError(f"There is no layout {name!r}. Choose one of {', '.join(layout.name for layout in LAYOUTS)}.")


def proposal(header: abc.Sequence[str]) -> Mapping:
    """The recognised layout's mapping in this header's spelling, else a guess from the column names."""
    layout = recognise(header)
    return layout.mapping.bound(header) if layout else guess(header)
