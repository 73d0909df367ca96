"""The compliance report as one page of HTML: to print or to hand over, without scripts and without the desk."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ombud.desk.casefile import archive
from ombud.insight.compliance import Report
from ombud.speech import gettext, ngettext, reader, word

TEMPLATES = Path(__file__).parent / "templates"


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader([TEMPLATES, archive.TEMPLATES]), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.i18n"],
    )  # fmt: skip
    made.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    made.filters["translated"] = word
    return made


def written(report: Report, who: str) -> bytes:
    """The report as a file, in the language of who makes it, without its links, because they lead into the desk."""
    template = _environment().get_template("compliance.html")
    words = template.render(
        report=report, who=who, label_of=word("Compliance report"), reference=report.organisation,
        language=reader.get().language,
    )  # fmt: skip
    return words.encode()
