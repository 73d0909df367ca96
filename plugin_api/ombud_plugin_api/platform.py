"""What core does for a plugin. Core implements these protocols; every call obeys the policy of its viewer."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable
from uuid import UUID

from ombud_plugin_api.callers import FilingOptions, KnownPerson
from ombud_plugin_api.errors import PluginFault
from ombud_plugin_api.facts import (
    CaseView,
    Complaint,
    CustomerCase,
    Document,
    DocumentView,
    Filed,
    LinkView,
    RawReceipt,
    UnitView,
)

if TYPE_CHECKING:  # which itself needs the Context of this module
    from ombud_plugin_api.correspondence import DeliveryReport
    from ombud_plugin_api.returns import ReturnKept
    from ombud_plugin_api.rights import Law, RequestFollowed, RightAsked


class Refused(PluginFault):
    """Core will not do this; the text says why and what would help. `field` names the part of the input, if one."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class Conflict(Refused):
    """The same key came with other content, or the record changed meanwhile."""


class TooMany(Refused):
    """Too many tries from one place; nothing was done. `retry_after`: seconds after which it may be tried again.
    Answer with status 429 and the header Retry-After, and keep what was typed."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BadLink(Refused):
    """A signed link that is unknown, expired or revoked; the text is fit for the customer. `gone`: it worked once."""

    def __init__(self, message: str, gone: bool = False) -> None:
        super().__init__(message)
        self.gone = gone


@runtime_checkable
class Platform(Protocol):
    """Core, as one plugin may use it on behalf of one viewer."""

    async def file(self, raw: RawReceipt, complaint: Complaint) -> Filed:
        """Commits the raw bytes, then opens the case; the same key again gives the first answer. Raises `Refused`
        for content core cannot take, `Conflict` for a key used with other bytes and `TooMany` where one address of the
        public files too often."""
        ...

    async def receive(self, raw: RawReceipt) -> UUID:
        """Commits what came in, byte for byte, and has it read in the work process; the same key again gives the first
        receipt's id. Raises `Conflict` for a key used with other bytes."""
        ...

    async def report_delivery(self, message_id: UUID, report: "DeliveryReport") -> None:
        """What became of a message that one of the plugin's deliverers took, where it is known only later: it was
        posted, it came back. Core writes it into the history of the case; the same report again adds nothing. Raises
        `Refused` for a message that is not of the plugin's channels."""
        ...

    async def readable(self, message_ids: Sequence[UUID]) -> frozenset[UUID]:
        """Those of these messages of core's that the viewer may read, as the pages of their cases would show them. For
        a plugin that keeps something of messages and shows it."""
        ...

    async def refuses_file(self, name: str, data: bytes) -> str:
        """What this desk does not take of files, by their bytes: program, script, page, macro or archive; empty where
        it takes the file. So a form can say it beside the file, before anything is sent."""
        ...

    async def case_fields(self, case_type: str = "complaint") -> Mapping[str, Any]:
        """The case type's own fields, a cerberus rule by name: what `Complaint.fields` may hold. Empty for a type there
        is not."""
        ...

    async def case(self, reference: str) -> CaseView:
        """The case as the viewer may see it; `Refused` where there is none for them."""
        ...

    async def people(
        self, *, phone: str = "", email: str = "", name: str = "", postcode: str = ""
    ) -> tuple[KnownPerson, ...]:
        """Those who may be meant, of the people in cases that the viewer may see, the likeliest first, at most 20. A
        number, an address or a postcode finds nobody in a unit where the viewer may not see it; numbers are compared by
        their last nine digits. Nobody is found by a postcode alone, or by a case with an aspect about the viewer."""
        ...

    async def filing_options(self) -> FilingOptions:
        """Units and case types that the viewer may choose from when they file a complaint for somebody."""
        ...

    async def write(
        self, reference: str, kind: str, text: str, key: str, channel: str = "", documents: Sequence[Document] = ()
    ) -> UUID:
        """Adds to a case that the viewer may change: a `note` for staff, or what somebody `told` the viewer on one of
        the plugin's channels. Returns the message's id; the same key in the same case adds it once."""
        ...

    async def record(self, case_id: UUID, kind: str, body: Mapping[str, str | int | bool]) -> None:
        """Writes down in the case's ledger what the plugin or the viewer did there. `kind` begins with the slug, its
        hyphens as underscores, and a dot; the body holds codes, ids and numbers, never words of people. A viewer must
        be able to see the case. The plugin's deadlines are asked anew afterwards, and read it as `facts.recorded`."""
        ...

    async def follow(self, token: str) -> CustomerCase:
        """What the holder of a signed link may see; raises `BadLink`."""
        ...

    async def say(self, token: str, text: str, key: str, proof: str = "", documents: Sequence[Document] = ()) -> None:
        """Adds the customer's message to the case; documents need a proof. The same key adds it once."""
        ...

    async def prove(self, token: str, question: str, answer: str, minutes: int = 20) -> str:
        """Second factor: compares the answer with what the person told us and returns a proof that holds for so many
        minutes, 60 at most. Raises `Refused` for a wrong answer and `TooMany` after too many tries."""
        ...

    async def documents(self, token: str, proof: str) -> tuple[DocumentView, ...]:
        """The documents the customer may have; raises `Refused` without a valid proof."""
        ...

    async def document(self, token: str, proof: str, document_id: UUID) -> Document:
        """One document with its bytes."""
        ...

    async def withdraw(self, token: str, proof: str, aspect_id: UUID | None, reason: str) -> None:
        """The customer takes back one matter, or all that are open (None); core closes them as withdrawn."""
        ...

    async def laws(self) -> "tuple[Law, ...]":
        """The plugin's own laws as they hold on this desk, with what its administrators corrected."""
        ...

    async def ask_right(self, asked: "RightAsked") -> str:
        """Records a request about personal data under one of the plugin's laws and returns the token that follows it;
        where the desk can send e-mail, a receipt goes to the address that was given. The same key and content again
        give the first one's token. Raises `Refused` with its `field`, and `TooMany`. Says nothing of who is known."""
        ...

    async def follow_request(self, token: str, proof: str = "") -> "RequestFollowed":
        """How a request stands; what was answered only with a proof. Raises `BadLink`."""
        ...

    async def send_code(self, token: str) -> None:
        """Sends a code to the address that was given with the request. Raises `BadLink`, `Refused` where the desk
        cannot send e-mail, and `TooMany`."""
        ...

    async def prove_request(self, token: str, code: str, minutes: int = 20) -> str:
        """Compares the code, writes down for staff that the address is theirs, and returns a proof that holds for so
        many minutes, 60 at most. Raises `Refused` for a wrong code and `TooMany` after too many tries."""
        ...

    async def withdraw_request(self, token: str, proof: str) -> None:
        """The person takes an open request back; raises `Refused` without a valid proof, or where it is closed."""
        ...

    async def links(self, case_id: UUID) -> tuple[LinkView, ...]:
        """The signed links of a case the viewer may change."""
        ...

    async def make_link(self, case_id: UUID) -> str:
        """A new signed address for the complainant; revokes none."""
        ...

    async def revoke_link(self, link_id: UUID) -> None:
        """Ends a link at once; its holder is told to ask for a new one."""
        ...

    async def start_job(self, name: str, payload: Mapping[str, Any], key: str = "") -> UUID:
        """Queues one of the plugin's jobs; a key keeps a second one from starting while the first is not done."""
        ...

    async def job(self, job_id: UUID) -> Mapping[str, Any]:
        """How a job stands: state, progress (done, total, note), error."""
        ...

    async def keep_file(self, data: bytes) -> UUID:
        """Puts bytes into the vault under the plugin's own key."""
        ...

    async def kept_file(self, file_id: UUID) -> bytes:
        """The bytes again; raises `Refused` if they are not the plugin's or are gone."""
        ...

    async def drop_file(self, file_id: UUID) -> None:
        """Destroys the bytes."""
        ...

    async def settings(self, unit: str = "") -> Mapping[str, Any]:
        """The plugin's own settings as they hold at this moment in a unit (its key; empty: the first; one there is
        not: the whole desk), a value for each name of its schema: set there, else above, else for the whole desk, else
        the default, else None. Secrets are in clear: never show or log them."""
        ...

    async def units(self) -> tuple[UnitView, ...]:
        """The units that take new cases, each after the one above it: for what has settings in each of them."""
        ...

    async def kept_returns(self, key: str) -> "tuple[ReturnKept, ...]":
        """The plugin's own returns of this key whose figures stand, of legal entities the viewer may read, the newest
        period and version first, twenty at most. Raises Refused for another plugin's key."""
        ...

    def transaction(self) -> Any:
        """An async context manager for the plugin's own rows; platform writes refuse to run inside it."""
        ...


