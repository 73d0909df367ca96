"""Plugins with channels: pure parsing, clear refusals, one result for one message."""

from typing import Any, ClassVar

from ombud_plugin_api.correspondence import InboundMessage
from ombud_plugin_api.errors import Permanent
from ombud_plugin_api.facts import Complaint, RawReceipt
from ombud_plugin_api.testing.checks import Broken, Contract, NotTried, check
from ombud_plugin_api.testing.stage import Marked
from ombud_plugin_api.testing.subject import Subject

RUBBISH = (b"", b"\xff\x00\xfe rubbish \x00", b"{" * 2000, b"[]", b"null", "ż".encode("utf-16"))


class ChannelContract(Contract):
    """What plugins with channels promise."""

    kind: ClassVar[str] = "channel"
    title: ClassVar[str] = "Plugins with channels"

    @classmethod
    def concerns(cls, plugin: Subject) -> bool:
        return plugin.implements("provide_channels")

    @check(
        "basic-40",
        "Its channels have a key, words and an icon",
        why="The key stands in every receipt for years; the words and the icon stand beside each message.",
        example='key = "postbox"\nlabel = "Letters"\nicon = "mail"',
        remedy="Give each channel a key in small letters, a label and the name of a Tabler icon.",
    )
    async def channels_are_named(self) -> None:
        await self.stage.enable()
        if not self.stage.provided.channels:
            raise Broken("provide_channels gave none")
        for channel in self.stage.provided.channels:
            if not channel.key or channel.key != channel.key.lower() or not channel.label or not channel.icon:
                raise Broken(f"the channel {channel.key!r} has the label {channel.label!r} and icon {channel.icon!r}")

    @check(
        "basic-41",
        "Bytes that hold no complaint are refused with the reason",
        why='Anything comes through a door. `Permanent` puts it under "Needs a look" with words for a person; '
        "any other error "
        "counts against the plugin and tells nobody what to do.",
        example='raise Permanent("this is no letter: it holds no text; look at the bytes")',
        remedy="Catch what your parsing may raise and raise Permanent with a reason of some words.",
    )
    async def rubbish_is_refused(self) -> None:
        await self.stage.enable()
        for channel in self.stage.provided.channels:
            for bytes_ in RUBBISH:
                raw = RawReceipt(
                    channel=channel.key, key="rubbish", content_type="application/octet-stream", body=bytes_
                )
                self._refused(channel, raw)

    def _refused(self, channel: Any, raw: RawReceipt) -> None:
        shown = repr(raw.body[:20])
        try:
            made = channel.parse(raw)
        except Permanent as refusal:
            if len(str(refusal).split()) < 3:
                raise Broken(f"{channel.key} refuses {shown} with {str(refusal)!r}, which tells nobody why") from None
        except Exception as problem:
            raise Broken(f"{channel.key} answers {shown} with {type(problem).__name__}: {problem}") from None
        else:
            if not isinstance(made, Complaint | InboundMessage):
                raise Broken(f"{channel.key} makes {type(made).__name__} of {shown}")

    @check(
        "basic-42",
        "Parsing is pure: the same bytes give the same complaint, and nothing else happens",
        why="Core parses stored bytes again after a fault or an upgrade. What came of them must not depend on "
        "the day, and "
        "must change nothing.",
        example="def parse(self, raw: RawReceipt) -> Complaint: …   # reads raw and nothing else",
        remedy="Take the time from what the bytes say, leave ids to core, and keep the network and the database out.",
    )
    async def parsing_is_pure(self) -> None:
        await self.stage.enable()
        tried = False
        for channel in self.stage.provided.channels:
            raw = self.own.receipt(self.plugin, channel.key, Marked.person(21))
            if raw is None:
                continue
            tried = True
            with self.stage.watch() as watched:
                first, second = channel.parse(raw), channel.parse(raw)
            if first != second:
                raise Broken(f"{channel.key} makes two different complaints of the same bytes")
            if watched.statements or watched.reached:
                raise Broken(f"{channel.key} asks the database or the network while it parses")
            if first.channel != channel.key:
                raise Broken(f"{channel.key} calls the complaint's channel {first.channel!r}")
        if not tried:
            raise NotTried("no sample: put one at samples/canary.<type>, or write `receipt` in its contract")
