"""What DISP asks of the letters that answer a complaint, as core's gate reads them.

Read in copies of DISP 1.5 and 1.6, not in the handbook in force, so the provenance is `secondary`.
"""

from ombud_plugin_api import ResponseLeaflet, ResponsePart, ResponseRequirement

LABEL = "Financial Conduct Authority (DISP)"
SITE = "financial-ombudsman.org.uk"


def _part(
    key: str, label: str, source: str, phrases: tuple[str, ...], example: str, *, rights: bool = False
) -> ResponsePart:
    return ResponsePart(key, label, source, {"en": phrases}, rights=rights, example={"en": example})


def _rights(source: str) -> tuple[ResponsePart, ...]:
    return (
        _part(
            "ombudsman", "Right to go to the Financial Ombudsman Service", source,
            ("refer* … Financial Ombudsman Service", "complain* … Financial Ombudsman Service",
             "go … Financial Ombudsman Service", "Financial Ombudsman Service … free"),
            "You have the right to refer your complaint to the Financial Ombudsman Service, free of charge.",
            rights=True,
        ),
        _part(
            "time_limits", "Whether you waive the ombudsman's time limits (DISP 1 Annex 3 wording)", source,
            ("six months", "6 months", "time limit*"),
            "You must do so within six months of the date of this letter.", rights=True,
        ),
        _part(
            "website", "Web address of the Financial Ombudsman Service", source, (SITE, f"www.{SITE}"),
            f"www.{SITE}", rights=True,
        ),
    )  # fmt: skip


FINAL = ResponseRequirement(
    "fca", LABEL, (*_rights("DISP 1.6.2R"),),
    (
        ResponseLeaflet(
            "leaflet", "The ombudsman's leaflet", "DISP 1.6.2R", ("leaflet", "ombudsman"), (f"{SITE}/consumers",)
        ),
    ),
    languages=("en",), provenance="secondary",
)  # fmt: skip
SUMMARY = ResponseRequirement(
    "fca", LABEL,
    (
        _part(
            "resolved", "That you treat the complaint as resolved", "DISP 1.5.4R",
            ("resolved", "settled", "accept* … our offer"), "We now consider your complaint resolved.",
        ),
        *_rights("DISP 1.5.4R"),
    ),
    letter="summary_resolution", letter_label="Summary resolution communication", languages=("en",),
    provenance="secondary",
)  # fmt: skip
HOLDING = ResponseRequirement(
    "fca", LABEL,
    (
        _part(
            "why", "Why you cannot give a final response yet", "DISP 1.6.2R",
            ("not yet", "still … looking", "unable to … final response", "cannot … final response"),
            "We cannot give you a final response yet, because we wait for the bank's records.",
        ),
        _part(
            "when", "When you expect to give it", "DISP 1.6.2R", ("expect to", "we will … by", "we hope to"),
            "We expect to answer by 30 June.",
        ),
        *_rights("DISP 1.6.2R")[:1],
    ),
    FINAL.leaflets, letter="holding", letter_label="Letter at eight weeks", languages=("en",), provenance="secondary",
)  # fmt: skip
REQUIREMENTS = [FINAL, SUMMARY, HOLDING]
