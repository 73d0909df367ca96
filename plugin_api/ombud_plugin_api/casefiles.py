"""Files of a case for somebody outside, such as an ombudsman: the profile a plugin gives, and the facts it reads.

Core makes the file: it alone reads the record under the policy, leaves out what may not leave, and writes the hashes. A
profile says for whom it is, what stands on its cover and what is left out unless somebody ticks it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

CASE_FILE_PARTS = ("cover", "outcome", "chronology", "documents", "redactions")
"""The parts of the index, in core's order."""

CASE_FILE_CAUTIONS = ("notes", "others")
"""What a profile may leave unticked at first: `notes` for staff alone, and what `others` than the complainants and
those who act for them wrote. What is legally privileged is always left out."""


class CaseFileAspect(msgspec.Struct, frozen=True, kw_only=True):
    """One matter of those that go into the file, in codes. `outcome` is empty while it is not decided."""

    letter: str
    category: str = ""
    outcome: str = ""
    decided_on: date | None = None
    redress: tuple[tuple[str, str, str], ...] = ()
    """Lines of redress that stand: kind, amount (text, empty where it is no money), currency."""


class CaseFileFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a profile sees of a case: codes and days in the zone of its unit, nobody's words or names. `today`: the day
    of the file. `final_response_on`: when the last final response left. `settings`: the plugin's, in the unit."""

    reference: str
    case_type: str = ""
    unit: str = ""
    status: str = ""
    received_on: date
    today: date
    closed_on: date | None = None
    final_response_on: date | None = None
    represented: bool = False
    aspects: tuple[CaseFileAspect, ...] = ()
    settings: Mapping[str, Any] = {}


def _nothing(facts: CaseFileFacts) -> Sequence[str]:
    return ()


@dataclass(frozen=True)
class CaseFileFormat:
    """A kind of file. `recipient(facts)`: for whom it is; `cover(facts)`: (label, value) of its first page, beside
    reference, complainants and dates, which core writes; `missing(facts)`: what a file of this kind should have and the
    case has not, one sentence each; it warns and stops nothing. All pure and under two seconds. `order`: of
    CASE_FILE_PARTS, those that are shown, as they are shown; the redactions are added where they are not named.
    `leaves_out`: of CASE_FILE_CAUTIONS. `staff_names`: whether colleagues are named, or called members of staff."""

    key: str
    label: str
    version: str
    recipient: Callable[[CaseFileFacts], str]
    cover: Callable[[CaseFileFacts], Sequence[tuple[str, str]]]
    missing: Callable[[CaseFileFacts], Sequence[str]] = _nothing
    order: tuple[str, ...] = CASE_FILE_PARTS
    leaves_out: frozenset[str] = frozenset(CASE_FILE_CAUTIONS)
    staff_names: bool = True


__all__ = ["CASE_FILE_CAUTIONS", "CASE_FILE_PARTS", "CaseFileAspect", "CaseFileFacts", "CaseFileFormat"]
