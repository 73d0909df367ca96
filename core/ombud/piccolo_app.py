"""Core as a Piccolo app: every floor's tables, and the folder of core's own migrations."""

from pathlib import Path

from piccolo.conf.apps import AppConfig, table_finder

APP_CONFIG = AppConfig(
    app_name="core",
    migrations_folder_path=str(Path(__file__).parent / "migrations"),
    table_classes=table_finder(
        [
            "ombud.kernel.tables",
            "ombud.kernel.job_tables",
            "ombud.trust.tables",
            "ombud.trust.ledger_tables",
            "ombud.desk.tables",
            "ombud.desk.backup.tables",
            "ombud.desk.calendars.tables",
            "ombud.desk.casefile.tables",
            "ombud.desk.clocks.tables",
            "ombud.desk.inbox.tables",
            "ombud.desk.matters.tables",
            "ombud.desk.merges.tables",
            "ombud.desk.notices.tables",
            "ombud.desk.rules.tables",
            "ombud.desk.return_tables",
            "ombud.desk.search.tables",
            "ombud.desk.crm.tables",
            "ombud.desk.outgoing.tables",
            "ombud.desk.privacy.tables",
            "ombud.desk.retention.tables",
            "ombud.desk.routing.tables",
            "ombud.desk.redress.tables",
        ]
    ),
)
