"""What core lends the kit: a whole desk on a database of its own, with one plugin on it and eyes on what that does.

Core implements these protocols and hands the stage to tests as the fixture `ombud_stage`, and to `ombud plugin check`.
"""

from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar
from uuid import UUID

from ombud_plugin_api.facts import Filed, RawReceipt

T = TypeVar("T")


@dataclass(frozen=True)
class Marked:
    """A person whom nobody mistakes for another: every value carries the mark, so that it is found wherever it went."""

    mark: str
    name: str = ""
    email: str = ""
    phone: str = ""
    postcode: str = ""
    text: str = ""

    @classmethod
    def person(cls, number: int) -> "Marked":
        """The canary with this number; equal numbers give equal people."""
        mark = f"zq{number:04d}canary"
        return cls(
            mark=mark, name=f"Canary {mark}", email=f"{mark}@example.org", phone=f"+48 55 {number:04d} 7719",
            postcode=f"ZQ{number % 100} 9YX", text=f"The {mark} fee was taken twice.",
        )  # fmt: skip

    def values(self) -> tuple[str, ...]:
        """What must be found nowhere after erasure; the text's words are found by the mark."""
        return (self.mark, self.phone, self.postcode)


@dataclass(frozen=True)
class Statement:
    """A statement that the plugin's code sent to the database itself; `place` is the line of its code."""

    sql: str
    place: str


@dataclass
class Watched:
    """What the plugin did while it was watched. `reached`: hosts it connected to, with the line of its code;
    `silent`: the longest time, in seconds, for which nothing else could run in the process."""

    statements: list[Statement] = field(default_factory=list)
    reached: list[tuple[str, str]] = field(default_factory=list)
    silent: float = 0.0
    silent_at: str = ""


@dataclass(frozen=True)
class Route:
    """An address of the plugin's: `path` below `/p/<slug>`, `permission` empty where it is public."""

    method: str
    path: str
    permission: str
    public: bool


@dataclass(frozen=True)
class Received:
    """What became of bytes that came through a channel: done or faulted, and why."""

    status: str
    reason: str
    case_id: UUID | None


