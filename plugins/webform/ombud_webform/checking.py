"""What can be said at once about typed words and chosen files. Core looks again when the complaint is filed."""

import re

from ombud_plugin_api import Platform
from ombud_webform.draft import Draft, MatterTyped, Typed
from ombud_webform.wording import problem

MATTERS = 20
TEXT, LINE, PHONE, POSTCODE, SUMMARY = 100_000, 200, 50, 20, 100_000
WHEN = 100
EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+\Z")
UNREADABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd\ud800-\udfff]")
FILES, FILE_MB, FILES_MB = 10, 10, 25

Problems = dict[str, str]
"""The message beside each field, in the order of the page."""


class Cleaning:
    """Takes out characters that no database and no reader can hold, and remembers in which fields they were."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def __call__(self, field: str, text: str) -> str:
        clean = UNREADABLE.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
        if len(clean) != len(text.replace("\r\n", "\n")):
            self.found.append(field)
        return clean

    def problems(self, language: str) -> Problems:
        return {field: problem(language, "unreadable") for field in self.found}


def line(language: str, field: str, text: str, longest: int) -> Problems:
    if len(text) <= longest:
        return {}
    return {field: problem(language, "too_long", length=f"{len(text):,}", longest=f"{longest:,}")}


def matter(typed: MatterTyped, language: str) -> Problems:
    """Problems of one matter, by the names of its fields."""
    wrong = line(language, "title", typed.title, LINE)
    if not typed.text.strip():
        wrong["text"] = problem(language, "text_missing")
    return wrong | line(language, "text", typed.text, TEXT) | line(language, "when", typed.when, WHEN)


def person(typed: Typed) -> Problems:
    language = typed.language
    wrong: Problems = {}
    if not typed.name.strip():
        wrong["name"] = problem(language, "name_missing")
    wrong |= line(language, "name", typed.name, LINE)
    if typed.email.strip() and not EMAIL.match(typed.email.strip()):
        wrong["email"] = problem(language, "email_shape")
    wrong |= line(language, "email", typed.email, LINE)
    return wrong | line(language, "phone", typed.phone, PHONE) | line(language, "postcode", typed.postcode, POSTCODE)


async def file(platform: Platform, language: str, name: str, data: bytes, others: Draft) -> str:
    """Why this file cannot be kept, or nothing; which kinds the desk takes is core's to say."""
    if not data:
        return problem(language, "file_empty", name=name)
    if len(data) > FILE_MB * 1_000_000:
        return problem(language, "file_large", name=name, most=FILE_MB)
    kind = await platform.refuses_file(name, data)
    if kind:
        return problem(language, "file_program" if kind == "program" else "file_kind", name=name)
    if len(others.files) >= FILES:
        return problem(language, "files_many", most=FILES)
    if sum(each.size for each in others.files) + len(data) > FILES_MB * 1_000_000:
        return problem(language, "files_large", name=name, most=FILES_MB)
    return ""
