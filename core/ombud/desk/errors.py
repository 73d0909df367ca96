"""Why the desk says no; each text names the remedy and fits a page, the API and the command line alike."""

from collections.abc import Mapping
from typing import Any

from ombud.speech import sentence


class DeskRefusal(Exception):
    """Common ground of what the desk refuses."""


class NotFound(DeskRefusal):
    """There is no such record for this viewer; that it exists for others is not told."""


class NotAllowed(DeskRefusal):
    """The viewer lacks a permission."""


class Invalid(DeskRefusal):
    """The input cannot be taken; `field` names the part."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class NotNow(DeskRefusal):
    """Right input at the wrong moment, such as closing a case with an open aspect."""


class SearchFailed(DeskRefusal):
    """A search gave no answer, which is not the same as finding nothing."""


class KeyReused(DeskRefusal):
    """One idempotency key came with two contents."""


class Changed(DeskRefusal):
    """The record changed since the version the writer saw; nothing was written and both sides are here."""

    def __init__(self, what: str, version: int, theirs: Mapping[str, Any], yours: Mapping[str, Any]) -> None:
        super().__init__(
            sentence(
                "%(what)s was changed by somebody else meanwhile (now version %(version)s). "
                "Your input is kept: compare both and save again.",
                what=what,
                version=version,
            )
        )
        self.version = version
        self.theirs = dict(theirs)
        self.yours = dict(yours)
