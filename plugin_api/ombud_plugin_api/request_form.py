"""The public form for requests about personal data, for a plugin that brings laws: `RequestForm(slug, names).handlers`
are its pages. It works without script, and core's templates draw it. A plugin gives the names of its laws and rights in
each language it speaks; a request is recorded, followed and proved by the platform."""

import secrets
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from litestar import Request, get, post
from litestar.datastructures import UploadFile

from ombud_plugin_api.facts import Document
from ombud_plugin_api.platform import BadLink, Pages, Platform, Refused, TooMany
from ombud_plugin_api.rights import Law, RightAsked

Req = Request[Any, Any, Any]
Names = Mapping[str, Mapping[str, Any]]
"""By language: `laws` (key: words), `rights` (key: {label, help}), and `lead`, a sentence above the form."""

PUBLIC = {"public": True}
COOKIE, LANGUAGE_COOKIE = "ombud_request", "ombud_language"
MINUTES = 30
PARTS, LINE, TEXT = 60, 300, 20_000
FIELDS = ("law", "right", "name", "email", "words", "who", "agent_name", "key", "language")
WORDS: dict[str, dict[str, Any]] = {
    language: tomllib.loads(files("ombud_plugin_api").joinpath(f"request_words/{language}.toml").read_text("utf-8"))
    for language in ("en", "pl")
}


class RequestForm:
    """The pages of one plugin. `slug`: the plugin's; `names`: the words of its laws."""

    def __init__(self, slug: str, names: Names) -> None:
        self.slug, self.names = slug, names

    @property
    def handlers(self) -> list[Any]:
        """For `provide_pages`: the form at the plugin's root, a request at `asked/<token>`."""
        return [*_form(self), *_asked(self)]

    def home(self, token: str = "") -> str:
        return f"/p/{self.slug}/asked/{token}" if token else f"/p/{self.slug}/"

    def words(self, language: str) -> dict[str, Any]:
        """The form's words with the plugin's; English for what the plugin does not say."""
        own = {**self.names["en"], **self.names.get(language, {})}
        return {**(WORDS.get(language) or WORDS["en"]), "own": own}

    def texts(self) -> dict[str, dict[str, Any]]:
        return {language: self.words(language) for language in WORDS}


class _Sent:
    """A form as the browser sent it: the first text of each field, and files by field."""

    def __init__(self, parts: list[tuple[str, Any]]) -> None:
        self.typed: dict[str, str] = dict.fromkeys(FIELDS, "")
        self.uploads: dict[str, list[UploadFile]] = {}
        self.code, seen = "", set[str]()
        for name, value in parts[:PARTS]:
            if isinstance(value, UploadFile):
                self.uploads.setdefault(name, []).append(value)
            elif name == "code":
                self.code = str(value)[:50]
            elif name in self.typed and name not in seen:
                seen.add(name)
                self.typed[name] = str(value).replace("\x00", "")[: TEXT + 1]

    async def documents(self, name: str) -> tuple[Document, ...]:
        found = [
            Document(name=each.filename, content_type=each.content_type, data=await each.read())
            for each in self.uploads.get(name, [])
        ]
        return tuple(each for each in found if each.name or each.data)


async def _read(request: Req) -> _Sent:
    return _Sent(list((await request.form()).multi_items()))


def _language(request: Req, shown: str = "") -> str:
    """The one the form was shown in, which is the unit's where nobody chose one."""
    found = (each for each in (shown, request.cookies.get(LANGUAGE_COOKIE, "")) if each in WORDS)
    return next(found, "en")


def _form(form: RequestForm) -> list[Any]:
    @get("/", opt=PUBLIC)
    async def ask(request: Req, platform: Platform, pages: Pages) -> Any:
        """Where one lives first, then what one asks for."""
        typed = {**dict.fromkeys(FIELDS, ""), "law": request.query_params.get("law", "")[:60]}
        return await _show(form, platform, pages, typed)

    @post("/", opt=PUBLIC, status_code=303)
    async def send(request: Req, platform: Platform, pages: Pages) -> Any:
        """Records it and leads to its own page, so that reloading sends nothing."""
        sent = await _read(request)
        typed, language = sent.typed, _language(request, sent.typed["language"])
        words = form.words(language)
        laws = await platform.laws()
        authority, added = await sent.documents("authority"), await sent.documents("documents")
        wrong = _wrong(words, typed, laws) | await _wrong_files(words, platform, authority, added)
        if wrong:
            return await _show(form, platform, pages, typed, wrong)
        asked = RightAsked(
            law=typed["law"], right=typed["right"], key=typed["key"][:100], name=typed["name"].strip(),
            email=typed["email"].strip(), words=typed["words"].strip(), language=language,
            agent_name=typed["agent_name"].strip() if typed["who"] == "other" else "",
            authority=authority if typed["who"] == "other" else (), documents=added,
        )  # fmt: skip
        try:
            token = await platform.ask_right(asked)
        except Refused as refusal:
            answer = await _show(form, platform, pages, typed, {refusal.field or "words": str(refusal)})
            if isinstance(refusal, TooMany):
                answer.status_code, answer.headers["retry-after"] = 429, str(refusal.retry_after)
            return answer
        return pages.go(f"asked/{token}")

    return [ask, send]