class Answer(Protocol):
    """What a page answered; httpx's Response is one."""

    @property
    def status_code(self) -> int: ...
    @property
    def text(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def url(self) -> Any: ...


class Browser(Protocol):
    """Somebody's browser, without script."""

    async def get(self, path: str) -> Answer:
        """Follows redirects."""
        ...

    async def post(self, path: str, data: Mapping[str, Any], files: Mapping[str, Any] | None = None) -> Answer:
        """Sends a form as it is, hidden fields included, and follows redirects."""
        ...


class Provided(Protocol):
    """What the plugin's hooks gave."""

    @property
    def permissions(self) -> Sequence[Any]: ...
    @property
    def navigation(self) -> Sequence[Any]: ...
    @property
    def slots(self) -> Sequence[Any]: ...
    @property
    def channels(self) -> Sequence[Any]: ...
    @property
    def jobs(self) -> Sequence[Any]: ...
    @property
    def commands(self) -> Sequence[Any]: ...
    @property
    def settings(self) -> Sequence[Any]: ...
    @property
    def crms(self) -> Sequence[Any]: ...
    @property
    def deliverers(self) -> Sequence[Any]: ...
    @property
    def sentiment_scorers(self) -> Sequence[Any]: ...
    @property
    def routers(self) -> Sequence[Any]: ...
    @property
    def conditions(self) -> Sequence[Any]: ...
    @property
    def actions(self) -> Sequence[Any]: ...
    @property
    def deadlines(self) -> Sequence[Any]: ...
    @property
    def response_requirements(self) -> Sequence[Any]: ...
    @property
    def returns(self) -> Sequence[Any]: ...
    @property
    def classifiers(self) -> Sequence[Any]: ...
    @property
    def case_files(self) -> Sequence[Any]: ...
    @property
    def rights(self) -> Sequence[Any]: ...
    @property
    def personal_data(self) -> Sequence[Any]: ...
    @property
    def on_event(self) -> Any: ...


class Stage(Protocol):
    """A desk with the plugin on it. `run` is the way in from a test that is not asynchronous; all else is called inside
    it."""

    def run(self, work: Coroutine[Any, Any, T], limit: float = 90.0) -> T:
        """Runs it on the stage's own loop; raises `Broken` where the plugin holds that up for longer than `limit`."""
        ...

    async def enable(self) -> None:
        """Switches the plugin on; raises core's refusal, in words."""
        ...

    async def disable(self) -> None: ...

    def off_without_code(self) -> AbstractAsyncContextManager[None]:
        """The plugin disabled and its code not there, as after `pip uninstall`."""
        ...

    @property
    def provided(self) -> Provided:
        """What its hooks gave, while it is on."""
        ...

    @property
    def core_permissions(self) -> frozenset[str]: ...

    @property
    def core_commands(self) -> frozenset[str]:
        """Groups of commands that are core's alone."""
        ...

    def routes(self) -> list[Route]:
        """Every address of the plugin's pages; raises core's refusal for one without permission."""
        ...

    def browser(self) -> Browser: ...

    async def signed_in(self, role: str) -> Browser: ...

    async def nobody(self) -> Browser:
        """Signed in, with a role that may do nothing."""
        ...

    async def may(self, permission: str) -> str:
        """A role that holds this permission, or an empty text."""
        ...

    async def file(self, person: Marked) -> Filed:
        """A complaint of this person that core filed by itself."""
        ...

    async def receive(self, raw: RawReceipt) -> Received:
        """Bytes come through a channel and are parsed in the work process."""
        ...

    async def work(self) -> list[str]:
        """Runs what waits in the background, as if all pauses were over; returns the errors of what waits on or is
        parked."""
        ...

    async def events(self, kinds: Sequence[str]) -> list[Any]:
        """The committed events of these kinds so far, as plugins receive them."""
        ...

    async def hear(self, event: Any) -> Exception | None:
        """Calls the plugin's `on_event`; the error it raised, if any."""
        ...

    async def run_job(self, name: str, payload: Mapping[str, Any]) -> Exception | None:
        """Runs one of the plugin's jobs; the error it raised, if any."""
        ...

    async def context(self) -> Any:
        """A context as the plugin's providers get it in the work process."""
        ...

    async def closed_case(self, person: Marked) -> Any:
        """A closed case of this person, as customer systems are told of it."""
        ...

    def trouble(self, method: str) -> AbstractContextManager[list[str]]:
        """Within it the plugin's calls of one platform method raise `Transient`; the list tells which were made."""
        ...

    def watch(self) -> AbstractContextManager[Watched]: ...

    async def tables(self) -> list[str]:
        """The tables that begin with the plugin's prefix."""
        ...

    async def rows(self, table: str) -> list[dict[str, Any]]: ...

    async def columns(self, table: str) -> dict[str, str]:
        """The columns of a table with their types."""
        ...

    async def kept_files(self) -> dict[UUID, bytes]:
        """What the plugin keeps in the vault under its own key, in clear."""
        ...

    async def schema(self) -> frozenset[str]:
        """Everything the database holds beside rows: tables, columns, indexes, constraints, sequences, functions."""
        ...

    async def take_back(self) -> None:
        """Takes the plugin's migrations back to the first."""
        ...

    async def people(self, person: Marked) -> list[UUID]:
        """Core's records of this person."""
        ...

    async def cases(self, person: Marked) -> int:
        """How many cases they have."""
        ...

    async def messages(self, person: Marked) -> int:
        """How many messages of theirs came in that belong to no case yet."""
        ...

    async def collect(self, person: UUID) -> list[Any]:
        """What core finds of the person in plugins' tables, from the declaration alone."""
        ...

    async def erase(self, person: UUID) -> None: ...

    async def set_secret(self, name: str, value: str) -> None: ...

    async def set_setting(self, name: str, value: Any) -> None:
        """For the whole desk, as an administrator saves it."""
        ...

    async def faults(self) -> list[str]:
        """What was recorded against the plugin since this was asked last."""
        ...

    def said(self) -> str:
        """What was written to the log since the stage was set."""
        ...

    def others_fail(self) -> AbstractAsyncContextManager[None]:
        """Another plugin is on that raises in every hook, page, slot, event and channel of its own."""
        ...

    def fails(self, how: str) -> AbstractAsyncContextManager[None]:
        """Everything the plugin provides raises (`how` is "raise") or never ends ("hang"); core's limits are short."""
        ...

    async def desk_works(self) -> str:
        """Files a complaint, works on it, opens its page and the front page; empty where all of it went well."""
        ...

    async def slot_answers(self) -> list[tuple[str, str]]:
        """Draws a page for each slot the plugin fills; the name of the slot and what went wrong, if anything."""
        ...

    async def barriers(self, paths: Sequence[tuple[str, str]]) -> list[str]:
        """Opens these addresses, each as somebody of a role (empty: nobody), in a real browser and has axe look at
        them. Raises `NotTried` where there is no browser."""
        ...

    def earlier(self, wheel: Any) -> AbstractAsyncContextManager[None]:
        """Within it the plugin that is installed is the one of this wheel."""
        ...


__all__ = [
    "Answer", "Browser", "Marked", "Provided", "Received", "Route", "Stage", "Statement", "Watched",
]  # fmt: skip
