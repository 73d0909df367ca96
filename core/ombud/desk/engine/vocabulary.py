"""Core's own words for rules. Pure; plugins add theirs through `provide_conditions` and `provide_actions`."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec

from ombud.desk.words import LABELS, MOODS, OUTCOMES, PRIORITIES, STATUSES, label
from ombud.speech import counted, either, sentence, word
from ombud_plugin_api import treatment as t
from ombud_plugin_api.treatment import Action, CaseFacts, Change, Condition

Args = Mapping[str, Any]
HOURS = {"hours": timedelta(hours=1), "days": timedelta(days=1)}

CASE, PEOPLE, TIME = "Case", "Customer", "Time and work"


def _several(name: str, words: str, allowed: Iterable[str] = ()) -> dict[str, Any]:
    rule: dict[str, Any] = {"type": "list", "required": True, "meta": {"label": words}}
    known = list(allowed)
    if known:
        rule |= {"allowed": known}
        rule["meta"] = {"label": words, "choices": {each: label(each) for each in known}}
    return {name: rule}


def _number(name: str, words: str, least: int, most: int, default: int, suffix: str = "") -> dict[str, Any]:
    meta = {"label": words, **({"suffix": suffix} if suffix else {})}
    return {name: {"type": "integer", "required": True, "min": least, "max": most, "default": default, "meta": meta}}


def _text(name: str, words: str, *, required: bool = True, longest: int = 60, regex: str = "") -> dict[str, Any]:
    rule: dict[str, Any] = {"type": "string", "required": required, "maxlength": longest, "meta": {"label": words}}
    if regex:
        rule["regex"] = regex
    return {name: rule}


def _choice(name: str, words: str, choices: Mapping[str, str], default: str = "") -> dict[str, Any]:
    rule = {"type": "string", "required": True, "allowed": list(choices)}
    rule |= {"default": default} if default else {}
    return {name: {**rule, "meta": {"label": words, "choices": dict(choices)}}}


def _listed(args: Args, name: str) -> str:
    given = [word(label(str(each))) if str(each).islower() else str(each) for each in args.get(name) or ()]
    return either(given) or word("nothing")


def _one_of(fact: str, name: str) -> tuple[Callable[[CaseFacts, Args], bool], Callable[[CaseFacts, Args], str]]:
    def holds(facts: CaseFacts, args: Args) -> bool:
        return str(getattr(facts, fact)) in args[name]

    return holds, lambda facts, args: str(getattr(facts, fact))


def _is_one(
    key: str, words: str, fact: str, name: str, allowed: Iterable[str] = (), *, group: str = CASE, said: str = ""
) -> Condition:
    holds, found = _one_of(fact, name)
    what = word(said) if said else word(words).lower()
    return Condition(
        key, words, _several(name, "is one of", allowed), holds, lambda args: sentence("the %(what)s is %(values)s",
            what=what, values=_listed(args, name)),
        reads=(fact,), group=group, found=found,
    )  # fmt: skip


def _any_aspect(key: str, words: str, fact: str, name: str, allowed: Iterable[str] = ()) -> Condition:
    def values(facts: CaseFacts) -> list[str]:
        return [str(getattr(each, fact)) for each in facts.aspects]

    return Condition(
        key, words, _several(name, "is one of", allowed),
        lambda facts, args: any(each in args[name] for each in values(facts)),
        lambda args: sentence("an aspect's %(what)s is %(values)s", what=word(words).lower(),
            values=_listed(args, name)),
        reads=("aspects", fact), group=CASE,
        found=lambda facts, args: ", ".join(sorted({each for each in values(facts) if each in args[name]})),
    )  # fmt: skip


def _plain(
    key: str, words: str, said: str, test: Callable[[CaseFacts], bool], *, reads: tuple[str, ...], group: str = CASE
) -> Condition:
    return Condition(
        key, words, {}, lambda facts, args: test(facts), lambda args: word(said), reads=reads, group=group,
        found=lambda facts, args: "yes" if test(facts) else "no",
    )  # fmt: skip


def _counted(
    key: str, words: str, said: str, count: Callable[[CaseFacts], int], reads: tuple[str, ...], most: int = 1000,
    *, group: str = CASE, default: int = 2,
) -> Condition:  # fmt: skip
    return Condition(
        key, words, _number("count", "at least", 0, most, default),
        lambda facts, args: count(facts) >= args["count"], lambda args: sentence(said, count=args["count"]),
            reads=reads, group=group,
        found=lambda facts, args: str(count(facts)),
    )  # fmt: skip


def _disputed(facts: CaseFacts, currency: str) -> Decimal:
    sums = [each.amount_in_dispute or Decimal(0) for each in facts.aspects if each.currency == currency]
    return sum(sums, Decimal(0))


def _disputes(facts: CaseFacts, args: Args) -> bool:
    return _disputed(facts, args["currency"]) >= Decimal(str(args["amount"]))


def _age(facts: CaseFacts, args: Args) -> timedelta:
    return facts.at - facts.received_at


def _clock(facts: CaseFacts, args: Args) -> Iterable[t.ClockFacts]:
    wanted = args["clock"]
    return [each for key, each in facts.clocks.items() if key == wanted or key.partition("/")[0] == wanted]


def _age_said(args: Args) -> str:
    if args["unit"] == "days":
        return counted(
            "it came in %(num)s day ago or earlier", "it came in %(num)s days ago or earlier", int(args["amount"])
        )
    return counted(
        "it came in %(num)s hour ago or earlier", "it came in %(num)s hours ago or earlier", int(args["amount"])
    )


def _due_soon(facts: CaseFacts, args: Args) -> bool:
    return facts.due_at is not None and facts.due_at - facts.at <= timedelta(hours=args["hours"])


def _unanswered(facts: CaseFacts) -> bool:
    return facts.last_in_at is not None and (facts.last_out_at is None or facts.last_out_at < facts.last_in_at)


_CODE = "[a-z0-9][a-z0-9_.-]{0,59}"

CONDITIONS: tuple[Condition, ...] = (
    _is_one("case_type", "Case type", "case_type", "types"),
    Condition(
        "unit", "Unit", _several("units", "is, or lies below"),
        lambda facts, args: bool(set(args["units"]) & {facts.unit, *facts.units}),
        lambda args: sentence("the case belongs to %(units)s", units=_listed(args, "units")), reads=("unit",),
            group=CASE,
        found=lambda facts, args: facts.unit,
    ),
    _is_one("channel", "Channel", "channel", "channels"),
    _is_one("status", "Status", "status", "statuses", STATUSES),
    _is_one("priority", "Priority", "priority", "priorities", PRIORITIES),
    _counted("severity", "Severity at least", "the severity is %(count)s or graver", lambda facts: facts.severity,
             ("severity",), 4),
    _any_aspect("category", "Category", "category", "categories"),
    _any_aspect("outcome", "Outcome", "outcome", "outcomes", OUTCOMES),
    _any_aspect("cause", "Root cause", "cause", "causes"),
    _plain("uncategorised", "Without a category", "an aspect has no category",
           lambda facts: any(not each.category for each in facts.aspects), reads=("aspects", "category")),
    _counted("aspects", "Number of aspects", "it has %(count)s aspects or more", lambda facts: len(facts.aspects),
             ("aspects",), 20),
    _plain("all_decided", "All decided", "every aspect is decided",
           lambda facts: bool(facts.aspects) and all(each.status == "closed" for each in facts.aspects),
           reads=("aspects",)),
    _plain("concerns_staff", "About staff", "an aspect is about a member of staff",
           lambda facts: any(each.concerns_staff for each in facts.aspects), reads=("aspects",)),
    _plain("confidential", "Confidential", "the case is confidential", lambda facts: facts.confidential,
           reads=("confidential",)),
    Condition(
        "tag", "Tag", _text("tag", "is", regex=_CODE), lambda facts, args: args["tag"] in facts.tags,
        lambda args: sentence("it is tagged %(tag)s", tag=args["tag"]), reads=("tags",), group=CASE,
        found=lambda facts, args: ", ".join(sorted(facts.tags)),
    ),
    Condition(
        "field", "Field of the case type",
        {**_text("name", "field", regex=_CODE), **_text("value", "is", longest=200)},
        lambda facts, args: str(facts.fields.get(args["name"], "")).lower() == args["value"].lower(),
        lambda args: sentence("%(field)s is %(value)s", field=label(args["name"]).lower(), value=args["value"]),
            reads=("coded",), group=CASE,
        found=lambda facts, args: str(facts.fields.get(args["name"], "")),
    ),
    Condition(
        "amount", "Amount in dispute",
        {"amount": {"type": "decimal", "required": True, "min": 0, "meta": {"label": "at least"}},
         **_text("currency", "currency", regex="[A-Z]{3}")},
        _disputes, lambda args: sentence("%(amount)s or more are in dispute",
            amount=f"{args['amount']} {args['currency']}"),
        reads=("amount_in_dispute",), group=CASE,
        found=lambda facts, args: format(_disputed(facts, args["currency"]), "f"),
    ),
    _is_one("mood", "Tone of the customer", "mood", "moods", MOODS, group=PEOPLE, said="customer's tone"),
    _plain("support_needs", "Confirmed support needs", "support needs are confirmed",
           lambda facts: facts.support_needs, reads=("support_needs",), group=PEOPLE),
    _is_one("language", "Language", "language", "languages", group=PEOPLE),
    _counted("messages", "Messages from the customer", "the customer wrote %(count)s times or more",
             lambda facts: facts.messages_in, ("messages_in",), group=PEOPLE),
    _plain("unanswered", "Customer waits for an answer", "the customer waits for an answer", _unanswered,
           reads=("last_in_at", "last_out_at"), group=PEOPLE),
    _is_one("queue", "Queue", "queue", "queues", group=TIME),
    _is_one("owner", "Owner", "owner", "users", group=TIME),
    _plain("unowned", "Nobody's", "nobody owns it", lambda facts: not facts.owner, reads=("owner",), group=TIME),
    Condition(
        "age", "Age", {**_number("amount", "at least", 0, 4000, 2),
                       **_choice("unit", "in", {"hours": "hours", "days": "days"}, "days")},
        lambda facts, args: _age(facts, args) >= args["amount"] * HOURS[args["unit"]],
        _age_said, reads=("received_at",), group=TIME,
        found=lambda facts, args: f"{_age(facts, args) // HOURS[args['unit']]} {args['unit']}",
    ),
    Condition(
        "due_within", "Answer due soon", _number("hours", "within", 0, 4000, 24, "hours"), _due_soon,
        lambda args: counted("the answer is due within one hour", "the answer is due within %(num)s hours",
            int(args["hours"])), reads=("due_at",), group=TIME,
        found=lambda facts, args: facts.due_at.isoformat(timespec="minutes") if facts.due_at else "",
    ),
    Condition(
        "clock", "State of a clock",
        {**_text("clock", "clock", regex=_CODE),
         **_several("states", "is", ("running", "paused", "met", "breached", "stopped"))},
        lambda facts, args: any(each.state in args["states"] for each in _clock(facts, args)),
        lambda args: sentence("the clock %(clock)s is %(states)s", clock=args["clock"],
            states=_listed(args, "states")), reads=("clocks",), group=TIME,
        found=lambda facts, args: ", ".join(sorted({each.state for each in _clock(facts, args)})),
    ),
    _plain("outside_hours", "Received outside hours", "it was received outside working hours",
           lambda facts: bool(facts.outside_hours), reads=("outside_hours",), group=TIME),
    _counted("escalated", "Escalated to level", "it is escalated to level %(count)s or higher",
             lambda facts: facts.escalated, ("escalated",), 9, group=TIME, default=1),
)  # fmt: skip


def _does(
    key: str, words: str, schema: Mapping[str, Any], plan: Callable[[CaseFacts, Args], list[Change]],
    said: str | Callable[[Args], str], group: str = "",
) -> Action:  # fmt: skip
    def told(args: Args) -> str:
        return (
            said(args)
            if callable(said)
            else sentence(said, **{name: _value(name, args.get(name, "")) for name in schema})
        )

    return Action(key, words, schema, plan, told, group)


def _clock_said(args: Args) -> str:
    number, name = int(args["amount"]), args["clock"]
    days, working = args["unit"] == "days", bool(args.get("business", True))
    if days and working:
        return counted("start a clock of %(num)s working day, called %(name)s",
                       "start a clock of %(num)s working days, called %(name)s", number, name=name)  # fmt: skip
    if days:
        return counted("start a clock of %(num)s day, called %(name)s",
                       "start a clock of %(num)s days, called %(name)s", number, name=name)  # fmt: skip
    if working:
        return counted("start a clock of %(num)s working hour, called %(name)s",
                       "start a clock of %(num)s working hours, called %(name)s", number, name=name)  # fmt: skip
    return counted("start a clock of %(num)s hour, called %(name)s",
                   "start a clock of %(num)s hours, called %(name)s", number, name=name)  # fmt: skip


def _value(name: str, value: Any) -> Any:
    if isinstance(value, bool):
        return word("yes") if value else word("no")
    if name == "to":
        return word(_TO.get(str(value), str(value)))
    return word(label(value)).lower() if isinstance(value, str) and value in LABELS else value


def _categorise(facts: CaseFacts, args: Args) -> list[Change]:
    """What a person chose stays."""
    return [
        t.SetCategory(category=args["category"], aspect=each.id)
        for each in facts.aspects
        if not each.category and each.status == "open"
    ]


def _within(facts: CaseFacts, args: Args) -> list[Change]:
    seconds = int(args["amount"] * HOURS[args["unit"]].total_seconds())
    return [t.StartClock(clock=args["clock"], within=seconds, business=bool(args["business"]))]


def _close(facts: CaseFacts, args: Args) -> list[Change]:
    decided = bool(facts.aspects) and all(each.status == "closed" for each in facts.aspects)
    return [t.CloseCase()] if decided and facts.status != "closed" else []


_NOTE = _text("note", "note", required=False, longest=200)
_TO = {"owner": "whose case it is", "queue": "who may take from its queue", "leaders": "who leads the unit"}

ACTIONS: tuple[Action, ...] = (
    _does("put_in_queue", "Put it into a queue", _text("queue", "queue"),
          lambda facts, args: [t.AssignQueue(queue=args["queue"])], "put it into the queue %(queue)s"),
    _does("give_to", "Give it to somebody", _text("user", "person"),
          lambda facts, args: [t.AssignUser(user=args["user"])], "give it to %(user)s"),
    _does("route", "Let routing choose", {}, lambda facts, args: [t.AssignByRouting()],
          "let routing choose who works on it"),
    _does("set_priority", "Set the priority",
          _choice("priority", "to", {each: label(each) for each in PRIORITIES}, "high"),
          lambda facts, args: [t.SetPriority(priority=args["priority"])], "make the priority %(priority)s"),
    _does("set_severity", "Set the severity", _number("severity", "to", 1, 4, 3),
          lambda facts, args: [t.SetSeverity(severity=args["severity"])], "set the severity to %(severity)s"),
    _does("set_category", "Categorise", _text("category", "as"), _categorise,
          "categorise what has no category as %(category)s"),
    _does("set_type", "Set the case type", _text("case_type", "to"),
          lambda facts, args: [t.SetType(case_type=args["case_type"])], "make it a case of type %(case_type)s"),
    _does("tag", "Tag it", _text("tag", "as", regex=_CODE), lambda facts, args: [t.AddTag(tag=args["tag"])],
          "tag it %(tag)s"),
    _does("answer_within", "Start a clock",
          {**_text("clock", "called", regex="[a-z0-9][a-z0-9_-]{0,59}"), **_number("amount", "of", 1, 1000, 1),
           **_choice("unit", "in", {"hours": "hours", "days": "days"}, "hours"),
           "business": {"type": "boolean", "default": True, "meta": {"label": "working time only"}}},
          _within, _clock_said),
    _does("start_clock", "Start a service level", _text("policy", "policy"),
          lambda facts, args: [t.StartClock(policy=args["policy"])], "start the clock of the policy %(policy)s"),
    _does("escalate", "Escalate", _text("ladder", "by the ladder"),
          lambda facts, args: [t.Escalate(ladder=args["ladder"])], "escalate it by the ladder %(ladder)s"),
    _does("remind", "Remind", _NOTE, lambda facts, args: [t.Remind(note=args.get("note") or "")],
          "remind whoever has it"),
    _does("tell", "Tell staff", {**_choice("to", "tell", _TO, "owner"), **_NOTE},
          lambda facts, args: [t.Notify(to=args["to"], note=args.get("note") or "")], "tell %(to)s"),
    _does("acknowledge", "Acknowledge", {}, lambda facts, args: [t.Acknowledge()],
          "acknowledge the complaint to the customer"),
    _does("send_template", "Send a message", _text("template", "from the template"),
          lambda facts, args: [t.SendTemplate(template=args["template"])],
          "send the customer the template %(template)s"),
    _does("close", "Close", {}, _close, "close the case if every aspect is decided"),
)  # fmt: skip


class Vocabulary(msgspec.Struct, frozen=True):
    """The words that rules may use now: core's, and those of the plugins that are on."""

    conditions: Mapping[str, Condition]
    actions: Mapping[str, Action]


def vocabulary(conditions: Iterable[Condition] = (), actions: Iterable[Action] = ()) -> Vocabulary:
    """Core's words and these; core's keys have no dot, and nobody takes one over."""
    return Vocabulary(
        {each.key: each for each in (*conditions, *CONDITIONS)}, {each.key: each for each in (*actions, *ACTIONS)}
    )
