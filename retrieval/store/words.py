"""Words for full-text search: what to index of a text and how to ask FTS5 for a question. English and CJK."""

from __future__ import annotations

import functools
import re
import threading

import snowballstemmer

_STEMMER = snowballstemmer.stemmer("english")
_STEMMING = threading.Lock()  # it keeps the word that it is at in itself

# CJK has no spaces: each character becomes a word of its own, so that FTS5's phrase search finds substrings.
_CJK_RANGE = r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]"
_CJK = re.compile(f"({_CJK_RANGE})")
_CJK_RUN = re.compile(f"{_CJK_RANGE}+")
_CJK_ASKING = re.compile(  # what a Chinese question is made of, the longest first
    "什么时候|什麼時候|什么时间|什么地方|什么颜色|什麼顏色|为什么|有没有|什么|什麼|怎么|怎麼|哪里|哪裡|哪儿|哪个|哪些|何时|"
    "多少只|多少个|多少人|多少|几只|几个|幾個|几次|是谁|谁|誰|视频|視頻|影片|画面|片段|部分|时刻|时候|找到|找出|出现|说了|說了|说到|提到|讲了|写着|"
    "写的|关于|這個|这个|那个|一个|一只|一条|一辆|请|請|吗|嗎|呢|的|了|是|在|有|里|裡|中|上|我|你|他|她|它|和|与|说|說"
)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*", re.UNICODE)

STOPWORDS = frozenset(
    """a about above after again all also am an and any are as at be because been before being below between both but by
    can could did do does doing down during each else ever few for from further get gets got had has have having he her
    here hers him his how i if in into is it its itself just let like me more most my no nor not now of off on once one
    only or other our out over own per please same she should show shown so some something somebody someone such tell
    than that the their them then there these they thing this those through to too under until up us very was we were
    what when where which while who whom whose why will with would you your yes""".split()  # noqa: SIM905
)
_ASKING = frozenset(
    """video videos clip clips scene scenes part moment moments find describe mention mentions mentioned say says said
    saying talk talks talking speak speaks spoken speaker speakers voice narrator narration tell tells told ask asks
    asked according explain explains word words text screen written read reads see seen visible appear appears appearing
    happen happens happening picture image frame look looks called name named many much kind type colour color time
    times first second last beginning start end hear hears heard""".split()  # noqa: SIM905
)  # words about asking and about video, which say nothing of what is looked for


def index_text(text: str) -> str:
    """A text as FTS5 should index it."""
    return _CJK.sub(r" \1 ", text)


def words(text: str) -> list[str]:
    """Lower-case words, apostrophes kept inside: first those in order, of CJK each character, then pairs of these.

    CJK words cannot be told apart without a dictionary, but two characters side by side are mostly one.
    """
    single = [word.lower().replace("’", "'") for word in _WORD.findall(index_text(text))]
    return single + [run[i : i + 2] for run in _CJK_RUN.findall(text) for i in range(len(run) - 1)]


def content_words(text: str, fallback: bool = True) -> list[str]:
    """The words that say what is looked for, without repeats; by default all words when none is left."""
    every = words(_CJK_ASKING.sub(" ", text))
    pairs = [word for word in every if len(word) == 2 and _CJK_RUN.fullmatch(word)]
    paired = set("".join(pairs))  # a character alone says little; one that has no neighbour must do
    every = [word for word in every if word not in paired]
    chosen = [w for w in every if w.removesuffix("'s") not in STOPWORDS and w not in _ASKING]
    if chosen or not fallback:
        return list(dict.fromkeys(chosen))
    return list(dict.fromkeys([w for w in every if w not in STOPWORDS] or words(text)))


def match_expression(terms: list[str]) -> str:
    """An FTS5 expression that matches any of the words (quoted, so that no word acts as an operator)."""
    return " OR ".join('"' + index_text(term).strip().replace("  ", " ").replace('"', '""') + '"' for term in terms)


@functools.lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """The word's stem by Snowball's English stemmer (Porter2), for comparing words."""
    with _STEMMING:
        stemmed: str = _STEMMER.stemWord(word.removesuffix("'s"))
    return stemmed
