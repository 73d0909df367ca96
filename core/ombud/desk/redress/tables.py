"""What is kept of redress beside its lines (core_redress): dated rates, sums with their working, limits, what waits for
a second person, and payments."""

from decimal import Decimal

from piccolo.columns import JSONB, UUID, Date, Integer, Numeric, Text, Timestamptz
from piccolo.table import Table

from ombud.kernel.ids import new_id


class InterestRate(Table, tablename="core_rate"):
    """A yearly rate under a name, such as `Statutory interest`; its values are rows of their own."""

    id = UUID(primary_key=True, default=new_id)
    label = Text(default="")
    note = Text(default="", help_text="what it is for, for whoever reckons")
    created_at = Timestamptz()
    created_by = UUID(default=None, null=True)
    retired_at = Timestamptz(default=None, null=True)
    version = Integer(default=1)


class InterestRateValue(Table, tablename="core_rate_value"):
    """A rate from a day on. Never edited: a wrong one is withdrawn and another recorded, so that a sum made with it can
    be read for ever."""

    id = UUID(primary_key=True, default=new_id)
    rate_id = UUID(default=None)
    valid_from = Date()
    percent = Numeric(digits=(9, 6), default=Decimal(0))
    source = Text(default="", help_text="where it was published")
    recorded_at = Timestamptz()
    recorded_by = UUID(default=None, null=True)
    withdrawn_at = Timestamptz(default=None, null=True)
    withdrawn_by = UUID(default=None, null=True)


class RedressLimit(Table, tablename="core_redress_limit"):
    """How much a role, or one person, may grant in a case of a unit and all below; a newer one ends the one before."""

    id = UUID(primary_key=True, default=new_id)
    unit_id = UUID(default=None)
    role = Text(default="", help_text="key of a role, or empty for a person")
    user_id = UUID(default=None, null=True)
    currency = Text(default="")
    amount = Numeric(digits=(18, 4), default=Decimal(0))
    set_at = Timestamptz()
    set_by = UUID(default=None, null=True)
    ended_at = Timestamptz(default=None, null=True)
    ended_by = UUID(default=None, null=True)


class Calculation(Table, tablename="core_calculation"):
    """A sum with its inputs, the values of rates it was made with, and its working; never edited."""

    id = UUID(primary_key=True, default=new_id)
    case_id = UUID(default=None)
    aspect_id = UUID(default=None)
    inputs = JSONB(default="{}")
    rates = JSONB(default="[]", help_text="the values that were used: id, rate, label, valid_from, percent, source")
    working = JSONB(default="[]")
    exact = Text(default="", help_text="the sum before it was rounded, as decimal text")
    total = Numeric(digits=(18, 4), default=Decimal(0))
    currency = Text(default="")
    created_at = Timestamptz()
    created_by = UUID(default=None, null=True)


class RedressRequest(Table, tablename="core_redress_request"):
    """Redress above the limit of whoever would give it: no line yet, it waits for a second person."""

    id = UUID(primary_key=True, default=new_id)
    case_id = UUID(default=None)
    aspect_id = UUID(default=None)
    kind = Text(default="money")
    amount = Numeric(digits=(18, 4), default=Decimal(0))
    currency = Text(default="")
    note = Text(default="")
    calculation_id = UUID(default=None, null=True)
    state = Text(default="waiting", help_text="waiting, approved, refused, withdrawn")
    requested_by = UUID(default=None, null=True)
    requested_at = Timestamptz()
    decided_by = UUID(default=None, null=True)
    decided_at = Timestamptz(default=None, null=True)
    reason = Text(default="", help_text="why it was refused or withdrawn")
    line_id = UUID(default=None, null=True, help_text="the line it became")
    version = Integer(default=1)


class Payment(Table, tablename="core_payment"):
    """One line of money on its way to a payee. The account is in the vault under the payee's key; `payee_hint` is its
    end, followed by its holder where that is somebody else. Both go when the person is erased."""

    id = UUID(primary_key=True, default=new_id)
    case_id = UUID(default=None)
    aspect_id = UUID(default=None)
    line_id = UUID(default=None)
    amount = Numeric(digits=(18, 4), default=Decimal(0))
    currency = Text(default="")
    way = Text(default="file", help_text="file, webhook, hand")
    state = Text(default="intended", help_text="intended, handing, handed_over, paid, failed, unsure, cancelled")
    key = Text(default="", help_text="what the other side knows it by; the same as long as it may have gone out")
    attempt = Integer(default=1, help_text="counted up only after a certain failure")
    person_id = UUID(default=None, null=True, help_text="the payee")
    payee_vault_id = UUID(default=None, null=True, secret=True, help_text="asked anew after an export")
    payee_hint = Text(default="")
    batch_id = UUID(default=None, null=True)
    sender = UUID(default=None, null=True, help_text="the delivery that hands it over")
    handed_at = Timestamptz(default=None, null=True)
    settled_at = Timestamptz(default=None, null=True)
    value_date = Date(default=None, null=True, help_text="the day it was paid")
    remote = Text(default="", help_text="the other side's own reference")
    detail = Text(default="", help_text="what the other side, or a person, said")
    created_by = UUID(default=None, null=True)
    created_at = Timestamptz()
    changed_at = Timestamptz()
    version = Integer(default=1)


class PaymentBatch(Table, tablename="core_payment_batch"):
    """Payments that leave in one file. `total` and how many `payments` as they were when it was made."""

    id = UUID(primary_key=True, default=new_id)
    unit_id = UUID(default=None)
    currency = Text(default="")
    total = Numeric(digits=(18, 4), default=Decimal(0))
    payments = Integer(default=0)
    state = Text(default="ready", help_text="ready, handed_over, dissolved")
    created_by = UUID(default=None, null=True)
    created_at = Timestamptz()
    downloads = Integer(default=0)
    downloaded_by = UUID(default=None, null=True)
    downloaded_at = Timestamptz(default=None, null=True)
    version = Integer(default=1)
