"""The compliance report as one page of HTML: to print or to hand over, without scripts and without the desk."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ombud.desk.casefile import archive
from ombud.insight.compliance import Report

TEMPLATES = Path(__file__).parent / "templates"


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader([TEMPLATES, archive.TEMPLATES]), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


def written(report: Report, who: str) -> bytes:
    """The report as a file; its links are left out, because they lead into the desk."""
    template = _environment().get_template("compliance.html")
    return template.render(report=report, who=who, label_of="Compliance report", reference=report.organisation).encode()
