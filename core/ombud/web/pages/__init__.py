"""The desk's pages; each module lists its handlers."""

from litestar.types import ControllerRouterHandler

from ombud.web.pages import (
    access,
    administration,
    cases,
    decide,
    drafts,
    filing,
    live,
    messages,
    people,
    plugins,
    queues,
    receipts,
    tokens,
)

page_handlers: list[ControllerRouterHandler] = [
    *access.handlers,
    *administration.handlers,
    *queues.handlers,
    *filing.handlers,
    *live.handlers,
    *cases.handlers,
    *decide.handlers,
    *drafts.handlers,
    *messages.handlers,
    *people.handlers,
    *plugins.handlers,
    *receipts.handlers,
    *tokens.handlers,
]
