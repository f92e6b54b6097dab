"""The media lane: makes the copy that browsers play and seek."""

from __future__ import annotations

from pathlib import Path

from model.errors import UnreadableMedia
from model.media.remux import make_playable
from retrieval.index.lanes.work import Work


class MediaLane:
    """Makes the copy that browsers play and seek."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def run(self) -> None:
        work = self.work
        video = work.library.video(work.video_id)
        if not (video.media_path and Path(video.media_path).exists()):
            destination = work.library.folder(work.video_id) / "playable"
            destination.parent.mkdir(parents=True, exist_ok=True)
            try:
                made = make_playable(work.path, work.info, destination, cancel=work.stop.is_set)
            except UnreadableMedia as error:
                work.library.add_warning(work.video_id, f"No copy for the browser could be made: {error}")
            else:
                work.library.update_video(work.video_id, media_path=str(made))
                for before in made.parent.glob("playable.*"):  # with another sound, of another kind
                    if before != made:
                        before.unlink(missing_ok=True)
        work.finish("media")
