"""Its tables, as Piccolo wants them."""

from pathlib import Path

from piccolo.conf.apps import AppConfig

from ombud_keepsake.tables import Heard, Note

APP_CONFIG = AppConfig(
    app_name="keepsake", migrations_folder_path=str(Path(__file__).parent / "migrations"), table_classes=[Note, Heard]
)
