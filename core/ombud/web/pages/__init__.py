"""The desk's pages; each module lists its handlers."""

from litestar.types import ControllerRouterHandler

from ombud.web.pages import (
    access,
    administration,
    cases,
    decide,
    filing,
    health,
    jobs,
    looks,
    messages,
    people,
    plugins,
    queues,
    receipts,
    resets,
    second_factor,
    sessions,
    tokens,
    user_access,
)

page_handlers: list[ControllerRouterHandler] = [
    *access.handlers,
    *administration.handlers,
    *queues.handlers,
    *filing.handlers,
    *cases.handlers,
    *decide.handlers,
    *health.handlers,
    *jobs.handlers,
    *looks.handlers,
    *messages.handlers,
    *people.handlers,
    *plugins.handlers,
    *receipts.handlers,
    *resets.handlers,
    *second_factor.handlers,
    *sessions.handlers,
    *tokens.handlers,
    *user_access.handlers,
]
