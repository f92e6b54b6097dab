"""Settings: from the environment, with defaults. One object, made once, passed on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from model.errors import UsageError

_DEFAULT_UPLOAD_GB = 4.0


@dataclass(frozen=True)
class Settings:
    """`data_dir` holds everything Cuepoint writes, but for the model pack's cache."""

    data_dir: Path
    profile: str | None = None
    max_upload_bytes: int = int(_DEFAULT_UPLOAD_GB * 2**30)

    @classmethod
    def from_environment(cls, data_dir: Path | None = None, profile: str | None = None) -> Settings:
        """Arguments win over CUEPOINT_HOME, CUEPOINT_PROFILE and CUEPOINT_MAX_UPLOAD_GB, which win over the defaults.

        Raises UsageError for a value that is no number.
        """
        chosen = data_dir or Path(os.environ.get("CUEPOINT_HOME") or Path.home() / ".local" / "share" / "cuepoint")
        limit = os.environ.get("CUEPOINT_MAX_UPLOAD_GB", str(_DEFAULT_UPLOAD_GB))
        try:
            max_bytes = int(float(limit) * 2**30)
        except ValueError:
            raise UsageError(f"CUEPOINT_MAX_UPLOAD_GB is {limit!r}; give a number of gigabytes, for instance 4.") from None
        return cls(chosen.expanduser().absolute(), profile or os.environ.get("CUEPOINT_PROFILE"), max_bytes)
