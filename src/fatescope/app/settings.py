"""What a user may say about the app."""

from __future__ import annotations

from pathlib import Path

from pydantic import field_validator

from fatescope.base.execution import parse_bytes
from fatescope.base.settings import Settings, setting


class AppSettings(Settings):
    """Where the app listens and keeps its files; it changes no result."""

    port: int = setting(8477, "port on this machine; 0 takes a free one", ge=0, le=65_535)
    folder: Path = setting(Path("fatescope-app"), "folder for files that are dropped, and results")
    browser: bool = setting(True, "open the page in the browser")
    largest_file: str = setting("50GB", 'largest file that is taken, such as "2GB"')
    largest_sum: str = setting("500GB", "the same of all files of one person")

    @field_validator("largest_file", "largest_sum")
    @classmethod
    def _is_a_size(cls, value: str) -> str:
        parse_bytes(value)
        return value

    @property
    def file_bytes(self) -> int:
        """The largest file in bytes."""
        return parse_bytes(self.largest_file)

    @property
    def sum_bytes(self) -> int:
        """All files of one person in bytes."""
        return parse_bytes(self.largest_sum)
