"""What is still missing before a call can be read back and filed. Pure."""

import re
from collections.abc import Sequence
from datetime import date

from ombud_phone.calls import Typed
from ombud_phone.channel import day_of
from ombud_phone.script import Question

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+\Z")

Problems = dict[str, str]  # field → code of the words in texts


def missing(typed: Typed, asked: Sequence[Question], units: Sequence[str], today: date) -> Problems:
    """By field, in the order of the page."""
    found: Problems = {}
    if typed.unit not in units:
        found["unit"] = "unit"
    if not typed.name:
        found["name"] = "name"
    if typed.email and not _EMAIL.match(typed.email):
        found["email"] = "email"
    if typed.represented:
        found |= _authority(typed, today)
    if not typed.said:
        found["matter-0"] = "matter"
    found |= {f"answer.{each.key}": "answer" for each in asked if each.required and not typed.answers.get(each.key)}
    return found


def _authority(typed: Typed, today: date) -> Problems:
    found: Problems = {}
    if not typed.rep_name:
        found["rep_name"] = "rep_name"
    if not typed.rep_authority:
        found["rep_authority"] = "rep_authority"
    until = day_of(typed.rep_until)
    if typed.rep_until and until is None:
        found["rep_until"] = "day"
    elif until is not None and until < today:
        found["rep_until"] = "expired"
    return found
