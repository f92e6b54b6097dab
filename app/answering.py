"""The answers that are being made: they belong to their chats, not to the pages that look on.

Each chat has one answer at a time; further questions wait in their order. A page that is reloaded, closed or cut off
changes nothing: the answer goes on, is kept in its chat, and whoever opens the chat sees it grow.
"""

from __future__ import annotations

import contextlib
import contextvars
import logging
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.i18n import Language
from model.errors import CuepointError, UsageError
from retrieval.ask.answer import Answer
from retrieval.ask.translated import told
from retrieval.store.records import Message

if TYPE_CHECKING:
    from app.engine import Engine

logger = logging.getLogger(__name__)
_LOOK_S = 1.0  # a listener looks up at least so often: whoever reads it may be gone


@dataclass(frozen=True)
class Turn:
    """A question of a chat. `instead`: where it stands there, if its answer is to be replaced.

    `history`: what was said before it, where the question is written down already; None: it is to be added.
    """

    chat_id: str
    question: str
    video_ids: Sequence[str]
    language: Language
    history: Sequence[Message] | None = None
    instead: int | None = None


@dataclass(frozen=True)
class Growing:
    """An answer as it stands. `answer` is `Answer.as_json()` with the "marked" text, empty before anything was found.

    `waiting`: the questions that come after it; `version` changes with everything else here.
    """

    question: str
    history: Sequence[Message]
    answer: dict[str, Any]
    waiting: tuple[str, ...]
    version: int


@dataclass
class _Line:
    """The questions of one chat: the one that is being answered, and those that wait."""

    turn: Turn
    history: Sequence[Message] | None = None  # None: it is being written down
    answer: dict[str, Any] = field(default_factory=dict)
    waiting: deque[tuple[Turn, contextvars.Context]] = field(default_factory=deque)
    stopping: bool = False
    version: int = 0


class Desk:
    """All answers of this process. Threads may ask at once."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._lines: dict[str, _Line] = {}  # by chat
        self._changed = threading.Condition()

    def ask(self, turn: Turn) -> None:
        """Begin an answer, or let the question wait for the answers of its chat that come first."""
        context = contextvars.copy_context()  # the page's event, in which ZeroGPU finds whose quota it is
        with self._changed:
            line = self._lines.get(turn.chat_id)
            if line is not None:
                line.waiting.append((turn, context))
                self._touch(line)
                return
            line = self._lines[turn.chat_id] = _Line(turn)
        try:
            history = self._written_down(turn)
        except BaseException:
            with self._changed:
                self._end(line)
            raise
        with self._changed:
            line.history = history
            self._touch(line)
        threading.Thread(target=self._work, args=(line, context), name="answer", daemon=True).start()

    def growing(self, chat_id: str | None) -> Growing | None:
        """The answer that a chat is getting, if any."""
        with self._changed:
            line = self._lines.get(chat_id or "")
            if line is None or line.history is None:
                return None
            waiting = tuple(turn.question for turn, _ in line.waiting)
            return Growing(line.turn.question, line.history, line.answer, waiting, line.version)

    def is_busy(self, chat_id: str | None) -> bool:
        """Whether a chat is getting an answer, or will at once."""
        with self._changed:
            return chat_id in self._lines

    def follow(self, chat_id: str) -> Iterator[Growing]:
        """The answers of a chat as they grow, until none is left to make. What comes too fast is left out."""
        seen = -1
        while (now := self.growing(chat_id)) is not None:
            if now.version != seen:
                seen = now.version
                yield now
            with self._changed:
                self._changed.wait_for(lambda: self._version(chat_id) != seen, _LOOK_S)  # noqa: B023

    def stop(self, chat_id: str | None) -> None:
        """End the answer that a chat is getting; what was said by then is kept."""
        with self._changed:
            if line := self._lines.get(chat_id or ""):
                line.stopping = True

    def forget(self, chat_id: str) -> None:
        """The chat is deleted: end its answer, and drop what waits."""
        with self._changed:
            if line := self._lines.get(chat_id):
                line.stopping = True
                line.waiting.clear()

    # -- the thread of a chat ------------------------------------------------------------------------

    def _work(self, line: _Line, context: contextvars.Context | None) -> None:
        while context is not None:
            context.run(self._answer, line)
            context = self._next(line)
        self.engine.library.db.close()  # connections belong to threads, and this one ends

    def _next(self, line: _Line) -> contextvars.Context | None:
        """Turn to the question that waits longest; None where there is none. One that cannot be written down is lost:
        the disk is full, say, and the next may have more luck."""
        while True:
            with self._changed:
                if not line.waiting:
                    self._end(line)
                    return None
                turn, context = line.waiting.popleft()
            try:
                history = self._written_down(turn)
            except Exception:
                logger.exception("A question could not be written down")
                continue
            with self._changed:
                line.turn, line.history, line.answer, line.stopping = turn, history, {}, False
                self._touch(line)
            return context

    def _written_down(self, turn: Turn) -> Sequence[Message]:
        """What was said before a question, which is added to its chat if it is not there yet."""
        if turn.history is not None:
            return turn.history
        history = self.engine.chats.messages(turn.chat_id)
        self.engine.chats.add(turn.chat_id, Message("user", turn.question))
        return history

    def _answer(self, line: _Line) -> None:
        try:
            for answer in self._answers(line):
                with self._changed:
                    line.answer = answer
                    self._touch(line)
            self._keep(line.turn, line.answer)
        except Exception:
            logger.exception("An answer could not be kept")

    def _answers(self, line: _Line) -> Iterator[dict[str, Any]]:
        """The answer as JSON with its marked text, again and again as it grows; errors become the answer's words."""
        turn, answer = line.turn, Answer(line.turn.question)
        stop = lambda: line.stopping  # noqa: E731
        try:
            for answer in self.engine.answerer.ask(turn.question, turn.video_ids, line.history or (), stop=stop):
                yield answer.as_json() | {"marked": answer.text}
                if line.stopping:
                    break
        except CuepointError as error:
            yield _failed(answer, told(str(error), turn.language.code))
        except Exception as error:
            logger.exception("Answering failed")
            yield _failed(answer, turn.language("unexpected", kind=type(error).__name__))

    def _keep(self, turn: Turn, answer: dict[str, Any]) -> None:
        """Write the answer down. In the place of an earlier one only if there is something to put there."""
        message = Message("assistant", answer.get("answer") or turn.language("stopped"), answer)
        if turn.instead is None:
            self.engine.chats.add(turn.chat_id, message)
        elif answer.get("answer") and not answer.get("error"):
            with contextlib.suppress(UsageError):  # the chat was changed or deleted meanwhile
                self.engine.chats.answer_again(turn.chat_id, turn.instead, message)

    # -- within the lock -----------------------------------------------------------------------------

    def _touch(self, line: _Line) -> None:
        line.version += 1
        self._changed.notify_all()

    def _version(self, chat_id: str) -> int:
        line = self._lines.get(chat_id)
        return line.version if line else -2

    def _end(self, line: _Line) -> None:
        del self._lines[line.turn.chat_id]
        self._changed.notify_all()


def _failed(answer: Answer, sentence: str) -> dict[str, Any]:
    return answer.as_json() | {"answer": sentence, "marked": sentence, "error": True}
