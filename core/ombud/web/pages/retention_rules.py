"""Retention rules in the administration: how long cases are kept, and which rule holds for which case."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk.administration.authority import SET_UP, whole_desk
from ombud.desk.administration.trail import trail
from ombud.desk.administration.units import countries
from ombud.desk.errors import Changed, DeskRefusal, NotAllowed
from ombud.desk.retention import due, rules
from ombud.desk.retention.rules import Layout, Rule, RuleGiven
from ombud.desk.retention.words import FROM_WORDS, SPAN_WORDS, period_words
from ombud.web.door import viewer_of
from ombud.web.pages.administration import administration_page
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused, given
from ombud.web.pages.set_up import beside
from ombud.web.shell import go

Req = Request[Any, Any, Any]
OPT = {"permission": SET_UP}
HOME = "/administration/retention"
NAMES = ("unit", "country", "case_type", "amount", "span", "counts_from", "source", "automatic")
NEW = {"unit": "", "country": "", "case_type": "", "amount": "", "span": "years", "counts_from": "closed",
       "source": "", "automatic": ""}  # fmt: skip


@get(HOME, opt=OPT)
async def listed(request: Req) -> Response[Any]:
    return await _page(request)


@post(HOME, opt=OPT)
async def add(request: Req) -> Response[Any]:
    form = await given(request)
    try:
        await rules.write(viewer_of(request), _given(form))
    except (DeskRefusal, NotAllowed) as problem:
        return await _page(request, "new", form.texts(), beside(problem))
    return go(HOME, "The rule stands.")


@post(HOME + "/{rule_id:uuid}", opt=OPT)
async def change(request: Req, rule_id: UUID) -> Response[Any]:
    form = await given(request)
    try:
        await rules.change(viewer_of(request), rule_id, _given(form), form.version())
    except (DeskRefusal, NotAllowed) as problem:
        return await _page(request, str(rule_id), form.texts(), _beside(problem))
    return go(HOME, "The rule is changed.")


@post(HOME + "/{rule_id:uuid}/end", opt=OPT)
async def end(request: Req, rule_id: UUID) -> Response[Any]:
    form = await given(request)
    try:
        await rules.retire(viewer_of(request), rule_id, form.version())
    except (DeskRefusal, NotAllowed) as problem:
        return await _page(request, str(rule_id), None, _beside(problem))
    return go(HOME, "The rule is ended. Its cases fall to the next one that fits, or are kept.")


def _beside(problem: DeskRefusal | NotAllowed) -> Refused:
    """A conflict is told in words: the rule stands on the page as it is now."""
    if isinstance(problem, Changed):
        return Refused(409, [{"field": "", "message": str(problem)}])
    return beside(problem)


def _given(form: Given) -> RuleGiven:
    return RuleGiven(
        unit_id=form.identity("unit"), country=form.text("country"), case_type=form.text("case_type"),
        amount=form.number("amount"), span=form.text("span"), counts_from=form.text("counts_from"),
        source=form.text("source"), automatic=form.ticked("automatic"),
    )  # fmt: skip


async def _page(
    request: Req, at: str = "", kept: dict[str, str] | None = None, wrong: Refused = NOTHING_WRONG
) -> Response[Any]:
    """`at`: the form that was refused: `new`, or a rule's id; `kept`: what was typed there."""
    viewer = viewer_of(request)
    found = await rules.in_force()
    laid = await rules.layout()
    mine = {each.id: each.path for each in await rules.units_of(viewer)}
    everywhere = await whole_desk(viewer, SET_UP)
    bare = await due.without_rule(laid.grounds(found))
    return await administration_page(
        request, "pages/retention_rules.html", "retention", status=wrong.status,
        rules=[_drawn(each, laid, everywhere or each.unit_id in mine,
                      kept if at == str(each.id) else None, wrong if at == str(each.id) else NOTHING_WRONG)
               for each in found],
        bare=[laid.ground_words(each) for each in bare],
        units=[*([("", "All units")] if everywhere else []), *((str(key), path) for key, path in mine.items())],
        countries=list(countries().items()), types=sorted(laid.types.items()),
        spans=[(code, words[1]) for code, words in SPAN_WORDS.items()], froms=list(FROM_WORDS.items()),
        settles=7, may_see=viewer.may(due.RIGHT),
        trail=await trail([rules.stream(each.id) for each in found], size=15),
        form=_form({**NEW, **(kept or {})} if at == "new" else NEW, wrong if at == "new" else NOTHING_WRONG),
    )  # fmt: skip


def _form(values: dict[str, str], wrong: Refused) -> dict[str, Any]:
    return {**{name: values.get(name, "") for name in NAMES}, "errors": wrong.errors, "error_of": wrong.error_of}


def _drawn(rule: Rule, laid: Layout, may: bool, kept: dict[str, str] | None, wrong: Refused) -> dict[str, Any]:
    told = {"amount": rule.amount, "span": rule.span, "counts_from": rule.counts_from}
    as_it_is = {"amount": str(rule.amount), "span": rule.span, "counts_from": rule.counts_from, "source": rule.source,
                "automatic": "on" if rule.automatic else ""}  # fmt: skip
    typed = {**as_it_is, "automatic": "", **kept} if kept is not None else as_it_is
    return {
        "id": str(rule.id), "words": laid.words(rule), "period": period_words(told),
        "source": rule.source, "automatic": rule.automatic, "by": rule.by, "changed_at": rule.changed_at,
        "version": rule.version, "may": may, "form": _form(typed, wrong),
    }  # fmt: skip


handlers = [listed, add, change, end]
