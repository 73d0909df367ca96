"""The plugin's tables and migrations, as Piccolo wants them named."""

from pathlib import Path

from piccolo.conf.apps import AppConfig

from ombud_letters import tables

APP_CONFIG = AppConfig(
    app_name="letters",
    migrations_folder_path=str(Path(__file__).parent / "migrations"),
    table_classes=[
        tables.LettersBatch, tables.LettersLetter, tables.LettersEnclosure, tables.LettersProof, tables.LettersLogo,
        tables.LettersScan, tables.LettersPage, tables.LettersIncoming,
    ],
)  # fmt: skip
