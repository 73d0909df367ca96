from pathlib import Path

from piccolo.conf.apps import AppConfig

from ombud_dummy.tables import Note

APP_CONFIG = AppConfig(
    app_name="dummy", migrations_folder_path=str(Path(__file__).parent / "migrations"), table_classes=[Note]
)
