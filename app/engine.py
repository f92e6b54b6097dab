"""Everything one process needs to index, find and answer, built once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from app.answering import Desk
from app.settings import Settings
from model.loading import Models
from model.media.subtitle_files import find_beside
from model.profile import choose_profile
from retrieval.ask.answer import Answerer
from retrieval.ask.find import Finder
from retrieval.index.choose import Choice, choices_after, hear_again
from retrieval.index.ingest import take_in
from retrieval.index.renew import find_outdated, is_current
from retrieval.index.subtitles import attach
from retrieval.search.search import Searcher
from retrieval.store.chats import Chats
from retrieval.store.jobs import JobQueue
from retrieval.store.library import LOCAL_OWNER, Library
from retrieval.store.records import Job, Video
from retrieval.store.wellformed import well_formed


class Engine:
    """The library with its models. Parts are built when first used: listing videos loads no model."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.profile, self.profile_reason = choose_profile(settings.profile)
        self.library = Library(settings.data_dir)
        self.jobs = JobQueue(self.library)
        self.chats = Chats(self.library)
        self.models = Models(self.profile)

    @cached_property
    def searcher(self) -> Searcher:
        return Searcher(self.library, self.models)

    @cached_property
    def answerer(self) -> Answerer:
        return Answerer(self.searcher, self.models)

    @cached_property
    def desk(self) -> Desk:
        return Desk(self)

    @property
    def finder(self) -> Finder:
        return self.answerer.finder

    def add(
        self,
        path: Path,
        owner: str = LOCAL_OWNER,
        upload: str | None = None,
        language: str | None = None,
        subtitles: Sequence[Path] = (),
    ) -> tuple[Video, Job | None]:
        """Take a file in and queue it; the job is None when the same content is indexed already.

        `upload` is the name an uploaded file came with, `language` the one in which its speech is to be heard. Subtitle
        files that lie beside any other are taken in with it, besides the `subtitles` that are named. Raises
        UnreadableMedia, CuepointError.
        """
        well_formed(str(path), "The name of the file")
        video = take_in(self.library, path, owner, upload)
        written = attach(self.library, video, [*subtitles, *([] if upload else find_beside(path))])
        if language and video.info.get("audio_codec"):
            choice = Choice(language=language)
            if choices_after(self.library, video, choice) != video.choices:
                job = self.hear_again(video, choice)
                return self.library.video(video.id), job
        if video.status == "ready" and is_current(self.models, video) and not written:
            return self.library.video(video.id), None
        return video, self.jobs.add(video.id, owner)

    def add_subtitles(self, video: Video, path: Path) -> bool:
        """Give a video a subtitle file; returns whether it was taken. If not, a warning of the video says why."""
        if attach(self.library, video, [path]):
            self.jobs.add(video.id, video.owner)
            return True
        return False

    def hear_again(self, video: Video, choice: Choice) -> Job:
        """Choose what is heard of a video, and queue it. Raises UsageError for what cannot be chosen."""
        return hear_again(self.library, self.jobs, video, choice)

    def queue_outdated(self) -> None:
        """Queue the videos whose vectors are of other models than this profile's: their pictures are seen anew."""
        for video in find_outdated(self.library, self.models):
            self.jobs.add(video.id, video.owner)