@runtime_checkable
class Context(Protocol):
    """What a provider gets with each call that may do I/O."""

    @property
    def platform(self) -> Platform: ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """The plugin's own settings as they held when the call began, as `platform.settings` tells them: in the unit
        of the case for slots, else in the first unit. Read anew for each call, so a change holds from the next one."""
        ...

    @property
    def units(self) -> Sequence[str]:
        """Keys of the unit the call is for and of those above it, nearest first, where it is for one: as `hints.units`
        for customer systems. Else empty."""
        ...

    @property
    def viewer_name(self) -> str: ...

    @property
    def viewer_id(self) -> UUID | None:
        """Who is signed in; None for the public and in background work that nobody started."""
        ...

    @property
    def may(self) -> Mapping[str, bool]: ...

    @property
    def state(self) -> Mapping[str, Any]: ...

    @property
    def stopping(self) -> bool:
        """The process ends soon: a job, or a channel that fetches, keeps its state and returns."""
        ...

    async def save(self, state: Mapping[str, Any]) -> None:
        """Keeps the job's state, so that a killed run resumes there; only in jobs."""
        ...

    async def progress(self, done: int, total: int | None, note: str = "") -> None:
        """Says how far the work is; shown to people, and proof that it is alive."""
        ...


@runtime_checkable
class Pages(Protocol):
    """How a page handler answers. A handler asks for it by name: `pages: Pages`, beside `platform: Platform`
    and `context: Context`."""

    async def show(self, template: str, *, status: int = 200, here: str = "", **context: Any) -> Any:
        """Draws one of the plugin's templates (`<slug>/<name>.html`, extending core's `layouts/public.html` or
        `layouts/work.html`); the context has `shell` and `csrf_field()`, which every form needs. `here`: the path of
        the plugin's NavItem that is current."""
        ...

    def go(self, path: str, toast: str = "") -> Any:
        """A redirect after a form: to another page of the plugin, or with a leading slash to one of core's."""
        ...


__all__ = ["BadLink", "Conflict", "Context", "Pages", "Platform", "Refused", "TooMany"]
