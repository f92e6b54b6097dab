"""Where text comes in: what cannot be written as UTF-8 is refused there, before it reaches the database or a page."""

from __future__ import annotations

from model.errors import UsageError


def well_formed(text: str, what: str) -> str:
    """The text as it is. Raises UsageError, with `what` as its subject, if half of a character stands alone in it.

    JSON may hold such halves ("\\ud800"), and so do names of files that are not UTF-8.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{what} has a broken character in it; write it again without that.") from None
    return text
