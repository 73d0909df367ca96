"""What an export of the desk holds, kind by kind, and what it leaves out and why."""

from dataclasses import dataclass

from piccolo.table import Table

from ombud.desk import return_tables as returns
from ombud.desk import tables as desk
from ombud.desk.calendars import tables as calendars
from ombud.desk.casefile import tables as casefile
from ombud.desk.clocks import tables as clocks
from ombud.desk.crm import tables as crm
from ombud.desk.inbox import tables as inbox
from ombud.desk.matters import tables as matters
from ombud.desk.merges import tables as merges
from ombud.desk.notices import tables as notices
from ombud.desk.outgoing import tables as outgoing
from ombud.desk.privacy import tables as privacy
from ombud.desk.redress import tables as redress
from ombud.desk.retention import tables as retention
from ombud.desk.routing import tables as routing
from ombud.desk.rules import tables as rules
from ombud.kernel import tables
from ombud.trust import ledger_tables
from ombud.trust import tables as trust

_SUBJECT = "(SELECT v.subject FROM core_vault v WHERE v.id = t.vault_id) AS subject"


@dataclass(frozen=True)
class Kind:
    """One JSON-lines file: all columns of a table that are no secret. `more`: further SQL columns; `only`: just these
    columns; `where`: a condition."""

    name: str
    table: type[Table]
    more: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    where: str = "TRUE"

    @property
    def tablename(self) -> str:
        return str(self.table._meta.tablename)

    @property
    def columns(self) -> tuple[str, ...]:
        found = tuple(each._meta.db_column_name for each in self.table._meta.columns if not each._meta.secret)
        return self.only or found

    @property
    def names(self) -> tuple[str, ...]:
        """What a line of the file holds, in order."""
        return (*self.columns, *(each.rpartition(" AS ")[2] for each in self.more))

    @property
    def rows_sql(self) -> str:
        shown = ", ".join([*(f't."{column}"' for column in self.columns), *self.more])
        key = self.table._meta.primary_key._meta.db_column_name
        return f'SELECT {shown} FROM {self.tablename} t WHERE {self.where} ORDER BY t."{key}"'

    @property
    def count_sql(self) -> str:
        return f"SELECT count(*) FROM {self.tablename} t WHERE {self.where}"


# In an order in which they can be written back: what others refer to comes first.
KINDS = (
    Kind("units", desk.Unit),
    Kind("roles", trust.Role),
    Kind("users", trust.User),
    Kind("user_roles", trust.UserRole),
    Kind("skills", routing.Skill),
    Kind("staff_profiles", routing.StaffProfile),
    Kind("absences", routing.Absence),
    Kind("case_types", desk.CaseType),
    Kind("queues", desk.Queue),
    Kind("taxonomy_terms", desk.TaxonomyTerm),
    Kind("plugins", tables.Plugin),
    Kind("settings", tables.Setting),
    Kind("people", desk.Person),
    Kind("cases", desk.Case),
    Kind("calendars", calendars.WorkCalendar),
    Kind("calendar_versions", calendars.CalendarVersion),
    Kind("clock_policies", clocks.ClockPolicy),
    Kind("parties", desk.Party),
    Kind("aspects", desk.Aspect),
    Kind("clocks", clocks.Clock),
    Kind("rates", redress.InterestRate),
    Kind("rate_values", redress.InterestRateValue),
    Kind("redress_limits", redress.RedressLimit),
    Kind("calculations", redress.Calculation),
    Kind("redress", desk.Redress),
    Kind("redress_requests", redress.RedressRequest),
    Kind("payment_batches", redress.PaymentBatch),
    Kind("payments", redress.Payment),
    Kind("ladders", routing.Ladder),
    Kind("ladder_versions", routing.LadderVersion),
    Kind("escalations", routing.Escalation),
    Kind("receipts", desk.Raw, more=(_SUBJECT,)),
    Kind("receipt_steps", desk.IntakeStep),
    Kind("messages", desk.Message),
    Kind("thread_ids", inbox.ThreadId),
    Kind("rules", rules.RuleHead),
    Kind("rule_versions", rules.RuleVersion),
    Kind("message_templates", outgoing.MessageTemplate),
    Kind("macros", outgoing.Macro),
    Kind("outgoing", outgoing.Outgoing),
    Kind("notices", notices.Notice),
    Kind("notice_choices", notices.NoticeChoice),
    Kind("notice_digests", notices.NoticeDigest),
    Kind("contact_choices", notices.ContactChoice),
    Kind("merges", merges.Merge),
    Kind("merge_rows", merges.MergeRow),
    Kind("shared_messages", merges.SharedMessage),
    Kind("thread_answers", inbox.ThreadAnswer),
    Kind("message_copies", inbox.MessageCopy),
    Kind("triage", inbox.Triage),
    Kind("triage_samples", inbox.TriageSample),
    Kind("triage_reviews", inbox.TriageReview),
    Kind("message_aspects", desk.MessageAspect),
    Kind("attachments", desk.Attachment, more=(_SUBJECT,)),
    Kind("findings", desk.Finding),
    Kind("privileged", casefile.Privileged),
    Kind("evidence", matters.Evidence),
    Kind("tasks", matters.Task),
    Kind("protocols", matters.Protocol),
    Kind("protocol_versions", matters.ProtocolVersion),
    Kind("protocols_kept", matters.ProtocolKept),
    Kind("steps", matters.Step),
    Kind("pins", matters.Pin),
    Kind("aspect_links", matters.AspectLink),
    Kind("aspect_pasts", matters.AspectPast),
    Kind("support_needs", desk.SupportNeeds),
    Kind("links", trust.Link),
    Kind("crm_answers", crm.CrmSnapshot),
    Kind("crm_choices", crm.CrmLink),
    Kind("crm_records", crm.CrmRecord),
    Kind("drafts", desk.Draft),
    Kind("views", desk.View),
    Kind("returns", returns.ReturnHead),
    Kind("return_figures", returns.ReturnFigure),
    Kind("return_cases", returns.ReturnCaseKept),
    Kind("demo_items", desk.DemoItem),
    Kind("privacy_requests", privacy.PrivacyRequest),
    Kind("privacy_terms", privacy.PrivacyTerm),
    Kind("privacy_holds", privacy.PrivacyHold),
    Kind("privacy_marks", privacy.PrivacyMark),
    Kind("retention_rules", retention.RetentionRule),
    Kind("retention_runs", retention.RetentionRun, where="t.state = 'done'"),
    Kind(
        "retention_items",
        retention.RetentionItem,
        where="t.run_id IN (SELECT r.id FROM core_retention_run r WHERE r.state = 'done')",
    ),
    Kind("privacy_erasures", privacy.PrivacyErasure),
    Kind("privacy_told", privacy.PrivacyTold),
    Kind("privacy_corrections", privacy.PrivacyCorrection),
    Kind("privacy_signals", privacy.PrivacySignal),
    Kind("sealed_subjects", ledger_tables.SealedValue, only=("stream", "seq", "field", "subject")),
    Kind("erased_subjects", ledger_tables.Key, only=("subject", "destroyed_at"), where="t.destroyed_at IS NOT NULL"),
)