async def _show(
    form: RequestForm,
    platform: Platform,
    pages: Pages,
    typed: Mapping[str, str],
    wrong: Mapping[str, str] | None = None,
) -> Any:
    laws = await platform.laws()
    chosen = next((law for law in laws if law.key == typed["law"]), laws[0] if len(laws) == 1 else None)
    found = dict(wrong or {})
    return await pages.show(
        "public/rights_form.html", status=422 if found else 200, texts=form.texts(), at=form.home(), laws=laws,
        law=chosen, typed={**typed, "key": typed["key"] or secrets.token_urlsafe(12)}, wrong=found,
        problems=[{"field": field, "message": message} for field, message in found.items()],
    )  # fmt: skip


def _wrong(words: Mapping[str, Any], typed: Mapping[str, str], laws: tuple[Law, ...]) -> dict[str, str]:
    """What can be said at once; core looks again."""
    problems, found = words["problems"], dict[str, str]()
    law = next((each for each in laws if each.key == typed["law"]), None)
    if law is None or typed["right"] not in {each.key for each in law.rights}:
        found["right"] = problems["right"]
    if not typed["name"].strip():
        found["name"] = problems["name"]
    name, at, place = typed["email"].strip().rpartition("@")
    if not (at and name and "." in place) or any(each.isspace() for each in typed["email"].strip()):
        found["email"] = problems["email"]
    if typed["who"] == "other" and not typed["agent_name"].strip():
        found["agent_name"] = problems["agent_name"]
    for field, most in (("name", LINE), ("email", LINE), ("agent_name", LINE), ("words", TEXT)):
        if len(typed[field]) > most:
            found[field] = problems["long"].format(most=f"{most:,}")
    return found


async def _wrong_files(
    words: Mapping[str, Any], platform: Platform, authority: tuple[Document, ...], added: tuple[Document, ...]
) -> dict[str, str]:
    found: dict[str, str] = {}
    for field, documents in (("authority", authority), ("documents", added)):
        for each in documents:
            if not each.data:
                found[field] = words["problems"]["empty"].format(name=each.name)
            elif await platform.refuses_file(each.name, each.data):
                found[field] = words["problems"]["kind"].format(name=each.name)
    return found


def _asked(form: RequestForm) -> list[Any]:
    @get("/asked/{token:str}", opt=PUBLIC)
    async def follow(request: Req, token: str, platform: Platform, pages: Pages) -> Any:
        """The receipt, and how it stands."""
        return await _stands(form, request, platform, pages, token)

    @post("/asked/{token:str}/code", opt=PUBLIC, status_code=303)
    async def code(request: Req, token: str, platform: Platform, pages: Pages) -> Any:
        try:
            await platform.send_code(token)
        except BadLink as bad:
            return await _gone(form, pages, bad)
        except Refused as refusal:
            return await _stands(form, request, platform, pages, token, refusal)
        return pages.go(f"asked/{token}?sent=1#code-form")

    @post("/asked/{token:str}/prove", opt=PUBLIC, status_code=303)
    async def prove(request: Req, token: str, platform: Platform, pages: Pages) -> Any:
        sent = await _read(request)
        try:
            proof = await platform.prove_request(token, sent.code, MINUTES)
        except BadLink as bad:
            return await _gone(form, pages, bad)
        except Refused as refusal:
            return await _stands(form, request, platform, pages, token, refusal, sent.typed["language"])
        answer = pages.go(f"asked/{token}")
        answer.set_cookie(
            key=COOKIE, value=proof, path=form.home(token), max_age=MINUTES * 60, httponly=True, samesite="lax",
            secure=request.url.scheme == "https",
        )  # fmt: skip
        return answer

    @post("/asked/{token:str}/withdraw", opt=PUBLIC, status_code=303)
    async def withdraw(request: Req, token: str, platform: Platform, pages: Pages) -> Any:
        try:
            await platform.withdraw_request(token, request.cookies.get(COOKIE, "")[:200])
        except BadLink as bad:
            return await _gone(form, pages, bad)
        except Refused as refusal:
            return await _stands(form, request, platform, pages, token, refusal)
        return pages.go(f"asked/{token}")

    @get(["/asked/{token:str}/code", "/asked/{token:str}/prove", "/asked/{token:str}/withdraw"], opt=PUBLIC)
    async def again(token: str, pages: Pages) -> Any:
        """For a browser that asks for the address of a form again."""
        return pages.go(f"asked/{token}")

    return [follow, code, prove, withdraw, again]


async def _stands(
    form: RequestForm, request: Req, platform: Platform, pages: Pages, token: str, refusal: Refused | None = None,
    shown: str = "",
) -> Any:  # fmt: skip
    try:
        found = await platform.follow_request(token, request.cookies.get(COOKIE, "")[:200])
    except BadLink as bad:
        return await _gone(form, pages, bad)
    words = form.words(_language(request, shown))
    said = "" if refusal is None else words["problems"]["code"] if refusal.field == "code" else str(refusal)
    status = 200 if refusal is None else 429 if isinstance(refusal, TooMany) else 422
    answer = await pages.show(
        "public/rights_asked.html", status=status, texts=form.texts(), request_shown=found, at=form.home(token),
        address=f"{str(request.base_url).rstrip('/')}{form.home(token)}", again=form.home(),
        sent=request.query_params.get("sent", "") == "1", wrong=said,
        problems=[{"field": "code", "message": said}] if said else [],
    )  # fmt: skip
    answer.headers["referrer-policy"] = "no-referrer"
    if isinstance(refusal, TooMany):
        answer.headers["retry-after"] = str(refusal.retry_after)
    return answer


async def _gone(form: RequestForm, pages: Pages, bad: BadLink) -> Any:
    return await pages.show(
        "public/rights_gone.html", status=410 if bad.gone else 404, texts=form.texts(), again=form.home()
    )


__all__ = ["RequestForm"]
