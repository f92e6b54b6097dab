"""Users' passwords and who is logged in, in the library's database. For now there is one user, who owns everything.

Passwords are kept as Argon2id hashes, logins as SHA-256 of their random token: the database tells neither.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from model.errors import UsageError
from retrieval.store.library import LOCAL_OWNER, Library

LOGIN_S = 30 * 24 * 3600  # a login is good for 30 days
LEAST_CHARS = 8
MOST_CHARS = 1000  # hashing takes longer for longer ones
_MADE_BYTES = 12  # of a password that is made: 96 random bits in 16 characters
_hasher = PasswordHasher()
_one_at_a_time = threading.Lock()  # a hash takes 64 MiB: a flood of logins must not fill the memory


class Accounts:
    """Passwords and logins of the library's users."""

    def __init__(self, library: Library) -> None:
        self.db = library.db

    def has_password(self, user: str = LOCAL_OWNER) -> bool:
        return self.hash_of(user) is not None

    def set_password(self, password: str, user: str = LOCAL_OWNER) -> None:
        """Also ends all logins of the user. Raises UsageError for a password that is too short or too long."""
        if not LEAST_CHARS <= len(password) <= MOST_CHARS:
            raise UsageError(f"A password has {LEAST_CHARS} to {MOST_CHARS} characters; this one has {len(password)}.")
        with _one_at_a_time:
            hashed = _hasher.hash(password)
        with self.db.transaction() as db:
            db.execute("UPDATE users SET password_hash = ? WHERE id = ?", (hashed, user))
            db.execute("DELETE FROM logins WHERE user_id = ?", (user,))

    def make_password(self, user: str = LOCAL_OWNER) -> str:
        """Set a random password and give it back: it is known nowhere else."""
        password = secrets.token_urlsafe(_MADE_BYTES)
        self.set_password(password, user)
        return password

    def is_right(self, password: str, user: str = LOCAL_OWNER) -> bool:
        """Takes about 50 ms, right or wrong."""
        hashed = self.hash_of(user)
        if hashed is None or len(password) > MOST_CHARS:
            return False
        try:
            with _one_at_a_time:
                return _hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False

    def log_in(self, user: str = LOCAL_OWNER) -> str:
        """The token of a new login."""
        token = secrets.token_urlsafe(32)
        now = time.time()
        with self.db.transaction() as db:
            db.execute("DELETE FROM logins WHERE expires_at < ?", (now,))
            db.execute("INSERT INTO logins VALUES (?, ?, ?, ?)", (_digest(token), user, now, now + LOGIN_S))
        return token

    def user_of(self, token: str) -> str | None:
        """Whose login this is; None if it is none, or over."""
        row = self.db.row(
            "SELECT user_id FROM logins WHERE token_hash = ? AND expires_at > ?", (_digest(token), time.time())
        )
        return str(row["user_id"]) if row else None

    def log_out(self, token: str) -> None:
        with self.db.transaction() as db:
            db.execute("DELETE FROM logins WHERE token_hash = ?", (_digest(token),))

    def hash_of(self, user: str = LOCAL_OWNER) -> str | None:
        """The hash of the password, if there is one: it changes whenever the password is set."""
        row = self.db.row("SELECT password_hash FROM users WHERE id = ?", (user,))
        return row["password_hash"] if row else None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
