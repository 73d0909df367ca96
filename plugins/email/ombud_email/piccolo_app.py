"""The plugin's tables and migrations, as Piccolo wants them named."""

from pathlib import Path

from piccolo.conf.apps import AppConfig

from ombud_email.tables import EmailMailbox, EmailPosition, EmailSent, EmailToken

APP_CONFIG = AppConfig(
    app_name="email",
    migrations_folder_path=str(Path(__file__).parent / "migrations"),
    table_classes=[EmailMailbox, EmailPosition, EmailSent, EmailToken],
)
