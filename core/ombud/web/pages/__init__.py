"""The desk's pages; each module lists its handlers."""

from litestar.types import ControllerRouterHandler

from ombud.web.pages import (
    access,
    administration,
    bulk,
    cases,
    decide,
    filing,
    keys,
    messages,
    palette,
    people,
    plugins,
    queues,
    receipts,
    tokens,
    undo,
    views,
)

page_handlers: list[ControllerRouterHandler] = [
    *access.handlers,
    *administration.handlers,
    *queues.handlers,
    *filing.handlers,
    *cases.handlers,
    *decide.handlers,
    *messages.handlers,
    *people.handlers,
    *plugins.handlers,
    *receipts.handlers,
    *tokens.handlers,
    *keys.handlers,
    *palette.handlers,
    *views.handlers,
    *bulk.handlers,
    *undo.handlers,
]
