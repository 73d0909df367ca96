"""Its tables, as Piccolo wants them."""

from pathlib import Path

from piccolo.conf.apps import AppConfig

from ombud_phone.tables import PhoneCall, PhoneHook, PhoneRecording

APP_CONFIG = AppConfig(
    app_name="phone",
    migrations_folder_path=str(Path(__file__).parent / "migrations"),
    table_classes=[PhoneCall, PhoneHook, PhoneRecording],
)
