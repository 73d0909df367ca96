"""Speaks with Salesforce: token, retries that honour Retry-After, the share of the day's requests, the breaker.

Tokens, usage and breakers are caches of this process: whatever is lost with it is found again by the next call.
"""

import asyncio
import contextvars
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from ombud_plugin_api import Misconfigured, Permanent, PluginFault, Transient
from ombud_salesforce import hosts, login
from ombud_salesforce.breaker import Breaker
from ombud_salesforce.login import Account

TIMEOUT = 6.0  # seconds for one request
TRIES = 3
PAUSES = (0.3, 1.0)  # seconds before the second and third try
LONGEST_PAUSE = 2.0  # a longer Retry-After is handed on, and the work is done later
TOKEN_SECONDS = 900.0
USAGE_SECONDS = 900.0  # after which one request looks again how much of the day is used
MOST_BYTES = 5_000_000
MOST_PAGES = 10

_asking: contextvars.ContextVar[bool] = contextvars.ContextVar("ombud_salesforce_asking", default=False)


class _Quiet(logging.Filter):
    """httpx logs each address it asks; ours hold people's names and addresses."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not _asking.get()


for _name in ("httpx", "httpcore.connection", "httpcore.http11"):
    logging.getLogger(_name).addFilter(_Quiet())


@dataclass
class _Known:
    """What this process remembers of one account."""

    breaker: Breaker = field(default_factory=Breaker)
    token: str = field(default="", repr=False)
    instance: str = ""
    got_at: float = 0.0
    used: int = 0
    allowed: int = 0
    used_at: float = 0.0


_known: dict[str, _Known] = {}


def forget() -> None:
    """Drops all that is remembered."""
    _known.clear()


def later(words: str, seconds: float) -> Transient:
    """Try again after so many seconds: core keeps to it."""
    error = Transient(words)
    error.retry_after = seconds  # type: ignore[attr-defined]
    return error


class _Again(Exception):
    """Worth another try at once."""

    def __init__(self, words: str, after: float = 0.0) -> None:
        super().__init__(words)
        self.after = after


class _Expired(Exception):
    """The token does not hold any more."""


class Connection:
    """One account, for the length of one call."""

    def __init__(self, account: Account, client: httpx.AsyncClient) -> None:
        self.account = account
        self._client = client
        self._kept = _known.setdefault(account.key, _Known())

    @property
    def instance(self) -> str:
        """Where this organisation's records are: `https://….my.salesforce.com`."""
        return self._kept.instance

    async def query(self, soql: str, most: int = 200) -> list[dict[str, Any]]:
        """The records, page by page. Raises Transient, Misconfigured or Permanent."""
        self._spare_the_day()
        answer = await self.get(f"/query?q={quote(soql, safe='')}")
        records: list[dict[str, Any]] = []
        for _ in range(MOST_PAGES):
            records += [each for each in _list(answer, "records") if isinstance(each, dict)]
            onward = answer.get("nextRecordsUrl") if isinstance(answer, dict) else None
            if answer.get("done", True) or not onward or len(records) >= most:
                break
            if not isinstance(onward, str) or not onward.startswith("/services/data/"):
                raise Transient("Salesforce led to a next page that is none of its own.")
            answer = await self._ask("GET", onward)
        return records[:most]

    async def get(self, path: str) -> Any:
        return await self._ask("GET", f"/services/data/v{self.account.version}{path}")

    async def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """For an upsert: the same again makes nothing new, so it is tried again like a question."""
        return await self._ask("PATCH", f"/services/data/v{self.account.version}{path}", body)

    def _spare_the_day(self) -> None:
        kept = self._kept
        fresh = time.monotonic() - kept.used_at < USAGE_SECONDS
        if fresh and kept.allowed and kept.used * 100 >= kept.allowed * self.account.share:
            raise later(
                f"{kept.used} of {kept.allowed} requests that Salesforce allows in a day are used; the rest is left to "
                "others.", USAGE_SECONDS,
            )  # fmt: skip

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        wait = self._kept.breaker.wait()
        if wait > 0:
            raise later("Salesforce failed several times and is left alone for a while.", wait)
        try:
            answer = await self._with_token(method, path, body)
        except Transient:
            self._kept.breaker.failed()
            raise
        except PluginFault:
            self._kept.breaker.worked()  # it answers, if not what we wish
            raise
        except BaseException:
            self._kept.breaker.failed()
            raise
        self._kept.breaker.worked()
        return answer

    async def _with_token(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        """A token that was refused is got anew once."""
        await self.log_in()
        try:
            return await self._tried(method, path, body)
        except _Expired:
            await self.log_in(anew=True)
        try:
            return await self._tried(method, path, body)
        except _Expired:
            raise Misconfigured(
                "Salesforce refuses a token it has just given. Look at the user's session settings."
            ) from None

    async def log_in(self, *, anew: bool = False) -> None:
        kept = self._kept
        if not anew and kept.token and time.monotonic() - kept.got_at < TOKEN_SECONDS:
            return
        kept.token = ""
        form = login.form(self.account)
        answer = await self._again(lambda: self._post_login(form))
        token, instance = answer.get("access_token"), answer.get("instance_url")
        if not isinstance(token, str) or not isinstance(instance, str) or not token.isprintable():
            raise Transient("Salesforce answered the login with something that is no token.")
        kept.instance = hosts.checked(instance, self.account.listed)
        kept.token, kept.got_at = token, time.monotonic()

    async def _post_login(self, form: Mapping[str, str]) -> Mapping[str, Any]:
        url = f"{self.account.login_url}/services/oauth2/token"
        status, headers, data = await self._send("POST", url, data=form)
        if status in {429, 500, 502, 503, 504}:
            raise _Again(f"Salesforce's login is busy ({status}).", _pause(headers))
        answer = _json(data)
        if status == 200 and isinstance(answer, dict):
            return answer
        if isinstance(answer, dict) and status in {400, 401, 403}:
            raise login.refused(str(answer.get("error", "")), str(answer.get("error_description", "")))
        raise Transient(f"Salesforce's login answered {status} with something unexpected.")

    async def _tried(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        return await self._again(lambda: self._once(method, path, body))

    async def _again(self, ask: Any) -> Any:
        """Up to three tries with growing pauses; a longer wish for rest is handed on."""
        problem = _Again("")
        for pause in (*PAUSES, None):
            try:
                return await ask()
            except _Again as again:
                problem = again
            if pause is None or problem.after > LONGEST_PAUSE:
                break
            await asyncio.sleep(max(pause, problem.after))
        raise later(str(problem), problem.after) if problem.after else Transient(str(problem))

    async def _once(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        headers = {"authorization": f"Bearer {self._kept.token}", "accept": "application/json"}
        status, told, data = await self._send(method, f"{self._kept.instance}{path}", headers=headers, json=body)
        self._count(told)
        if status in {200, 201}:
            return _json(data)
        if status == 204:
            return {}
        raise _problem(status, told, data)

    def _count(self, headers: Mapping[str, str]) -> None:
        """`Sforce-Limit-Info: api-usage=25/5000`."""
        used, _, allowed = headers.get("sforce-limit-info", "").partition("api-usage=")[2].split(";")[0].partition("/")
        if used.isdigit() and allowed.strip().isdigit():
            self._kept.used, self._kept.allowed, self._kept.used_at = int(used), int(allowed), time.monotonic()

    async def _send(self, method: str, url: str, **more: Any) -> tuple[int, Mapping[str, str], bytes]:
        quiet = _asking.set(True)
        try:
            async with self._client.stream(method, url, **{k: v for k, v in more.items() if v is not None}) as answer:
                data = b""
                async for piece in answer.aiter_bytes():
                    data += piece
                    if len(data) > MOST_BYTES:
                        raise Permanent(f"Salesforce answered with more than {MOST_BYTES // 1_000_000} MB.")
                return answer.status_code, answer.headers, data
        except httpx.TimeoutException:
            raise _Again("Salesforce did not answer in time.") from None
        except httpx.HTTPError as problem:  # its own words would hold the address, and so what was asked
            raise _Again(f"Salesforce cannot be reached ({type(problem).__name__}).") from None
        finally:
            _asking.reset(quiet)


def _list(answer: Any, name: str) -> list[Any]:
    found = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(found, list):
        raise Transient("Salesforce answered something that is no list of records.")
    return found


def _json(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        raise _Again("Salesforce answered something that is no JSON; a proxy may stand between.") from None


def _pause(headers: Mapping[str, str]) -> float:
    """Seconds of Retry-After; a date in it counts as a minute."""
    said = headers.get("retry-after", "").strip()
    return min(float(said), 3600.0) if said.isdigit() else 60.0 if said else 0.0


def _problem(status: int, headers: Mapping[str, str], data: bytes) -> Exception:
    """What an error answer means."""
    code, words = _told(data)
    if status == 401 or code == "INVALID_SESSION_ID":
        return _Expired()
    if code == "REQUEST_LIMIT_EXCEEDED":
        return later("All requests that Salesforce allows in a day are used.", max(_pause(headers), USAGE_SECONDS))
    if status == 429 or status >= 500:
        return _Again(f"Salesforce is busy or faulty ({status}).", _pause(headers))
    if code in {"INVALID_FIELD", "INVALID_TYPE", "INVALID_QUERY_FILTER_OPERATOR", "NOT_FOUND"} and status in {400, 404}:
        return Misconfigured(f"Salesforce does not know what a setting names: {words}")
    if status == 403:
        return Misconfigured(
            f"The user may not do this in Salesforce ({code or status}). Give the profile the right to it."
        )
    if status == 300:
        return Permanent(
            "Several records in Salesforce hold this key. Make the key field unique, and remove the copies."
        )
    return Permanent(f"Salesforce refuses this ({code or status}): {words}")


def _told(data: bytes) -> tuple[str, str]:
    """Code and message of `[{"errorCode": …, "message": …}]`; values that were asked with are cut out."""
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return "", "no reason given"
    first = found[0] if isinstance(found, list) and found else found
    if not isinstance(first, dict):
        return "", "no reason given"
    lines = [each.strip() for each in str(first.get("message", "")).splitlines()]
    named = [each for each in lines if each.startswith(("No such column", "sObject type", "Provided external ID"))]
    words = (named or ["see its log of the user's requests"])[0].partition(". If you are")[0][:160]
    return str(first.get("errorCode", ""))[:60], words


@asynccontextmanager
async def connected(account: Account, timeout: float = TIMEOUT) -> AsyncIterator[Connection]:
    """A connection for one call; no redirect is followed, for a token goes to whom it was made for."""
    limits = httpx.Limits(max_connections=4)
    async with httpx.AsyncClient(timeout=timeout, follow_redirects=False, limits=limits) as client:
        yield Connection(account, client)
