"""The languages that speech is understood in, and their names.

The codes are ISO 639-1, of the languages of Whisper's multilingual checkpoints (Radford et al., arXiv:2212.04356,
appendix E); Hawaiian has none and stands under its code of ISO 639-2. Whisper itself writes "jw" for Javanese ("jv").
"""

from __future__ import annotations

import functools

from model.errors import UsageError
from model.media.tracks import short_code

SPOKEN = (
    "af", "am", "ar", "as", "az", "ba", "be", "bg", "bn", "bo", "br", "bs", "ca", "cs", "cy", "da", "de", "el", "en",
    "es", "et", "eu", "fa", "fi", "fo", "fr", "gl", "gu", "ha", "haw", "he", "hi", "hr", "ht", "hu", "hy", "id", "is",
    "it", "ja", "jv", "ka", "kk", "km", "kn", "ko", "la", "lb", "ln", "lo", "lt", "lv", "mg", "mi", "mk", "ml", "mn",
    "mr", "ms", "mt", "my", "ne", "nl", "nn", "no", "oc", "pa", "pl", "ps", "pt", "ro", "ru", "sa", "sd", "si", "sk",
    "sl", "sn", "so", "sq", "sr", "su", "sv", "sw", "ta", "te", "tg", "th", "tk", "tl", "tr", "tt", "uk", "ur", "uz",
    "vi", "yi", "yo", "zh",
)  # fmt: skip
# CLDR's and older codes for the same languages
_OTHERWISE = {"fil": "tl", "nb": "no", "jw": "jv", "iw": "he", "in": "id", "ji": "yi", "cmn": "zh"}


def usual(code: str | None) -> str | None:
    """The code that is used here, for one that says the same."""
    return _OTHERWISE.get(code or "", code)


def name_of(code: str | None, locale: str = "en") -> str:
    """The name of a language in the language `locale`; the code itself where there is none, "?" for None."""
    return (names(locale).get(code) or code) if code else "?"


def spoken_language(text: str) -> str:
    """The code for a code of any ISO 639 or an English name. Raises UsageError, which lists the codes."""
    wanted = text.strip()
    named = {name.lower(): code for code, name in names("en").items()}
    code = short_code(wanted) if len(wanted.split("-")[0]) <= 3 else named.get(wanted.lower())
    code = usual(code)
    if code not in SPOKEN:
        raise UsageError(f"There is no language {text!r} that speech is understood in; there are {', '.join(SPOKEN)}.")
    return code


@functools.cache
def names(locale: str) -> dict[str, str]:
    """The names of all languages by code, in the language `locale`."""
    from babel import Locale

    return {str(code): str(name) for code, name in Locale.parse(locale).languages.items()}
