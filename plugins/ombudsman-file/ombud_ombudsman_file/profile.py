"""Cover of the file, and what a file for an ombudsman should have and a case has not. Pure."""

import calendar
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from ombud_plugin_api import CaseFileFacts


def recipient(facts: CaseFileFacts) -> str:
    return str(facts.settings.get("ombudsman") or "the ombudsman")


def cover(facts: CaseFileFacts) -> list[tuple[str, str]]:
    """The firm as the ombudsman knows it, and the days that decide whether they may look into the complaint."""
    settings = facts.settings
    named = [("Legal name", "firm"), ("Firm number", "firm_number"), ("Contact at the firm", "contact")]
    rows = [(label, str(settings[name])) for label, name in named if settings.get(name)]
    rows.append(("Days with the firm", f"{days_with_us(facts)} (final response due within {_days(settings)})"))
    if facts.final_response_on is not None:
        rows.append(("Referral possible until", written(referral_until(facts.final_response_on, settings))))
    rows.append(("Represented", "Yes" if facts.represented else "No"))
    decided = sum(bool(each.outcome) for each in facts.aspects)
    rows.append(("Aspects decided", f"{decided} of {len(facts.aspects)}"))
    return rows


def missing(facts: CaseFileFacts) -> Sequence[str]:
    """What the ombudsman will ask for first, and what may speak against their looking into it."""
    found = []
    open_ones = [each.letter for each in facts.aspects if not each.outcome]
    if open_ones:
        found.append(f"No outcome yet: aspect {', '.join(open_ones)}. The file says so.")
    if facts.final_response_on is None:
        late = days_with_us(facts) > _days(facts.settings)
        found.append(
            f"No final response was sent, and the {_days(facts.settings)} days are over."
            if late
            else "No final response was sent yet. Before it the ombudsman looks into the case only with your consent."
        )
    elif facts.today > referral_until(facts.final_response_on, facts.settings):
        found.append("The time for a referral is over. Say whether the firm consents all the same.")
    if not facts.settings.get("contact"):
        found.append("The cover names nobody whom the ombudsman may ask. An administrator sets it in this plugin.")
    return found


def days_with_us(facts: CaseFileFacts) -> int:
    """Until the final response, else until today."""
    return max(0, ((facts.final_response_on or facts.today) - facts.received_on).days)


def referral_until(sent: date, settings: Mapping[str, Any]) -> date:
    """The same day so many months later, or the last of a shorter month."""
    months = sent.month - 1 + int(settings.get("referral_months") or 6)
    year, month = sent.year + months // 12, months % 12 + 1
    return date(year, month, min(sent.day, calendar.monthrange(year, month)[1]))


def written(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _days(settings: Mapping[str, Any]) -> int:
    return int(settings.get("final_days") or 56)
