"""Decisions on what came in: how many, which were overturned, and samples of them that somebody else looks at."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk import choices
from ombud.desk.channels import channel_label
from ombud.desk.errors import Invalid, NotNow
from ombud.desk.inbox import decisions, figures, sampling
from ombud.desk.inbox.figures import DECISIONS, DecisionFilters, Line, Rate
from ombud.speech import joined, noted, word
from ombud.trust.policy import HIDDEN
from ombud.web.door import viewer_of
from ombud.web.pages.given import NOTHING_WRONG, Refused, given, refused
from ombud.web.pages.inbox_words import DECIDED, NOBODY, reason_words, rule_words
from ombud.web.shell import go, page

Req = Request[Any, Any, Any]
REVIEW = {"permission": "inbox.review"}
WHO = (("person", noted("a person")), ("rule", noted("a rule")))


@get("/inbox/decisions", opt=REVIEW)
async def report(request: Req) -> Response[Any]:
    """The figures, for the filters of the address, and the samples drawn last."""
    return await _report(request, DecisionFilters.of(dict(request.query_params)))


async def _report(request: Req, filters: DecisionFilters, wrong: Refused = NOTHING_WRONG) -> Response[Any]:
    viewer = viewer_of(request)
    told = await figures.report(viewer, filters)
    units = [(each.key, each.name) for each in await choices.units_for(viewer, "inbox.review")]
    return await page(
        request, "pages/inbox_decisions.html", here="inbox", status=wrong.status, wrong=wrong,
        filters={name: str(getattr(filters, name) or "") for name in filters.__dataclass_fields__},
        query=urlencode(filters.told()), choices=_choices(units), all=_line(told.all, "All decisions"),
        by_reason=[_line(each, _reason(each)) for each in told.by_reason],
        by_unit=[_line(each, each.unit.name if each.unit else "") for each in told.by_unit],
        by_month=[_line(each, "") for each in told.by_month], samples=[_sample(each) for each in await
        sampling.lines(viewer)], may_read=viewer.may("inbox.read"), most=sampling.MOST,
    )  # fmt: skip


def _choices(units: list[tuple[str, str]]) -> list[dict[str, Any]]:
    reasons = [*decisions.REASONS.items(), *decisions.BY_RULE.items()]
    return [
        {"name": "decision", "label": "Decision", "options": [(code, DECIDED[code]) for code in DECISIONS]},
        {"name": "reason", "label": "Reason", "options": reasons},
        {"name": "by", "label": "Decided by", "options": list(WHO)},
        *([{"name": "unit", "label": "Team", "options": units}] if len(units) > 1 else []),
    ]


def _line(line: Line, label: str) -> dict[str, Any]:
    return {"label": label, "month": line.month, "count": line.count, "overturned": line.overturned,
            "rate": _rate(line.rate)}  # fmt: skip


def _rate(rate: Rate | None) -> dict[str, Any] | None:
    if rate is None:
        return None
    percent = [f"{100 * each:.1f}" for each in (rate.share, rate.low, rate.high)]
    return {"wrong": rate.wrong, "looked_at": rate.looked_at, "share": percent[0], "low": percent[1],
            "high": percent[2]}  # fmt: skip


def _reason(line: Line) -> str:
    words = DECIDED.get(line.decision, line.decision)
    return joined((word(words), reason_words(line.reason).lower()), ": ") if line.reason else words


def _sample(line: sampling.SampleLine) -> dict[str, Any]:
    return {"href": f"/inbox/samples/{line.id}", "by": line.by, "at": line.at, "size": line.size, "left": line.left,
            "population": line.population}  # fmt: skip


@post("/inbox/samples", opt=REVIEW)
async def draw(request: Req) -> Response[Any]:
    """Draws a sample of the decisions that the filters hold."""
    viewer, form = viewer_of(request), await given(request)
    filters = DecisionFilters.of({name: form.text(name) for name in DecisionFilters.__dataclass_fields__})
    try:
        sample_id = await sampling.draw(viewer, filters, form.number("size") or 0, form.number("seed"))
    except (Invalid, NotNow) as problem:
        return await _report(request, filters, refused(problem))
    return go(f"/inbox/samples/{sample_id}")


@get("/inbox/samples/{sample_id:uuid}", opt=REVIEW)
async def sample(request: Req, sample_id: UUID) -> Response[Any]:
    """The drawn decisions with their messages, one below the other."""
    drawn = await sampling.drawn(viewer_of(request), sample_id)
    rows = [_drawn(each) for each in drawn]
    return await page(
        request,
        "pages/inbox_sample.html",
        here="inbox",
        rows=rows,
        sample_id=str(sample_id),
        left=sum(not each.verdict for each in drawn),
    )


def _drawn(each: sampling.Drawn) -> dict[str, Any]:
    return {
        "id": str(each.id), "place": each.place, "decided": DECIDED.get(each.decision, each.decision),
        "reason": reason_words(each.reason) if each.reason else "", "because": each.words, "wording": each.wording,
        "rule": rule_words(each.rule) if each.rule else "", "at": each.at, "verdict": each.verdict, "said": each.said,
        "changed": not each.holds and not each.verdict, "channel": each.channel,
        "channel_label": channel_label(each.channel), "sender": HIDDEN if each.sender is None else each.sender or
        word(NOBODY), "subject": each.subject or word("No subject"), "text": each.text, "came_at": each.came_at,
        "case": each.case,
        "becomes_case": each.decision == "not_complaint", "leaves_case": each.decision == "joined",
    }  # fmt: skip


@post("/inbox/reviews/{review_id:uuid}", opt=REVIEW)
async def review(request: Req, review_id: UUID) -> Response[Any]:
    """Right, or wrong because …; a wrong one is put right at once."""
    viewer, form = viewer_of(request), await given(request)
    verdict = form.text("verdict")
    try:
        sample_id = await sampling.review(viewer, review_id, verdict, form.text("words"))
    except NotNow as problem:
        sample = form.identity("sample")
        return go(f"/inbox/samples/{sample}" if sample else "/inbox/decisions", str(problem))
    words = "Recorded: the decision was right." if verdict == "confirmed" else "The decision is overturned."
    return go(f"/inbox/samples/{sample_id}#review-{review_id}", words)


handlers = [report, draw, sample, review]
