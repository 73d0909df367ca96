"""Plugins that send messages out."""

import inspect
from typing import Any, ClassVar
from uuid import UUID

from ombud_plugin_api.correspondence import RECEIPT_STATES, Deliverer, OutboundMessage, Receipt, Recipient, Thread
from ombud_plugin_api.errors import PluginFault
from ombud_plugin_api.facts import Document
from ombud_plugin_api.testing.checks import Broken, Contract, check
from ombud_plugin_api.testing.stage import Marked
from ombud_plugin_api.testing.subject import Subject

NEEDS = ("email", "phone", "address")
LONGEST = 600.0  # seconds that one call may take


class DelivererContract(Contract):
    """What plugins that send messages promise."""

    kind: ClassVar[str] = "deliverer"
    title: ClassVar[str] = "Plugins that send messages"

    @classmethod
    def concerns(cls, plugin: Subject) -> bool:
        return plugin.implements("provide_deliverers")

    @check(
        "basic-95",
        "Its deliverers say their key, their name and what they need of a recipient, and send asynchronously",
        why="People choose the way by its name, and core offers it for those of whom the needed part is known; a send "
        "that is not asynchronous holds up all other work while a host far away thinks.",
        example='Deliverer("postbox", "Post box", "mailbox", "address", send, status, in_use=in_use)',
        remedy="Give key, label and icon, needs of email, phone or address, an async send and status, a limit of at "
        "most 600 seconds, and an in_use that answers True or False.",
    )
    async def deliverers_are_named(self) -> None:
        await self.stage.enable()
        if not self._deliverers():
            raise Broken("provide_deliverers gave none")
        settings = (await self.stage.context()).settings
        for each in self._deliverers():
            if not each.key.strip() or not each.label.strip() or not each.icon.strip():
                raise Broken(f"the deliverer {each.key!r} lacks a key, a label or an icon")
            if each.needs not in NEEDS:
                raise Broken(f"{each.key} needs {each.needs!r}; say one of {', '.join(NEEDS)}")
            for name in ("send", "status"):
                method = getattr(each, name)
                if method is not None and not inspect.iscoroutinefunction(method):
                    raise Broken(f"{name} of {each.key} is not asynchronous")
            if not 0 < each.limit_seconds <= LONGEST:
                raise Broken(f"{each.key} may take {each.limit_seconds} s")
            if not isinstance(each.in_use(settings), bool):
                raise Broken(f"in_use of {each.key} answers neither True nor False")

    @check(
        "basic-96",
        "Given a message, it answers with a receipt, or with one of the three errors in words",
        why="What a deliverer says decides whether a message is tried again, has failed, or waits for a person. "
        "Anything else leaves everybody in doubt whether a customer has it.",
        example='return Receipt(state="sent", remote_id=number)',
        remedy="Return a Receipt whose state is sent, unsure or failed; raise Transient where it certainly was not "
        "sent, Permanent where it was refused, Misconfigured where a setting is wrong, each with a sentence.",
    )
    async def answers_with_a_receipt(self) -> None:
        await self.stage.enable()
        for each in self._deliverers():
            await self._sent(each, message_for(each, 91), "kit-key-1")
            known = await self._asked(each, "status", "kit-key-never-sent")
            if known is not None and known.state != "failed":
                raise Broken(f"status of {each.key} says {known.state!r} of a message that was never sent")

    @check(
        "sound-46",
        "A message that is handed over twice under one key is sent once, or is said not to be",
        why="After a crash nobody knows whether the first attempt arrived; the key is the same, so that the other side "
        "can be asked, and a customer does not get one letter twice.",
        example='if (row := await known(key)) is not None:\n    return Receipt(state="sent", remote_id=row.number)',
        remedy="Keep what was sent under the key, and answer with the same receipt; or answer unsure or failed.",
    )
    async def twice_is_once(self) -> None:
        await self.stage.enable()
        for each in self._deliverers():
            message = message_for(each, 92)
            first = await self._sent(each, message, "kit-key-2")
            second = await self._sent(each, message, "kit-key-2")
            if first is None or second is None or "sent" not in {first.state} & {second.state}:
                continue
            if first.remote_id != second.remote_id:
                raise Broken(f"{each.key} sent {first.remote_id!r} and, under the same key, {second.remote_id!r}")

    def _deliverers(self) -> list[Deliverer]:
        return list(self.stage.provided.deliverers)

    async def _sent(self, each: Deliverer, message: OutboundMessage, key: str) -> Receipt | None:
        receipt = await self._asked(each, "send", message, key)
        return receipt if isinstance(receipt, Receipt) else None

    async def _asked(self, each: Deliverer, method: str, *given: Any) -> Receipt | None:
        """What it answers; None where it raises one of the contract's errors, or has no such method."""
        if getattr(each, method) is None:
            return None
        try:
            answer = await getattr(each, method)(*given, await self.stage.context())
        except PluginFault as refusal:
            if len(str(refusal).split()) < 3:
                raise Broken(f"{method} of {each.key} refuses with {str(refusal)!r}, which tells nobody why") from None
            return None
        except Exception as problem:
            raise Broken(f"{method} of {each.key} raises {type(problem).__name__}: {problem}") from None
        if answer is None and method == "status":
            return None
        if not isinstance(answer, Receipt) or answer.state not in RECEIPT_STATES:
            raise Broken(f"{method} of {each.key} gives {answer!r:.80}; a Receipt is asked for")
        return answer


def message_for(each: Deliverer, number: int) -> OutboundMessage:
    """A message such as core hands over, with all a recipient can have and a small file."""
    person = Marked.person(number)
    return OutboundMessage(
        id=UUID(int=number), channel=each.key, kind="reply", subject="Your complaint",
        recipient=Recipient(
            name=person.name, email=person.email, phone=person.phone, address="1 Long Lane\nLondon\nEC1A 1BB",
            language="en",
        ),
        text="Dear Ms Marsh,\n\nWe paid it back.", html="<p>Dear Ms Marsh,</p>\n<p>We paid it back.</p>",
        thread=Thread(id=f"{number}@desk.test"), reference="OMB-KIT", reply_token="",
        documents=(Document(name="statement.txt", content_type="text/plain", data=b"42.00\n"),),
    )  # fmt: skip
