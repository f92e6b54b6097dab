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
    workers: int = 1  # processes that index

    @classmethod
    def from_environment(cls, data_dir: Path | None = None, profile: str | None = None) -> Settings:
        """Arguments win over CUEPOINT_HOME, _PROFILE, _MAX_UPLOAD_GB and _WORKERS, which win over the defaults.

        Raises UsageError for a value that is no number.
        """
        chosen = data_dir or Path(os.environ.get("CUEPOINT_HOME") or Path.home() / ".local" / "share" / "cuepoint")
        gigabytes = _number("CUEPOINT_MAX_UPLOAD_GB", _DEFAULT_UPLOAD_GB)
        workers = max(1, int(_number("CUEPOINT_WORKERS", 1)))
        folder = chosen.expanduser().absolute()
        return cls(folder, profile or os.environ.get("CUEPOINT_PROFILE"), int(gigabytes * 2**30), workers)


def _number(name: str, default: float) -> float:
    value = os.environ.get(name, str(default))
    try:
        return float(value)
    except ValueError:
        raise UsageError(f"{name} is {value!r}; give a number, for instance {default:g}.") from None
