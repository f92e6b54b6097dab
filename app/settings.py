"""Settings: from the environment, with defaults. One object, made once, passed on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from model.errors import UsageError

_DEFAULT_UPLOAD_GB = 4.0
Auth = Literal["auto", "on", "off"]


@dataclass(frozen=True)
class Settings:
    """`data_dir` holds everything Cuepoint writes, but for the model pack's cache."""

    data_dir: Path
    profile: str | None = None
    max_upload_bytes: int = int(_DEFAULT_UPLOAD_GB * 2**30)
    max_library_bytes: int | None = None  # of all videos together as they were added; None: as much as the disk holds
    workers: int = 1  # processes that index
    auth: Auth = "auto"  # ask for a password: where others can reach the server, always, never
    password: str | None = None  # given by the environment; otherwise one is made at first start
    allowed_hosts: tuple[str, ...] = ()  # names under which the server is reached, beside those it knows itself
    frame_ancestors: tuple[str, ...] = ()  # origins whose pages may show ours in a frame

    @classmethod
    def from_environment(cls, data_dir: Path | None = None, profile: str | None = None) -> Settings:
        """Arguments win over the environment (CUEPOINT_HOME, _PROFILE, ...), which wins over the defaults.

        Raises UsageError for a value that makes no sense.
        """
        chosen = data_dir or Path(os.environ.get("CUEPOINT_HOME") or Path.home() / ".local" / "share" / "cuepoint")
        library_gb = _number("CUEPOINT_MAX_LIBRARY_GB", 0.0)
        return cls(
            data_dir=chosen.expanduser().absolute(),
            profile=profile or os.environ.get("CUEPOINT_PROFILE"),
            max_upload_bytes=int(_number("CUEPOINT_MAX_UPLOAD_GB", _DEFAULT_UPLOAD_GB) * 2**30),
            max_library_bytes=int(library_gb * 2**30) if library_gb > 0 else None,
            workers=max(1, int(_number("CUEPOINT_WORKERS", 1))),
            auth=_auth(),
            password=os.environ.get("CUEPOINT_PASSWORD") or None,
            allowed_hosts=_listed("CUEPOINT_ALLOWED_HOSTS"),
            frame_ancestors=_listed("CUEPOINT_FRAME_ANCESTORS"),
        )


def _number(name: str, default: float) -> float:
    value = os.environ.get(name, str(default))
    try:
        return float(value)
    except ValueError:
        raise UsageError(f"{name} is {value!r}; give a number, for instance {default:g}.") from None


def _auth() -> Auth:
    value = os.environ.get("CUEPOINT_AUTH", "").strip().lower() or "auto"
    if value not in get_args(Auth):
        raise UsageError(f"CUEPOINT_AUTH is {value!r}; give auto, on or off.")
    return cast(Auth, value)


def _listed(name: str) -> tuple[str, ...]:
    """What a variable lists, separated by commas or spaces."""
    return tuple(os.environ.get(name, "").replace(",", " ").split())
