"""One small family of errors. Each message is a sentence a person can act on; `exit_code` is the command line's."""

from __future__ import annotations


class CuepointError(Exception):
    """Something went wrong that the user can be told about in one sentence."""

    exit_code = 1


class UsageError(CuepointError):
    """The request itself does not make sense: an empty question, an unknown video, contradictory options."""

    exit_code = 2


class UnreadableMedia(CuepointError):
    """An input file could not be read; the message names the file and the reason."""

    exit_code = 3


class PackError(CuepointError):
    """A model file is missing, cannot be fetched, or does not have the bytes that were pinned."""


class CheckpointError(CuepointError):
    """A model's own files do not fit: the message names the file, what was expected and what was found."""

    exit_code = 3


class ServerError(CuepointError):
    """The model server is down, refuses, or broke off: the message names its host, never a key."""


class Cancelled(CuepointError):
    """The user stopped this piece of work."""
