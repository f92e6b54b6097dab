"""Opening a media file with FFmpeg so that it can read that one local file and nothing else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.stream import Disposition

from model.errors import UnreadableMedia

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

# Demuxers that read one file. Left out on purpose: everything that names further files or addresses
# (hls, dash, concat, sdp, image sequences, imf, ...), text formats and devices.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,ogg,oga,ogv,opus,flv,live_flv,asf,mpegts,mpeg,mpegvideo,m4v,h264,hevc,"
    "av1,obu,ivf,mxf,gxf,nut,dv,rm,vob,wtv,swf,y4m,yuv4mpegpipe,gif,apng,h263,vc1,nsv,roq,smk,bink,thp,"
    "mp3,flac,wav,w64,aac,ac3,eac3,dts,dtshd,aiff,au,amr,caf,ape,wv,tta,tak,voc,mpc,mpc8,adts,truehd,mlp,dsf,oma,spx"
)
# 8K is 33 million pixels; a header that claims much more would only exhaust memory.
MAX_PIXELS = 72_000_000

_SECOND_CHOICE_SOUND = (
    Disposition.comment | Disposition.visual_impaired | Disposition.descriptions | Disposition.karaoke | Disposition.dub
)


def open_media(path: Path) -> InputContainer:
    """Opens a local file for reading; only the `file:` protocol and the demuxers in `FORMATS` are allowed.

    Raises UnreadableMedia when there is no such file or FFmpeg cannot make sense of it.
    """
    check_local_file(path)
    # PyAV hands `options` to every decoder too; each of these is ignored where it means nothing.
    guards = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
    try:
        return av.open(
            f"file:{path.absolute()}",
            mode="r",
            options={"max_pixels": str(MAX_PIXELS)},
            container_options=guards,
            metadata_errors="replace",
        )
    except (av.FFmpegError, ValueError) as problem:
        raise UnreadableMedia(f"{path.name} could not be read: {_reason(problem)}.") from problem


def check_local_file(path: Path) -> None:
    """Raises UnreadableMedia unless `path` is a readable, non-empty regular file."""
    name = path.name or str(path)
    try:
        if not path.exists():
            if _looks_like_address(path):
                raise UnreadableMedia(f"{path} is an address, not a file: download the video first.")
            raise UnreadableMedia(f"{path} does not exist.")
        if path.is_dir():
            raise UnreadableMedia(f"{name} is a folder, not a media file.")
        if not path.is_file():
            raise UnreadableMedia(f"{name} is not a regular file.")
        if path.stat().st_size == 0:
            raise UnreadableMedia(f"{name} is empty (0 bytes).")
    except (OSError, ValueError) as problem:  # ValueError: a NUL character in the name
        raise UnreadableMedia(
            f"{name} could not be opened: {getattr(problem, 'strerror', None) or problem}."
        ) from problem
    if not os.access(path, os.R_OK):
        raise UnreadableMedia(f"{name} could not be opened: permission denied.")


def picture_streams(container: InputContainer) -> list[VideoStream]:
    """Video streams that FFmpeg can decode, best first; cover art and thumbnails are not video."""
    art = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    streams = [s for s in container.streams.video if s.codec_context is not None and not s.disposition & art]
    best = container.streams.best("video")
    return sorted(
        streams, key=lambda s: best is None or s.index != best.index
    )  # a stable sort: the best one, then file order


def sound_streams(container: InputContainer) -> list[AudioStream]:
    """Audio streams that FFmpeg can decode: default track first, commentary and the like last."""
    streams = [s for s in container.streams.audio if s.codec_context is not None]
    return sorted(
        streams, key=lambda s: (bool(s.disposition & _SECOND_CHOICE_SOUND), not s.disposition & Disposition.default)
    )


def _looks_like_address(path: Path) -> bool:
    scheme, colon, _ = str(path).partition(":")
    return bool(colon) and len(scheme) > 1 and scheme.replace("+", "").replace("-", "").replace(".", "").isalnum()


def _reason(problem: Exception) -> str:
    if isinstance(problem, av.error.InvalidDataError):
        return "it is damaged, incomplete or not a video or sound file"
    if isinstance(problem, av.error.ArgumentError) or "Invalid argument" in str(problem):
        return "its format is not one that Cuepoint opens (playlists and lists of files are refused)"
    text = getattr(problem, "strerror", None) or str(problem)
    return text[:1].lower() + text[1:].rstrip(".")
