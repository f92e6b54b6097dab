"""Words of captions: what can be named, counted and done, and which words make a rule about them unsafe.

Hand-picked for the things that people name in captions of everyday photos; nothing outside these lists is asked about.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_WORD = re.compile(r"[a-z0-9']+(?:-[a-z0-9']+)*|[.,;:!?&]")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


@dataclass(frozen=True)
class Thing:
    name: str
    plural: str
    one: frozenset[str]  # words for one of them
    many: frozenset[str]
    hints: frozenset[str]  # words that leave open whether there is one
    salient: bool  # people would name it if it were there, so that its absence from several captions tells


def _thing(
    name: str, plural: str, more: str = "", more_plural: str = "", hints: str = "", salient: bool = True
) -> Thing:
    return Thing(name, plural, _words(f"{name} {more}"), _words(f"{plural} {more_plural}"), _words(hints), salient)


_BEAST = "animal animals pet pets creature creatures"
_BOARD = "board boards boarder boarding"
THINGS = (
    _thing(
        "dog", "dogs", "puppy", "puppies",
        f"{_BEAST} hound greyhound greyhounds poodle terrier collie labrador retriever bulldog dachshund husky mutt "
        "canine canines pup pups doggy spaniel beagle corgi shepherd rottweiler pug lab dalmatian boxer setter",
    ),
    _thing("cat", "cats", "kitten", "kittens", f"{_BEAST} feline felines kitty"),
    _thing(
        "horse", "horses", "pony", "ponies",
        f"{_BEAST} rider riders jockey cowboy cowboys rodeo bronco equestrian mule donkey bull carriage stallion mare "
        "polo saddle colt foal calf steer",
    ),
    _thing("cow", "cows", "", "cattle", f"{_BEAST} bull bulls calf ox oxen herd buffalo steer livestock"),
    _thing("elephant", "elephants", hints=_BEAST),
    _thing("giraffe", "giraffes", hints=_BEAST),
    _thing("zebra", "zebras", hints=_BEAST),
    _thing("bear", "bears", hints=f"{_BEAST} teddy grizzly panda"),
    _thing(
        "bird", "birds", "seagull pigeon parrot duck swan", "seagulls pigeons parrots ducks swans",
        f"{_BEAST} gull gulls goose geese eagle hawk owl pelican flamingo crane heron wings flock feathers chicken "
        "turkey penguin stork",
    ),
    _thing(
        "bicycle", "bicycles", "", "",
        "bike bikes biker bikers biking cyclist cyclists bicyclist bicyclists cycling cycle cycles tricycle bmx rider "
        "riders unicycle riding rides ride pedaling motorbike motorcycle motorcycles",
    ),
    _thing(
        "motorcycle", "motorcycles", "motorbike", "motorbikes",
        "bike bikes biker bikers biking motocross motorcyclist motorcyclists dirtbike dirtbikes rider riders racer "
        "racers riding rides ride atv cycle moped scooter vehicle vehicles",
    ),
    _thing("bus", "buses", hints="vehicle vehicles busses van tram trolley transit"),
    _thing("train", "trains", hints="railway railroad locomotive subway tram engine rail rails tracks metro"),
    _thing(
        "airplane", "airplanes", "plane aeroplane airliner", "planes aeroplanes",
        "jet jets aircraft pilot glider flying helicopter airport skydiver",
    ),
    _thing(
        "boat", "boats", "sailboat canoe kayak rowboat speedboat", "sailboats canoes kayaks rowboats speedboats",
        "ship ships raft rafts rafting vessel kayaker kayakers kayaking canoeing rowing rower ferry yacht gondola "
        "harbor dock sailing sail paddling paddle paddles wakeboarder wakeboarding rapids",
    ),
    _thing("truck", "trucks", hints="vehicle vehicles pickup van lorry jeep tractor suv"),
    _thing(
        "skateboard", "skateboards",
        hints=f"{_BOARD} skateboarder skateboarders skateboarding skater skaters skate skates skating ramp",
    ),
    _thing(
        "snowboard", "snowboards", hints=f"{_BOARD} snowboarder snowboarders snowboarding snow ski skis sled slope"
    ),
    _thing(
        "surfboard", "surfboards",
        hints=f"{_BOARD} surfer surfers surfing surf surfs wave waves wakeboard wakeboarder bodyboard ocean windsurfer",
    ),
    _thing(
        "guitar", "guitars",
        hints="musician musicians band instrument instruments bass guitarist music concert banjo performer rock",
    ),
    _thing("umbrella", "umbrellas", hints="parasol rain"),
    _thing("kite", "kites", hints="flying parasail parachute"),
    _thing("tent", "tents", hints="camp camping campsite campers canopy"),
    _thing("pizza", "pizzas", hints="food slice slices meal"),
    _thing("cake", "cakes", hints="food dessert birthday pie cupcake pastry"),
    # Often there without being named: asked about only where they are.
    _thing("car", "cars", salient=False),
    _thing("ball", "balls", "football basketball baseball", "footballs basketballs baseballs", salient=False),
    _thing("man", "men", "guy", "guys", salient=False),
    _thing("woman", "women", "lady", "ladies", salient=False),
    _thing("boy", "boys", salient=False),
    _thing("girl", "girls", salient=False),
    _thing("child", "children", "kid toddler", "kids toddlers", salient=False),
    _thing("baby", "babies", "infant", "infants", salient=False),
    _thing("person", "people", "", "persons", salient=False),
)  # fmt: skip
PEOPLE = frozenset({"man", "woman", "boy", "girl", "child", "baby", "person"})
ANIMALS = frozenset({"dog", "cat", "horse", "cow", "elephant", "giraffe", "zebra", "bear", "bird"})
# Asked about by their colour alone.
CLOTHES = _words(
    """
    shirt t-shirt tshirt jacket coat dress hat cap sweater sweatshirt hoodie vest skirt swimsuit helmet scarf
    """
)
COLOURS = {
    "black": "black", "white": "white", "grey": "grey", "gray": "grey", "red": "red", "orange": "orange",
    "brown": "brown", "yellow": "yellow", "green": "green", "blue": "blue", "purple": "purple", "pink": "pink",
}  # fmt: skip
# Said of a thing, they make its colour another, or several.
NOT_ONE_COLOUR = _words(
    """
    tan beige gold golden blond blonde cream maroon navy teal turquoise silver multicolored multi-colored colorful
    colored spotted striped plaid checkered patterned floral camouflage two-tone brindle dark dark-colored light
    light-colored bright tie-dye polka-dotted reddish khaki olive lime violet lavender rainbow
    """
)
NUMBERS = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "2": 2, "3": 3, "4": 4, "5": 5, "6": 6, "7": 7, "8": 8, "9": 9, "10": 10,
}  # fmt: skip
DETERMINERS = _words("a an the one his her their its this that another")
# A caption with one of these may name what is not there, or not real.
UNREAL = _words(
    """
    no not without never toy toys stuffed statue statues painting paintings painted picture pictures photo
    photograph poster drawing cartoon costume costumes sculpture mural pretending like shaped sign signs called
    named logo mascot inflatable inflated plush balloon balloons fake empty or either maybe possibly appears seems
    hot carousel rocking print prints shadow reflection mask robot doll dolls lego video game television tv screen
    """
)
MORE_THAN_ONE = _words(
    """
    another other others both several many some group groups team teams crowd crowds couple pair pairs bunch
    various multiple few each together trio herd pack flock line rows row class band family friends all everyone
    """
)
# After a noun, these show that it stands for itself: "dog runs", but not "dog park".
FUNCTION_WORDS = _words(
    """
    . , ; : ! ? & is are was were has have in on at of with and or to by near next from for over under through
    across along behind beside besides between into onto inside outside around against while as who which that
    wearing holding up down off out away after before during above below among amid toward towards atop past looks
    look together about being beneath alongside
    """
)
_VERBS = (
    "run running, jump jumping, leap leaping, play playing, ride riding, walk walking, sit sitting, stand standing, "
    "climb climbing, swim swimming, throw throwing, catch catching, kick kicking, sleep sleeping, eat eating, "
    "drink drinking, dance dancing, sing singing, read reading, ski skiing, surf surfing, skate skating, fly flying, "
    "chase chasing, carry carrying, pull pulling, push pushing, swing swinging, slide sliding, drive driving, "
    "talk talking, smile smiling, laugh laughing, cook cooking, cut cutting, paint painting, draw drawing, "
    "write writing, dig digging, kneel kneeling, crawl crawling, lie lying, rest resting, wait waiting, fish fishing, "
    "bark barking, fetch fetching, splash splashing, skateboard skateboarding, snowboard snowboarding, hit hitting, "
    "bite biting, lick licking, chew chewing, shake shaking, roll rolling, graze grazing, perch perching, "
    "photograph photographing, point pointing, wave waving, hug hugging, kiss kissing, blow blowing, wash washing, "
    "clean cleaning, jog jogging, race racing, hike hiking, paddle paddling, row rowing, golf golfing, juggle juggling"
)


def _verb_forms() -> dict[str, str]:
    forms = {}
    for pair in _VERBS.split(", "):
        stem, doing = pair.split()
        if stem.endswith(("ch", "sh", "s", "x", "z")):
            third = f"{stem}es"
        else:
            third = f"{stem[:-1]}ies" if stem.endswith("y") and stem[-2] not in "aeiou" else f"{stem}s"
        forms[third] = forms[doing] = doing
    return forms


DOING = _verb_forms()  # "runs" and "running" -> "running"
STEMS = frozenset(pair.split()[0] for pair in _VERBS.split(", "))
_SMALL_WORDS = _words(
    """
    a an the this that these those there is are was were be being been of in on at to by with and or for from into
    onto over under through across along near next while as his her their its it he she they him them who which
    some one two three up down off out front back background top side
    """
)


def words_of(text: str) -> list[str]:
    """Lower case words and punctuation marks, in order; hyphened words stay whole."""
    return _WORD.findall(text.lower())


def content_words(texts: Sequence[str]) -> set[str]:
    """What texts are about: their words without the small ones, plurals and forms of a verb made alike."""
    found = set()
    for text in texts:
        for word in words_of(text):
            if word.isalpha() and word not in _SMALL_WORDS:
                word = _SINGULAR.get(word, DOING.get(word, word))
                found.add(word)
    return found


_SINGULAR = {word: thing.name for thing in THINGS for word in thing.one | thing.many}
