"""Where core itself keeps something of people: one declaration, by which it is collected, shown in the preview and
erased. A test asks that every table of core's stands here or has a reason not to.

`$1` is the person's records, `$2` the cases that go with them. A case goes with its complainants: where another one is
not erased, the case stays theirs, and only what is this person's own goes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from ombud.kernel.lifecycle import running
from ombud.speech import word

CASES = "SELECT unnest($2::uuid[])"
MESSAGES = (
    "SELECT m.id FROM core_message m WHERE m.case_id = ANY($2) OR (m.person_id = ANY($1) AND m.direction <> 'note' "
    "AND (m.case_id IS NULL OR NOT m.case_id = ANY($3)))"
)
RAWS = (
    f"SELECT r.id FROM core_raw r WHERE r.case_id = ANY($2) OR r.message_id IN ({MESSAGES}) "
    f"OR r.id IN (SELECT m.raw_id FROM core_message m WHERE m.id IN ({MESSAGES}))"
)
ASPECTS = "SELECT a.id FROM core_aspect a WHERE a.case_id = ANY($2)"
ERASED = "'Erased'"


@dataclass(frozen=True)
class Holding:
    """One table. `where`: SQL that is true for the person's rows of `t`; `blank`: personal columns with what takes
    their place, as SQL; empty: the row is deleted. `shown`: further columns that are handed out with them. `cases`:
    whether the rows are those of the cases alone. `$3`: cases of the person that are kept."""

    table: str
    label: str
    where: str
    blank: dict[str, str] = field(default_factory=dict)
    shown: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()


def _of(column: str, ids: str) -> str:
    return f"t.{column} IN ({ids})"


_TEXT = "''"
HOLDINGS = (
    Holding("core_triage_review", "reviews of decisions",
            f"t.triage_id IN (SELECT x.id FROM core_triage x WHERE x.message_id IN ({MESSAGES}))", {"words": _TEXT}),
    Holding("core_triage", "decisions about messages", _of("message_id", MESSAGES), {"words": _TEXT},
            ("decision", "reason", "at")),
    Holding("core_thread_id", "ids of messages", _of("message_id", MESSAGES)),
    Holding("core_thread_answer", "ids of answered messages", _of("message_id", MESSAGES)),
    Holding("core_message_copy", "copies of messages", _of("message_id", MESSAGES), {"account": _TEXT}),
    Holding("core_intake_step", "steps of receipts", _of("raw_id", RAWS), {"error": _TEXT}),
    Holding("core_finding", "proposals", f"({_of('message_id', MESSAGES)} OR t.case_id = ANY($2))",
            {"value": "'{}'", "reason": _TEXT}, ("kind", "provider", "state", "created_at")),
    Holding("core_outgoing", "how messages left",
            f"({_of('id', MESSAGES)} OR t.case_id = ANY($2) OR (t.person_id = ANY($1) "
            "AND (t.case_id IS NULL OR NOT t.case_id = ANY($3))))",
            {"recipient": "'{}'", "thread_id": _TEXT, "answers": "'[]'", "detail": _TEXT, "remote_id": _TEXT,
             "delivery_text": _TEXT, "documents": "'[]'", "trouble": _TEXT, "let_pass": "'[]'",
             "let_pass_why": _TEXT},
            ("channel", "kind", "state", "sent_at")),
    Holding("core_evidence", "evidence", _of("aspect_id", ASPECTS),
            {"what": _TEXT, "need": _TEXT, "asked_of": _TEXT, "why_not": _TEXT, "relied_for": _TEXT, "sha256": _TEXT},
            ("state", "due_on", "received_at")),
    Holding("core_case_file", "files made of their cases",  # their bytes go with the rows
            "(t.case_id = ANY($2) OR (NOT t.case_id = ANY($3) AND t.case_id IN ("
            "SELECT y.case_id FROM core_party y WHERE y.person_id = ANY($1))))"),
    Holding("core_privileged", "marks of legal privilege", "t.case_id = ANY($2)", {"reason": ERASED}),
    Holding("core_task", "promises and tasks", _of("aspect_id", ASPECTS), {"what": ERASED, "dropped_why": _TEXT},
            ("due_on", "done_at")),
    Holding("core_step", "steps of protocols", _of("aspect_id", ASPECTS), {"note": _TEXT}, ("step", "at")),
    Holding("core_redress_request", "requests for redress", "t.case_id = ANY($2)", {"note": _TEXT, "reason": _TEXT},
            ("kind", "amount", "currency", "state")),
    Holding("core_redress", "redress", "t.case_id = ANY($2)", {"note": _TEXT},
            ("kind", "amount", "currency", "created_at")),
    Holding("core_payment", "payments",
            "(t.case_id = ANY($2) OR (t.person_id = ANY($1) AND NOT t.case_id = ANY($3)))",
            {"payee_hint": _TEXT, "remote": _TEXT, "detail": _TEXT},
            ("amount", "currency", "way", "state", "value_date")),
    Holding("core_support_needs", "support needs",
            "(t.case_id = ANY($2) OR (t.person_id = ANY($1) AND NOT t.case_id = ANY($3)))",
            {"adjustments": _TEXT, "lawful_basis": _TEXT},
            ("in_vulnerable_circumstances", "complains_of_our_response", "confirmed_at")),
    Holding("core_attachment", "files", f"({_of('message_id', MESSAGES)} OR t.case_id = ANY($2))",
            {"name": ERASED, "sha256": _TEXT}, ("content_type", "size", "created_at")),
    Holding("core_crm_snapshot", "answers of customer systems", "t.person_id = ANY($1)",
            shown=("answer", "fetched_at")),
    Holding("core_crm_link", "who they are in customer systems", "t.person_id = ANY($1)", shown=("record", "match")),
    Holding("core_crm_record", "what customer systems were told", "t.case_id = ANY($2)",
            {"record": _TEXT, "href": _TEXT}, ("crm", "closed_at")),
    Holding("core_contact_choice", "choices about news", "t.person_id = ANY($1)", shown=("kind", "wanted", "at")),
    Holding("core_draft_file", "files of unsent texts",
            "t.draft_id IN (SELECT x.id FROM core_draft x WHERE x.case_id = ANY($2))", shown=("name", "created_at")),
    Holding("core_draft", "unsent texts", "t.case_id = ANY($2)", shown=("body", "updated_at")),
    Holding("core_bulk_row", "changes that can be taken back", "t.case_id = ANY($2)",
            {"before": "'{}'", "after": "'{}'", "reason": _TEXT}),
    Holding("core_merge", "merges", "(t.from_case = ANY($2) AND t.into_case = ANY($2))", {"before": "'{}'"}),
    Holding("core_emergency", "emergency access to their cases", "t.case_id = ANY($2)",
            {"reason": ERASED, "words": _TEXT}),
    Holding("core_link", "links to follow a case", "t.person_id = ANY($1) AND NOT t.case_id = ANY($3)",
            shown=("created_at", "expires_at")),
    Holding("core_raw", "what came in, byte for byte", _of("id", RAWS),
            {"key": "'erased/' || t.id", "fingerprint": _TEXT, "principal": _TEXT, "reason": _TEXT},
            ("channel", "content_type", "received_at")),
    Holding("core_aspect", "matters", "t.case_id = ANY($2)",  # one that was decided has a reason
            {"title": ERASED, "text": _TEXT, "reason": "CASE WHEN t.reason = '' THEN '' ELSE 'Erased' END"},
            ("category", "status", "outcome", "decided_at")),
    Holding("core_message", "messages", _of("id", MESSAGES),
            {"subject": _TEXT, "body": _TEXT, "sender_name": _TEXT, "sender_address": _TEXT, "quoted": _TEXT,
             "html": _TEXT, "marks": "'[]'", "matched_with": _TEXT, "account": _TEXT, "key": _TEXT,
             "decision_reason": _TEXT, "robot_reason": _TEXT, "possible_reason": _TEXT},
            ("channel", "direction", "said_at")),
    Holding("core_party", "roles in cases", "t.person_id = ANY($1) AND NOT t.case_id = ANY($3)", {"authority": _TEXT},
            ("role", "authority_until", "created_at")),
    Holding("core_case", "cases", "t.id = ANY($2)", {"title": ERASED, "fields": "'{}'"},
            ("reference", "case_type", "status", "channel", "received_at", "closed_at")),
    Holding("core_privacy_collection", "what was collected for requests",
            "t.request_id IN (SELECT q.id FROM core_privacy_request q WHERE q.person_id = ANY($1))",
            {"state": "'gone'", "sources": "'[]'", "sha256": _TEXT}, ("asked_at", "size")),
    Holding("core_privacy_file", "documents that came with requests",
            "t.request_id IN (SELECT q.id FROM core_privacy_request q WHERE q.person_id = ANY($1))",
            shown=("kind", "name", "created_at")),
    Holding("core_privacy_correction", "details that were corrected", "t.person_id = ANY($1)",
            shown=("changes", "at")),
    Holding("core_privacy_told", "who was told of requests",
            "t.request_id IN (SELECT q.id FROM core_privacy_request q WHERE q.person_id = ANY($1))",
            {"who": _TEXT, "how": _TEXT}, ("kind", "state", "told_at")),
    Holding("core_privacy_signal", "signals of their browser", "t.person_id = ANY($1)", {"browser": _TEXT},
            ("signal", "laws", "at")),
    Holding("core_privacy_request", "requests about their data", "t.person_id = ANY($1)",
            {"words": _TEXT, "identity_how": _TEXT, "agent_name": _TEXT, "agent_authority": _TEXT,
             "grounds_words": _TEXT, "answer": _TEXT, "key": _TEXT, "review": _TEXT,
             "extended_because": "CASE WHEN t.extended_because = '' THEN '' ELSE 'erased' END",
             "name": "CASE WHEN t.state = 'open' THEN t.name ELSE '' END",
             "contact": "CASE WHEN t.state = 'open' THEN t.contact ELSE '' END"},
            ("reference", "law", "kind", "received_at", "state", "outcome")),
    Holding("core_privacy_mark", "what requests left with them", "t.person_id = ANY($1)",
            shown=("kind", "since", "ended_at", "ended_because")),
    Holding("core_person", "who they are", "t.id = ANY($1)",
            {"name": ERASED, "email": _TEXT, "phone": _TEXT, "postcode": _TEXT, "address": _TEXT, "language": _TEXT},
            ("kind", "created_at")),
)  # fmt: skip

# Tables without personal values, or with those of staff alone, or whose rows go by themselves: and why.
_SET_UP, _STAFF = "how the desk is set up", "staff"
NOT_OF_PEOPLE = {
    "core_return": "sums and codes of the firm",
    "core_return_case": "codes and ids",
    "core_return_figure": "sums, codes and ids",
    "core_unit": "the firm",
    "core_role": _STAFF,
    "core_user": _STAFF,
    "core_user_role": _STAFF,
    "core_skill": _STAFF,
    "core_staff_profile": _STAFF,
    "core_absence": _STAFF,
    "core_case_type": _SET_UP,
    "core_queue": _SET_UP,
    "core_taxonomy_term": _SET_UP,
    "core_plugin": _SET_UP,
    "core_setting": _SET_UP,
    "core_calendar": _SET_UP,
    "core_calendar_version": _SET_UP,
    "core_clock_policy": _SET_UP,
    "core_clock": "codes and times",
    "core_rate": _SET_UP,
    "core_rate_value": _SET_UP,
    "core_redress_limit": _SET_UP,
    "core_calculation": "amounts and dates",
    "core_payment_batch": "sums",
    "core_ladder": _SET_UP,
    "core_ladder_version": _SET_UP,
    "core_escalation": "codes and times",
    "core_rule": _SET_UP,
    "core_rule_version": _SET_UP,
    "core_message_template": _SET_UP,
    "core_macro": _SET_UP,
    "core_notice": "codes and ids",
    "core_notice_choice": _STAFF,
    "core_notice_digest": _STAFF,
    "core_merge_row": "ids",
    "core_shared_message": "ids",
    "core_triage_sample": "numbers and filters",
    "core_message_aspect": "ids",
    "core_protocol": _SET_UP,
    "core_protocol_version": _SET_UP,
    "core_protocol_kept": "ids",
    "core_pin": "ids and places",
    "core_aspect_link": "ids",
    "core_aspect_past": "ids",
    "core_view": _STAFF,
    "core_demo_item": "ids",
    "core_sealed": "gone with the person's key",
    "core_key": "destroyed with the person",
    "core_vault": "gone with the person's key, or deleted with its row",
    "core_ledger_entry": "codes, and commitments to what was sealed",
    "core_stream": "hashes",
    "core_checkpoint": "hashes",
    "core_checkpoint_entry": "hashes",
    "core_ledger_reach": "numbers",
    "core_known_permission": _SET_UP,
    "core_settled": "numbers",
    "core_master": "keys",
    "core_queue_count": "numbers",
    "core_setting_secret": _SET_UP,
    "core_presence": _STAFF,
    "core_viewing": "staff and ids, kept for some months",
    "core_given": "staff and ids",
    "core_claim": "staff and ids",
    "core_session": _STAFF,
    "core_token": _STAFF,
    "core_second_factor": _STAFF,
    "core_recovery_code": _STAFF,
    "core_reset": _STAFF,
    "core_throttle": "counts by digest, for an hour",
    "core_bulk": "scrubbed by what it says, see destroying.py",
    "core_delivery": "scrubbed by what it says, see destroying.py",
    "core_worker": "processes",
    "core_fired": "the schedule",
    "core_planned": "the schedule",
    "core_fault": "no free words stand in faults",
    "core_rest": "plugins",
    "core_rule_timer": "codes and ids",
    "core_rule_replay": "codes and ids",
    "core_search_a": "made anew without them",
    "core_search_b": "made anew without them",
    "core_search_due": "ids",
    "core_search_state": "numbers",
    "core_privacy_term": "laws",
    "core_retention_rule": _SET_UP,
    "core_retention_run": "ids, counts and codes: the proof",
    "core_retention_item": "ids, counts and codes: the proof",
    "core_restoration": "ids, times and counts",
    "core_privacy_hold": "staff's words about proceedings; lifted before anybody is erased",
    "core_privacy_erasure": "ids, counts and codes: the proof",
}


@cache
def _labels() -> Mapping[str, str]:
    return {each.table: each.label for each in HOLDINGS}


def table_words(table: str) -> str:
    """What a table keeps, in words: core's own by its label, a plugin's by the plugin's name; else empty."""
    if found := _labels().get(table):
        return found
    for slug, loaded in running.loaded.items():
        if table.startswith(f"{slug.replace('-', '_')}_"):
            return word(loaded.manifest.name)
    return ""
