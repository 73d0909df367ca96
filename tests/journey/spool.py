"""A plugin with a channel that fetches from a folder: a test lays messages down there."""

SPOOL = '''
import json
import os
from pathlib import Path

import msgspec

import ombud_plugin_api as api
from ombud_plugin_api.hooks import hookimpl


class Spool:
    """A folder of messages; what was handed over is taken out of it."""

    key = "spool"
    label = "Spool"
    icon = "plug"
    every_seconds = 10
    limit_seconds = 60.0

    def parse(self, raw):
        return msgspec.convert(json.loads(raw.body), api.InboundMessage)

    async def poll(self, context):
        for path in sorted(Path(os.environ["SPOOL"]).glob("*.json")):
            data = path.read_bytes()
            raw = api.RawReceipt(channel="spool", key=path.stem, content_type="application/json", body=data)
            await context.platform.receive(raw)
            path.unlink()


@hookimpl
def provide_channels(manifest: api.Manifest) -> list:
    return [Spool()]
'''
