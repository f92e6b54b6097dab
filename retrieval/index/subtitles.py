"""Subtitles on their way into the index: tracks of a file, and files that came with it.

Files are copied into the video's folder first, as NAME.new, and lose the ".new" once their lines are stored: so a run
that is killed does it again, and a file that changes later is found.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from model.errors import UnreadableMedia
from model.media.probe import MediaInfo, Track
from model.media.subtitle_files import language_of_name, read_subtitle_file
from model.media.subtitle_lines import Spoken, Subtitles
from model.media.subtitles import is_picture, is_text, read_tracks, track_name
from model.text.written_language import language_of_text
from retrieval.index.coverage import forget_heard_again, hear_gaps_again
from retrieval.index.lanes.work import Work
from retrieval.index.subtitle_choice import choose_tracks
from retrieval.index.subtitle_shelf import load_tracks, save_tracks
from retrieval.store.library import Library
from retrieval.store.records import Video
from retrieval.store.transcripts import FILE, STREAM, is_written

_NEW = ".new"
_BATCH = 64  # lines that get their vectors in one call
_JUDGED_CHARS = 20_000  # of a track: its language is clear from them
_LEAST_JUDGED_CHARS = 200  # against what a file says of itself


def attach(library: Library, video: Video, files: Iterable[Path]) -> bool:
    """Put subtitle files into a video's folder; returns whether one is new or has changed, so that a job is needed.

    One that is no subtitle file is not taken: a warning of the video says why.
    """
    changed = [_attach(library, video, path) for path in files]
    return True in changed


def _attach(library: Library, video: Video, path: Path) -> bool:
    folder = _folder(library, video.id)
    kept = [folder / (path.name + _NEW), folder / path.name]
    newest = next((file for file in kept if file.exists()), None)
    try:
        if newest and newest.read_bytes() == path.read_bytes():
            return newest == kept[0]
    except OSError:
        pass  # reading it says so in a sentence
    read = read_subtitle_file(path, video.duration)
    library.replace_warnings(video.id, (f"{path.name}:", f"{path.name} "), [])  # of an earlier file of this name
    if not read.lines:
        for notice in read.notices or (f"{path.name} was left out: none of its lines has words.",):
            library.add_warning(video.id, notice)
        return False
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f".{uuid.uuid4().hex}"
    shutil.copyfile(path, beside)
    beside.replace(kept[0])
    return True


def waiting(library: Library, video_id: str) -> list[Path]:
    """The attached files whose lines are not stored yet."""
    return sorted(_folder(library, video_id).glob(f"*{_NEW}"))


def store_subtitles(work: Work) -> None:
    """Store the lines of every track that is wanted and not stored yet, and drop those that are wanted no more.

    May be killed at any point: called again, it goes on. No damage in a subtitle is an error: a warning says it.
    """
    video = work.library.video(work.video_id)
    _store_files(work, video)
    _store_tracks(work, video)


def _store_files(work: Work, video: Video) -> None:
    for path in waiting(work.library, video.id):
        work.check()
        name = path.name.removesuffix(_NEW)
        plain = path.with_name(name)
        read = read_subtitle_file(path, video.duration, name)
        notices = list(read.notices)
        language = _language(read.lines, language_of_name(name, video.title), name, notices)
        _store(work, FILE + name, read.lines, language)
        for notice in notices:
            work.library.add_warning(video.id, notice)
        path.replace(plain)


def _store_tracks(work: Work, video: Video) -> None:
    info = MediaInfo.from_json(video.info)
    tracks, notices = choose_tracks(info, video.choices)
    for notice in notices:
        work.library.add_warning(video.id, notice)
    stored = {line.origin for line in work.library.passages(video.id, "speech") if is_written(line.origin)}
    wanted = {STREAM + str(track.index) for track in tracks}
    _drop(work.library, video.id, {origin for origin in stored if origin.startswith(STREAM)} - wanted)
    missing = [track for track in tracks if STREAM + str(track.index) not in stored]
    read = _read(work, video, info, missing) if missing else {}
    for track in missing:
        if track.index in read:
            _store_track(work, track, read[track.index])


def kept_tracks(library: Library, video_id: str) -> set[int]:
    """The subtitle streams of a video whose text outlives its original."""
    return set(load_tracks(_shelf(library, video_id)))


def _shelf(library: Library, video_id: str) -> Path:
    return _folder(library, video_id) / "tracks.json"


def _read(work: Work, video: Video, info: MediaInfo, wanted: Sequence[Track]) -> dict[int, Subtitles]:
    """The lines of tracks, from the original while it is there; one that was uploaded will go, so all its text is kept
    for those who choose another track then."""
    source, shelf = Path(video.source_path), _shelf(work.library, video.id)
    if not source.exists():
        kept = load_tracks(shelf)
        for track in wanted:
            if track.index not in kept:
                work.library.add_warning(
                    video.id, f"{track_name(track)} cannot be read any more: the original file is not there."
                )
        return kept
    kept_too = work.library.is_upload(source) and not shelf.exists()
    texts = [t for t in info.tracks if t.kind == "subtitles" and is_text(t)] if kept_too else []
    try:
        every = [*wanted, *(track for track in texts if track not in wanted)]
        read = read_tracks(source, info, every, _reader(work, wanted), work.check)
    except UnreadableMedia as error:
        work.library.add_warning(video.id, f"The subtitles could not be read: {error}")
        return {}
    if texts:
        save_tracks(shelf, {track.index: read[track.index] for track in texts if track.index in read})
    return read


def _store_track(work: Work, track: Track, read: Subtitles) -> None:
    notices = list(read.notices)
    if not read.lines and not notices:
        notices.append(f"{track_name(track)} is empty.")
    language = _language(read.lines, track.language, track_name(track), notices)
    _store(work, STREAM + str(track.index), read.lines, language)
    for notice in notices:
        work.library.add_warning(work.video_id, notice)


def _reader(work: Work, tracks: Sequence[Track]) -> Callable[[np.ndarray], str] | None:
    """What reads the pictures of subtitles, where a track has some: a reader of its own, for they remember pictures."""
    if not any(is_picture(track) for track in tracks):
        return None
    reader = work.models.another_ocr()

    def read(picture: np.ndarray) -> str:
        work.check()
        reader.forget()
        return "\n".join(box.text for box in reader.read(picture))

    return read


def _language(lines: Sequence[Spoken], told: str | None, name: str, notices: list[str]) -> str | None:
    """That of the text where it is plain to see, else what the file or its name says."""
    text = " ".join(line.text for line in lines)[:_JUDGED_CHARS]
    seen = language_of_text(text)
    if told is None or seen is None or seen == told or len(text) < _LEAST_JUDGED_CHARS:
        return told or seen
    notices.append(f"{name} is marked as {told!r} and reads like {seen!r}: it is taken for that.")
    return seen


def _store(work: Work, origin: str, lines: Sequence[Spoken], language: str | None) -> None:
    """The lines of a track instead of those that were stored of it; nothing is written where they are the same."""
    library, pieces = work.library, [(line.start, line.end, line.text) for line in lines]
    before = [p for p in library.passages(work.video_id, "speech") if p.origin == origin]
    if [(p.start, p.end, p.text) for p in before] != pieces or any(p.language != language for p in before):
        vectors = [np.zeros((0, work.models.passages.dim), np.float32)]
        for begin in range(0, len(pieces), _BATCH):
            work.check()
            vectors.append(work.models.passages.embed([text for _, _, text in pieces[begin : begin + _BATCH]]))
        stacked = np.concatenate(vectors)
        library.add_passages(work.video_id, "speech", pieces, stacked, replace=True, language=language, origin=origin)
    hear_gaps_again(library, work.video_id, before)
    forget_heard_again(library, work.video_id, origin)


def _drop(library: Library, video_id: str, unwanted: set[str]) -> None:
    lines = [line for line in library.passages(video_id, "speech") if line.origin in unwanted]
    for origin in unwanted:
        library.add_passages(video_id, "speech", [], np.zeros((0, 1)), replace=True, origin=origin)
    hear_gaps_again(library, video_id, lines)


def _folder(library: Library, video_id: str) -> Path:
    return library.folder(video_id) / "subtitles"
