"""What the plugin keeps of the market: no firm's name, no person's data."""

from piccolo.columns import JSONB, UUID, BigInt, Date, Numeric, Text, Timestamptz
from piccolo.table import Table


class FcaMarket(Table, tablename="fca_market"):
    """One product group in one half year, from one workbook of the FCA."""

    id = UUID(primary_key=True)
    first = Date(help_text="of the half year most firms report for")
    last = Date()
    product_group = Text(default="")
    opened = BigInt(default=0)
    closed = BigInt(default=0, help_text="by the firms whose share upheld is known")
    upheld = Numeric(digits=(5, 2), default=None, null=True, help_text="per cent of what these closed")
    shares = JSONB(default="[]", help_text="of each firm, per cent, as text; the smallest first")
    file_name = Text(default="")
    loaded_by = Text(default="")
    loaded_at = Timestamptz()
