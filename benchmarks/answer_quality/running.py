"""Films made, indexed and asked about: every script once through the whole program, in one process."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.commands.index import index_file
from app.engine import Engine
from benchmarks.answer_quality.film import make_film
from benchmarks.answer_quality.judging import Verdict, is_right, judge_answer, judge_search
from benchmarks.answer_quality.script import Question, Script
from retrieval.ask.answer import Answerer
from retrieval.store.records import Message, Moment

Search = Callable[[str, Sequence[str]], list[Moment]]
TOP = 5


@dataclass(frozen=True)
class Film:
    script: Script
    video_id: str


@dataclass(frozen=True)
class Record:
    """One search or question with what came back, for --json."""

    film: str
    kind: str
    asked: str
    right: bool
    answer: str
    truth: tuple[float, float] | None
    spans: list[tuple[float, float]]


def index_films(engine: Engine, scripts: Sequence[Script], folder: Path) -> list[Film]:
    """Films that lie in `folder` already, and those that are indexed, are taken as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    films = []
    for number, script in enumerate(scripts, start=1):
        path = folder / f"{script.name}-{digest(script)}.mp4"
        if not path.exists():
            make_film(script, path.with_suffix(".part.mp4")).replace(path)
        films.append(Film(script, index_file(engine, path)["video_id"]))
        say(f"{number} of {len(scripts)} films indexed")
    return films


def digest(script: Script) -> str:
    """Another one for each change of what is shown or heard."""
    parts = [
        f"{s.seconds} {s.show} {s.sound if isinstance(s.sound, str) else s.sound.tobytes()!r}" for s in script.scenes
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:10]


def ask_everything(answerer: Answerer, films: Sequence[Film]) -> tuple[list[Verdict], list[Record]]:
    verdicts, records = search_everything(lambda text, ids: answerer.finder.search(text, ids, TOP), films)
    for number, film in enumerate(films):
        for question in film.script.questions:
            *_, answer = answerer.ask(question.text, [film.video_id], turn_before(answerer, question, film.video_id))
            judged = judge_answer(number, question, answer)
            verdicts += judged
            spans = [(citation.start, citation.end) for citation in answer.citations]
            records.append(
                Record(film.script.name, question.kind, question.text, is_right(judged), answer.plain_text,
                       question.interval, spans)
            )  # fmt: skip
        say(f"{number + 1} of {len(films)} films asked about")
    return verdicts, records


def turn_before(answerer: Answerer, question: Question, video_id: str) -> list[Message]:
    """What a follow-up leans on, asked and answered; nothing for any other question."""
    if not question.after:
        return []
    *_, answer = answerer.ask(question.after, [video_id])
    return [Message("user", question.after), Message("assistant", answer.plain_text, answer.as_json())]


def search_everything(search: Search, films: Sequence[Film]) -> tuple[list[Verdict], list[Record]]:
    verdicts, records = list[Verdict](), list[Record]()
    for number, film in enumerate(films):
        for moment in film.script.moments:
            found = search(moment.query, [film.video_id])
            judged = judge_search(number, found, moment.interval)
            verdicts += judged
            spans = [(result.start, result.end) for result in found]
            right = bool(judged[0].value)
            records.append(Record(film.script.name, "moment", moment.query, right, "", moment.interval, spans))
    return verdicts, records


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
