"""Whether two readings are of one text: misread letters, other numbers, other words, texts that are being typed."""

from __future__ import annotations

SAME_TEXT = 0.8  # least share of equal characters of two readings of the same text; misreadings change one in ten
LONG_TEXT = 5  # characters from which spelling may differ; shorter words differ by meaning ("in", "on")


def is_counter(text: str) -> bool:
    """Whether a text is mostly digits: a clock, a time code, a counter, a percentage."""
    characters = [c for c in text if c.isalnum()]
    return bool(characters) and 2 * sum(c.isdigit() for c in characters) >= len(characters) and len(characters) <= 16


def similarity(a: str, b: str) -> float:
    """Share of equal characters, 0-1, after case, spaces and punctuation are set aside. Other numbers: another text."""
    numbers = _numbers(a), _numbers(b)
    a, b = plain(a), plain(b)
    if a == b:
        return 1.0
    longest = max(len(a), len(b))
    if longest < LONG_TEXT or numbers[0] != numbers[1] or _another_number(a, b):
        return 0.0
    if abs(len(a) - len(b)) > (1 - SAME_TEXT) * longest:
        return 0.0
    return 1 - _edit_distance(a, b) / longest


def _numbers(text: str) -> list[str]:
    """The digits of each word that has many of them ("Q1", "IMG_4822.MOV"); a lone one is a letter misread ("1ong")."""
    digits = [("".join(c for c in word if c.isdigit()), word) for word in text.split()]
    return [number for number, word in digits if number and 3 * len(number) >= len(plain(word))]


def _another_number(a: str, b: str) -> bool:
    """Whether two texts have as many digits, but others: readers take letters for digits, seldom 3 for 8."""
    digits = [[c for c in text if c.isdigit()] for text in (a, b)]
    return len(digits[0]) == len(digits[1]) and digits[0] != digits[1]


def plain(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum()) or text


def grew(short: str, long: str) -> bool:
    """Whether a text was completed letter by letter or word by word."""
    a, b = plain(short), plain(long)
    if not LONG_TEXT <= len(a) <= len(b) - 2 or _numbers(short) != _numbers(long)[: len(_numbers(short))]:
        return False
    return _edit_distance(a, b[: len(a)]) <= (1 - SAME_TEXT) * len(a)


def _edit_distance(a: str, b: str) -> int:
    """Levenshtein distance by rows (Wagner and Fischer 1974)."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]


def word_replaced(a: str, b: str) -> bool:
    """Whether words stand in the place of others, none of them cut off: what is half hidden is still the same."""
    pairs = [(plain(x), plain(y)) for x, y in zip(a.split(), b.split(), strict=False)]
    cut_off = any(x != y and (x in y or y in x) for x, y in pairs)
    return len(a.split()) == len(b.split()) and not cut_off
