"""Opening a media file with FFmpeg so that it can read that one local file and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
from av.stream import Discard, Disposition

from model.errors import UnreadableMedia

if TYPE_CHECKING:
    from av.audio.codeccontext import AudioCodecContext
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

# Demuxers that read one file. Left out on purpose: everything that names further files or addresses
# (hls, dash, concat, sdp, image sequences, imf, ...), text formats and devices.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,ogg,oga,ogv,opus,flv,live_flv,asf,mpegts,mpeg,mpegvideo,m4v,h264,hevc,"
    "av1,obu,ivf,mxf,gxf,nut,dv,rm,vob,wtv,swf,y4m,yuv4mpegpipe,gif,apng,h263,vc1,nsv,roq,smk,bink,thp,"
    "mp3,flac,wav,w64,aac,ac3,eac3,dts,dtshd,aiff,au,amr,caf,ape,wv,tta,tak,voc,mpc,mpc8,adts,truehd,mlp,dsf,oma,spx"
)
# How picture files begin. FFmpeg is not asked to read them.
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
# 8K is 33 million pixels; a header that claims much more would only exhaust memory.
MAX_PIXELS = 72_000_000
# Reading errors in a row after which a file counts as ended: no damage takes that many calls to get past.
_READ_FAILURES = 50

# Cover art and the like are no video.
ART = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
SECOND_CHOICE_SOUND = (
    Disposition.comment | Disposition.visual_impaired | Disposition.descriptions | Disposition.karaoke | Disposition.dub
)


def open_media(path: Path, as_stream: bool = False) -> InputContainer:
    """Opens a local file for reading; only the `file:` protocol and the demuxers in `FORMATS` are allowed.

    as_stream: read it from front to back, without its index and without seeking (for files whose index is damaged).
    Raises UnreadableMedia when there is no such file or FFmpeg cannot make sense of it.
    """
    check_local_file(path)
    # PyAV hands `options` to every decoder too; each of these is ignored where it means nothing.
    guards = {"protocol_whitelist": "file", "format_whitelist": FORMATS} | ({"seekable": "0"} if as_stream else {})
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


def is_picture_file(path: Path) -> bool:
    """Whether a file is a still or an animation that `model.media.stills` reads.

    Raises UnreadableMedia if it is HEIC, which nothing here reads as it is meant.
    """
    check_local_file(path)
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as problem:
        raise UnreadableMedia(f"{path.name} could not be opened: {problem.strerror or problem}.") from problem
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC:
        raise UnreadableMedia(f"{path.name} is a HEIC picture, which Cuepoint does not read: save it as JPEG or PNG.")
    webp, avif = head[:4] == b"RIFF" and head[8:12] == b"WEBP", head[4:12] in (b"ftypavif", b"ftypavis")
    bitmap = head[:2] == b"BM" and head[6:10] == b"\0\0\0\0"  # two reserved words
    return head.startswith(_PICTURES) or webp or avif or bitmap


def picture_streams(container: InputContainer) -> list[VideoStream]:
    """Video streams that FFmpeg can decode, best first; cover art and thumbnails are not video."""
    streams = [s for s in container.streams.video if s.codec_context is not None and not s.disposition & ART]
    best = container.streams.best("video")
    return sorted(
        streams, key=lambda s: best is None or s.index != best.index
    )  # a stable sort: the best one, then file order


def sound_streams(container: InputContainer) -> list[AudioStream]:
    """Audio streams that FFmpeg can decode: default track first, commentary and the like last."""
    streams = [s for s in container.streams.audio if s.codec_context is not None]
    return sorted(
        streams, key=lambda s: (bool(s.disposition & SECOND_CHOICE_SOUND), not s.disposition & Disposition.default)
    )


def seeks_reliably(container: InputContainer) -> bool:
    """Whether the container keeps an index. Elsewhere a seek may land anywhere, with guessed time stamps after it."""
    return container.format.name.startswith(("mov", "matroska"))


def decode(
    source: Iterable[Packet],
    context: VideoCodecContext | AudioCodecContext,
    before: Callable[[Packet], None] | None = None,
    damaged: Callable[[], None] | None = None,
) -> Iterator[Any]:
    """The frames of a run of packets of one stream, past every packet that cannot be decoded.

    `before` sees each packet first (to set what the decoder may skip); `damaged` is called once per lost packet.
    """
    lost = damaged or (lambda: None)
    for packet in source:
        if before is not None:
            before(packet)
        try:
            yield from context.decode(packet)
        except av.FFmpegError:
            lost()
    try:
        yield from context.decode(None)
    except av.FFmpegError:
        lost()


def packets(
    container: InputContainer, streams: Sequence[Stream], damaged: Callable[[], None] | None = None
) -> Iterator[Packet]:
    """Packets with data in them. Empty ones mean "show the last picture again" (Theora, AVI) and would stop a decoder.

    A reading error is passed over; the run ends at the end of the file or after many errors in a row.
    """
    for other in container.streams:
        other.discard = Discard.default if other in streams else Discard.all
    failures = 0
    while failures < _READ_FAILURES:
        try:
            for packet in container.demux(*streams):
                failures = 0
                if packet.size:
                    yield packet
            return
        except IndexError:  # PyAV ends a stream that appeared while it read, and does not know it: all was read
            return
        except av.FFmpegError:
            failures += 1
            if damaged is not None and failures == 1:
                damaged()


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
