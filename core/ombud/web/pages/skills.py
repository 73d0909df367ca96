"""Skills in the administration: the terms that profiles hold, and which matters ask for each."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from ombud.desk import taxonomies
from ombud.desk.administration.authority import SET_UP, whole_desk
from ombud.desk.administration.trail import trail
from ombud.desk.errors import Changed, Invalid, NotAllowed, NotNow
from ombud.desk.routing import skills, trying
from ombud.desk.routing.skills import FACTS, STREAM, SkillShown
from ombud.kernel.database import db
from ombud.speech import either, sentence, word
from ombud.web.door import viewer_of
from ombud.web.pages import trials_drawn
from ombud.web.pages.administration import administration_page
from ombud.web.pages.given import NOTHING_WRONG, Given, Refused, given
from ombud.web.pages.set_up import beside, clash
from ombud.web.shell import go

Req = Request[Any, Any, Any]
OPT = {"permission": SET_UP}
REFUSED = (Invalid, NotNow, NotAllowed, Changed)
HOME = "/administration/skills"
WORDS = {"category": "Category", "case_type": "Case type"}


async def _options() -> dict[str, list[tuple[str, str, str]]]:
    types = await db.fetch("SELECT key, label FROM core_case_type ORDER BY label")
    terms = await db.fetch(
        "SELECT code, labels FROM core_taxonomy_term WHERE kind = 'category' ORDER BY position, code"
    )
    return {
        "category": [(row["code"], taxonomies.worded(row["labels"], row["code"]), "") for row in terms],
        "case_type": [(row["key"], row["label"], "") for row in types],
    }


def _needs(skill: SkillShown, options: Mapping[str, list[tuple[str, str, str]]]) -> list[str]:
    """`Category: Fees or Cards`, one for each fact."""
    lines = []
    for fact, values in skill.needed_by.items():
        words = {code: text for code, text, _ in options.get(fact, [])}
        told = either(words.get(each, each) for each in values)
        lines.append(sentence("%(what)s: %(value)s", what=word(WORDS[fact]), value=told))
    return lines


@get(HOME, opt=OPT)
async def skills_listed(request: Req) -> Response[Any]:
    viewer, options = viewer_of(request), await _options()
    found = await skills.all_skills()
    return await administration_page(
        request, "pages/skills.html", "skills", may_change=await whole_desk(viewer, SET_UP),
        skills=[{"skill": each, "needs": _needs(each, options), "href": f"{HOME}/{each.id}"} for each in found],
        trail=await trail([STREAM], size=15),
    )  # fmt: skip


def _needed_by(form: Given) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for fact in FACTS:
        chosen = [each for each in form.all(fact) if each]
        chosen += [each.strip() for each in form.text(f"{fact}_more").split(",") if each.strip()]
        found[fact] = chosen
    return found


def _kept(form: Given) -> dict[str, Any]:
    kept: dict[str, Any] = {
        name: form.text(name) for name in ("key", "label", "category_more", "case_type_more", "months")
    }
    return {**kept, **{fact: form.all(fact) for fact in FACTS}, "active": form.ticked("active")}


_NEW: dict[str, Any] = {
    "key": "", "label": "", "category": (), "case_type": (), "category_more": "", "case_type_more": "", "active": True,
    "months": "",
}  # fmt: skip


@get(f"{HOME}/new", opt=OPT)
async def new_skill(request: Req) -> Response[Any]:
    return await _page(request, None, _NEW)


@post(f"{HOME}/new", opt=OPT)
async def add_skill(request: Req) -> Response[Any]:
    viewer, form = viewer_of(request), await given(request)
    try:
        await skills.add(viewer, form.text("key").strip(), form.text("label"), _needed_by(form))
    except REFUSED as problem:
        return await _page(request, None, _kept(form), beside(problem))
    return go(HOME, "The skill is there. Give it to people on the page of the team.")


@get(HOME + "/{skill_id:uuid}", opt=OPT)
async def skill_shown(request: Req, skill_id: UUID) -> Response[Any]:
    found = await skills.skill(skill_id)
    return await _page(request, found, await _as_it_is(found))


async def _as_it_is(found: SkillShown) -> dict[str, Any]:
    """Codes that no list offers any more stand in the free box, so that saving loses none."""
    kept: dict[str, Any] = {
        "key": found.key,
        "label": found.label,
        "active": found.active,
        "months": trials_drawn.MONTHS,
    }
    for fact, options in (await _options()).items():
        known, values = {code for code, _, _ in options}, found.needed_by.get(fact, ())
        kept[fact] = [each for each in values if each in known]
        kept[f"{fact}_more"] = ", ".join(each for each in values if each not in known)
    return kept


@post(HOME + "/{skill_id:uuid}", opt=OPT)
async def change_skill(request: Req, skill_id: UUID) -> Response[Any]:
    viewer, form = viewer_of(request), await given(request)
    found = await skills.skill(skill_id)
    try:
        if form.text("step") == "try":
            months = form.number("months") or 0
            await trying.ask_skill(viewer, skill_id, _needed_by(form), form.ticked("active"), months)
            return await _page(request, found, _kept(form))
        await skills.change(
            viewer, skill_id, form.text("label"), _needed_by(form), form.ticked("active"), form.version()
        )
    except REFUSED as problem:
        conflict = await clash(problem, [STREAM], found.key)
        return await _page(request, found, _kept(form), beside(problem), conflict)
    return go(HOME, "The skill is saved. It counts from the next case on.")


async def _page(
    request: Req, found: SkillShown | None, kept: Mapping[str, Any], wrong: Refused = NOTHING_WRONG,
    conflict: dict[str, Any] | None = None,
) -> Response[Any]:  # fmt: skip
    options = await _options()
    return await administration_page(
        request, "pages/skill.html", "skills", status=409 if conflict else wrong.status, skill=found,
        action=f"{HOME}/{found.id}" if found else f"{HOME}/new", options=options, words=WORDS, conflict=conflict,
        may_change=await whole_desk(viewer_of(request), SET_UP),
        trial=await trials_drawn.routing(viewer_of(request), "skill", found.id) if found else trials_drawn.NONE,
        form={**kept, "errors": wrong.errors, "error_of": wrong.error_of},
    )  # fmt: skip


handlers = [skills_listed, new_skill, add_skill, skill_shown, change_skill]