IN_LEDGER = "the files under ledger/ hold it"
LEFT_OUT = {
    "core_ledger_entry": IN_LEDGER,
    "core_stream": IN_LEDGER,
    "core_checkpoint": IN_LEDGER,
    "core_checkpoint_entry": IN_LEDGER,
    "core_ledger_reach": "found anew from the ledger",
    "core_known_permission": "met anew by the other desk",
    "core_settled": "counts the changes of this desk's rights and settings",
    "core_master": "the key of this server that wraps what is new",
    "core_vault": "the files under attachments/ and raw/ hold it in clear",
    "core_case_file": "ZIP files made from what the other kinds hold; the ledger holds the hash of each manifest",
    "core_queue_count": "counted anew from the cases",
    "core_setting_secret": "secrets of settings are never exported; type them again in the other desk",
    "core_draft_file": "files in boxes whose message is not sent; put them in again",
    "core_viewing": "who looked at what is for compliance alone, and belongs to this desk; it has a file of its own",
    "core_emergency": "hours of access on this desk; the ledger holds each with its reason and its review",
    "core_presence": "who looks at what in this half minute; kept nowhere",
    "core_given": "shares of the last two weeks; they begin anew",
    "core_claim": "who works on what in these ten minutes",
    "core_session": "nobody stays signed in",
    "core_token": "API tokens are secrets; make new ones",
    "core_second_factor": "secrets of authenticator apps; set them up anew",
    "core_recovery_code": "secrets; they belong to the authenticator apps",
    "core_reset": "links that set a password hold for a day, on this desk alone",
    "core_throttle": "counts of the last hours",
    "core_bulk": "what can be taken back for a day; the ledger holds what was changed",
    "core_bulk_row": "what can be taken back for a day; the ledger holds what was changed",
    "core_delivery": "background work of this server",
    "core_worker": "processes of this server",
    "core_fired": "the schedule of this server",
    "core_planned": "the schedule of this server",
    "core_fault": "faults on this server",
    "core_rest": "plugins that rest on this server",
    "core_rule_timer": "found anew from the cases by the rules in force",
    "core_rule_replay": "what drafts would have done in this desk's last months; run them again",
    "core_privacy_collection": "copies of what the other kinds hold; collect again in the other desk",
    "core_restoration": "this database was put back; the other desk is a new one",
    "core_privacy_file": "documents that came with requests; each request says what was seen of them",
    "core_search_a": "made anew from cases, messages and people",
    "core_search_b": "made anew from cases, messages and people",
    "core_search_due": "made anew from cases, messages and people",
    "core_search_state": "the search index of this server",
}
