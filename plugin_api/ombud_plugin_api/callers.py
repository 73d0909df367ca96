"""Who somebody who calls or comes by may be, and what may be chosen for them: frozen values."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from ombud_plugin_api.facts import UnitView

TOLD_KINDS = ("told", "note")
"""What may be written to a case: `told` (what a person said to the writer) and `note` (for staff alone)."""


class KnownCase(msgspec.Struct, frozen=True, kw_only=True):
    """A case of a known person that the viewer may see. `role`: theirs in it; `may_write`: whether the viewer may add
    to it; `authority_until`: the last day of a representative's authority, if it ends."""

    id: UUID
    reference: str
    title: str
    status: str
    unit: str
    role: str
    received_at: datetime
    may_write: bool = False
    authority_until: date | None = None


class KnownPerson(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may be meant. What the viewer may not see is empty; `agrees`: what fits, of `phone`, `email`, `name`
    and `postcode`; `cases`: theirs in the viewer's view, open ones first, then the newest, at most 20."""

    id: UUID
    name: str = ""
    email: str = ""
    phone: str = ""
    postcode: str = ""
    agrees: tuple[str, ...] = ()
    cases: tuple[KnownCase, ...] = ()


class CaseTypeOption(msgspec.Struct, frozen=True, kw_only=True):
    """A case type in use."""

    key: str
    label: str


class FilingOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the viewer may choose from when they file a complaint for somebody; no unit where they may file nowhere."""

    units: tuple[UnitView, ...] = ()
    case_types: tuple[CaseTypeOption, ...] = ()


__all__ = [
    "TOLD_KINDS", "CaseTypeOption", "FilingOptions", "KnownCase", "KnownPerson",
]  # fmt: skip
