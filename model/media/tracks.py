"""The streams of a file as their container describes them: what is in it, in which language, meant for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from av.stream import Disposition

from model.media.container import ART, SECOND_CHOICE_SOUND
from model.media.probe import Track

if TYPE_CHECKING:
    from av.container import InputContainer

_KINDS = {"video": "picture", "audio": "sound", "subtitle": "subtitles"}


def list_tracks(container: InputContainer) -> tuple[Track, ...]:
    """All pictures, sounds and subtitles, in the order of the file; cover art and thumbnails are left out."""
    tracks = []
    for stream in container.streams:
        kind = _KINDS.get(stream.type)
        if kind is None or (kind == "picture" and stream.disposition & ART):
            continue
        context = stream.codec_context
        tracks.append(
            Track(
                stream.index,
                kind,  # type: ignore[arg-type]
                context.codec.canonical_name if context else None,
                short_code(stream.metadata.get("language", "")),
                stream.metadata.get("title", "").strip(),
                bool(stream.disposition & Disposition.default),
                bool(stream.disposition & Disposition.forced),
                bool(stream.disposition & SECOND_CHOICE_SOUND) or (kind == "sound" and _tells_of_the_film(stream)),
            )
        )
    return tuple(tracks)


def _tells_of_the_film(stream: Any) -> bool:
    """Matroska had no flags for commentary and description until lately: files say it in the title."""
    title = stream.metadata.get("title", "").lower()
    return any(word in title for word in _ASIDE_TITLES)


def short_code(tag: str) -> str | None:
    """ISO 639-1 for a language tag ("spa", "fre", "zh-Hans"); its own code where there is none; None for "und"."""
    from babel.core import get_global

    code = tag.replace("_", "-").split("-")[0].strip().lower()
    if not code.isalpha() or code in ("und", "mul", "mis", "zxx", "qaa"):
        return None
    aliases = get_global("language_aliases")
    return str(aliases.get(_BIBLIOGRAPHIC.get(code, code), _BIBLIOGRAPHIC.get(code, code)))


_ASIDE_TITLES = (
    "commentary", "audio description", "described video", "descriptive", "karaoke", "commentaire", "audiodescription",
    "kommentar", "audiodeskription", "comentario", "audiodescripci", "评论音轨", "口述影像",
)  # fmt: skip
# ISO 639-2 has two codes for these; containers write either.
_BIBLIOGRAPHIC = {
    "alb": "sq", "arm": "hy", "baq": "eu", "bur": "my", "chi": "zh", "cze": "cs", "dut": "nl", "fre": "fr",
    "geo": "ka", "ger": "de", "gre": "el", "ice": "is", "mac": "mk", "mao": "mi", "may": "ms", "per": "fa",
    "rum": "ro", "slo": "sk", "tib": "bo", "wel": "cy",
}  # fmt: skip
