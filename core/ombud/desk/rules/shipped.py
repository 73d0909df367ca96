"""The rules that come with the desk, for the standard flow. All but the acknowledgement are off until somebody turns
them on; each can be changed, which makes a version of its own."""

from ombud.desk.engine.terms import Definition

SHIPPED = (
    Definition(
        key="acknowledge", label="Acknowledge a complaint", position=10,
        when={"event": ["case.opened"]}, actions=({"do": "acknowledge"},),
    ),
    Definition(
        key="categorise", label="Mark what has no category", position=20, when={"event": ["case.opened"]},
        conditions={"all": [{"is": "uncategorised"}]}, actions=({"do": "tag", "tag": "to-categorise"},),
    ),
    Definition(
        key="prioritise", label="Put angry and vulnerable customers first", position=30,
        when={"event": ["case.changed:mood", "support_needs.confirmed"]},
        conditions={"any": [{"is": "mood", "moods": ["angry"]}, {"is": "support_needs"}]},
        actions=({"do": "set_priority", "priority": "high"},),
    ),
    Definition(
        key="assign", label="Let routing choose who works on it", position=40, when={"event": ["case.opened"]},
        conditions={"all": [{"is": "unowned"}]}, actions=({"do": "route"},),
    ),
    Definition(
        key="remind", label="Remind of a customer who waits", position=50,
        when={"time": {"after": "P2D", "of": "last_in", "business": True}},
        conditions={"all": [{"is": "unanswered"}]}, actions=({"do": "remind"},),
    ),
    Definition(
        key="escalate", label="Tell the leaders before the answer is late", position=60,
        when={"time": {"before": "P5D", "of": "due", "business": True}},
        conditions={"not": {"is": "all_decided"}},
        actions=({"do": "set_priority", "priority": "urgent"}, {"do": "tell", "to": "leaders"}),
    ),
    Definition(
        key="close", label="Close what is answered and silent", position=70,
        when={"time": {"after": "P14D", "of": "last_out"}},
        conditions={"all": [{"is": "all_decided"}, {"is": "status", "statuses": ["resolved"]},
                            {"not": {"is": "unanswered"}}]},
        actions=({"do": "close"},),
    ),
)  # fmt: skip

ON_AT_FIRST = frozenset({"acknowledge"})
