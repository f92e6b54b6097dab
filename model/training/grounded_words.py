"""What facts are worded with: statements, questions and what fills their blanks, one set for training, one for
evaluation, and kinds of facts that only training has, so that no kind is learned by heart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Part = Literal["train", "test"]
Source = Literal["visual", "speech", "text"]


@dataclass(frozen=True)
class Kind:
    source: Source
    statements: dict[Part, tuple[str, ...]]
    questions: dict[Part, tuple[str, ...]]
    sentence: str
    answer: str


def _kind(
    source: Source, sentence: str, answer: str, train: Sequence[str], test: Sequence[str], asked: Sequence[str]
) -> Kind:
    """asked: questions; the last one is for evaluation."""
    return Kind(
        source, {"train": tuple(train), "test": tuple(test)},
        {"train": tuple(asked[:-1]), "test": (asked[-1],)}, sentence, answer,
    )  # fmt: skip


KINDS = {
    "opens": _kind(
        "speech", "The {place} opens at {time}.", "{time}",
        ["The {place} opens at {time}.", "You can visit the {place} from {time} on.",
         "At {time}, the {place} lets the first visitors in.", "Come to the {place} at {time}, not earlier."],
        ["The doors of the {place} open at {time}.", "From {time} on the {place} is open to all."],
        ["When does the {place} open?", "What time does the {place} open?", "At what time can one enter the {place}?"],
    ),
    "meets": _kind(
        "speech", "{name} will meet {other} at the {spot}.", "{spot}",
        ["{name} will meet {other} at the {spot}.", "{name} is going to see {other} at the {spot}.",
         "At the {spot}, {name} and {other} will see each other again."],
        ["{name} and {other} have agreed to meet at the {spot}."],
        ["Where will {name} meet {other}?", "At which place does {name} meet {other}?",
         "Where do {name} and {other} want to meet?"],
    ),
    "costs": _kind(
        "speech", "A {ware} costs {price}.", "{price}",
        ["A {ware} costs {price}.", "You pay {price} for a {ware}.", "For {price} you get a {ware}.",
         "I bought a {ware} for {price}."],
        ["The price of a {ware} is {price}.", "They sell each {ware} for {price}."],
        ["How much does a {ware} cost?", "What does a {ware} cost?", "What is the price of a {ware}?"],
    ),
    "works": _kind(
        "speech", "{name} is a {job}.", "{job}",
        ["{name} works as a {job}.", "My friend {name} is a {job}.", "{name} makes a living as a {job}."],
        ["{name} has been a {job} for years.", "By trade {name} is a {job}."],
        ["What is {name}'s job?", "What does {name} work as?", "What does {name} do for a living?"],
    ),
    "comes": _kind(
        "speech", "{name} comes from {city}.", "{city}",
        ["{name} comes from {city}.", "{name} was born in {city}.", "{city} is where {name} is from."],
        ["{name} grew up in {city}.", "The home town of {name} is {city}."],
        ["Where does {name} come from?", "Which city is {name} from?", "What is the home town of {name}?"],
    ),
    "adds": _kind(
        "speech", "You need {amount} of {food}.", "{amount}",
        ["Now add {amount} of {food}.", "Put {amount} of {food} into the bowl.",
         "It takes {amount} of {food}."],
        ["Next, {amount} of {food} go in.", "We need {amount} of {food} for this."],
        ["How much {food} is added?", "How much {food} goes into the bowl?", "How much {food} does one need?"],
    ),
    "weather": _kind(
        "speech", "It will be {weather} in {city}.", "{weather}",
        ["It will be {weather} in {city} tomorrow.", "In {city} we expect {weather} weather.",
         "Tomorrow will be {weather} all over {city}."],
        ["For {city} the forecast is {weather} weather."],
        ["What will the weather be like in {city}?", "How will the weather be in {city}?",
         "What is the forecast for {city}?"],
    ),
    "wins": _kind(
        "speech", "The {team} won the {contest}.", "{team}",
        ["The {team} won the {contest}.", "The winners of the {contest} are the {team}.",
         "In the {contest}, the {team} beat everybody."],
        ["It was the {team} who took first place in the {contest}."],
        ["Who won the {contest}?", "Which team won the {contest}?", "Who took first place in the {contest}?"],
    ),
    "platform": _kind(
        "text", "The train to {city} leaves from platform {digit}.", "platform {digit}",
        ["Train to {city}: platform {digit}", "{city} - platform {digit}", "Platform {digit}: {city}"],
        ["Departures: {city}, platform {digit}"],
        ["From which platform does the train to {city} leave?", "Which platform is the train to {city} on?",
         "Where does the train to {city} depart?"],
    ),
    "room": _kind(
        "text", "The {contest} is in room {number}.", "{number}",
        ["{contest}: room {number}", "Room {number} - {contest}", "{contest} in {number}"],
        ["To the {contest} -> {number}", "{number} {contest} this way"],
        ["Which room is the {contest} in?", "In which room is the {contest}?",
         "What is the room number of the {contest}?"],
    ),
    "card": _kind(
        "text", "{name} is a {job}.", "{job}",
        ["{name}, {job}", "{name} - {job}", "{name} / {job}"],
        ["{job}: {name}", "{name} ({job})"],
        ["What does the text say that {name} is?", "What is {name} according to the text on screen?",
         "Which profession is given for {name}?"],
    ),
    "reduced": _kind(
        "text", "A {ware} is {percent} percent off.", "{percent}",
        ["{ware}: {percent} percent off", "SALE {ware} -{percent} percent", "{percent} percent off: {ware}"],
        ["Today only: {percent} percent less for every {ware}"],
        ["How many percent is a {ware} reduced by?", "What is the discount on a {ware}?",
         "By how many percent does a {ware} get cheaper?"],
    ),
    "day": _kind(
        "text", "The {contest} is on {day}.", "{day}",
        ["{contest}, {day} evening", "{day}: {contest}", "{contest} on {day}"],
        ["Do not miss the {contest} this {day}"],
        ["On which day is the {contest}?", "When is the {contest}?", "Which day does the {contest} take place?"],
    ),
    "phone": _kind(
        "text", "The phone number of the {place} is {phone}.", "{phone}",
        ["{place}: call {phone}", "Tel. {phone} ({place})", "{phone} {place}"],
        ["Questions? The {place} answers at {phone}"],
        ["What is the phone number of the {place}?", "Which number does one call for the {place}?",
         "How can the {place} be reached by phone?"],
    ),
}  # fmt: skip

FILLERS: dict[str, dict[Part, str]] = {
    "place": {
        "train": "museum, library, market hall, harbour office, bakery, cinema, theatre, pharmacy, gallery, zoo",
        "test": "town hall, swimming pool, post office, bookshop, castle, clinic, bicycle shop, garden centre",
    },
    "spot": {
        "train": "station, fountain, bridge, old mill, bus stop, lighthouse, church, corner cafe, north gate, pier",
        "test": "clock tower, ferry landing, tea house, west entrance, stone well, boathouse",
    },
    "time": {
        "train": "eight, nine, ten, half past seven, six in the morning, noon, a quarter to nine, two in the afternoon",
        "test": "half past ten, seven in the morning, a quarter past eight, three in the afternoon, eleven",
    },
    "name": {
        "train": "Anna, Tom, Maria, Peter, Lena, Omar, Julia, Victor, Nadia, Henry, Sofia, Karl, Amina, Luis, Grace",
        "test": "Clara, Marek, Yusuf, Ingrid, Paolo, Hanna, Felix, Mei, Oscar, Ruth",
    },
    "ware": {
        "train": "ticket, lamp, blanket, kettle, chair, map, jacket, teapot, basket, notebook, suitcase, bicycle",
        "test": "guidebook, backpack, mirror, pillow, violin, saucepan, raincoat",
    },
    "price": {
        "train": "twelve euros, five dollars, thirty pounds, two dollars, forty euros, nine pounds, sixty dollars",
        "test": "eighteen euros, seven dollars, twenty-five pounds, three euros, fifty dollars",
    },
    "job": {
        "train": "baker, teacher, nurse, carpenter, pilot, farmer, lawyer, singer, plumber, gardener, chemist",
        "test": "sailor, dentist, librarian, potter, journalist, mechanic, violinist",
    },
    "city": {
        "train": "Leeds, Lisbon, Oslo, Krakow, Ghent, Porto, Boston, Kyoto, Lima, Cairo, Vienna, Toronto",
        "test": "Turin, Bergen, Seville, Denver, Osaka, Tallinn, Nairobi",
    },
    "amount": {
        "train": "two cups, three spoons, a pinch, half a litre, 200 grams, one cup, 50 grams, a handful",
        "test": "four cups, 150 grams, five spoons, a quarter of a litre, two handfuls",
    },
    "food": {
        "train": "flour, sugar, milk, butter, rice, salt, cream, oil, cheese, honey",
        "test": "yoghurt, pepper, cocoa, water, oats, lemon juice",
    },
    "weather": {
        "train": "rainy, sunny, cloudy, windy, cold, warm, foggy, dry",
        "test": "stormy, snowy, hot, mild, icy",
    },
    "team": {
        "train": "blue team, young players, home team, red foxes, local students, northern lions, visitors, juniors",
        "test": "green dragons, silver hawks, older girls, guests from the coast, white wolves",
    },
    "contest": {
        "train": "chess final, boat race, quiz, cooking contest, spring concert, dance evening, film night",
        "test": "ski race, book fair, debate, pottery course, choir rehearsal, flower show",
    },
    "day": {"train": "Monday, Tuesday, Friday, Sunday", "test": "Wednesday, Thursday, Saturday"},
}
CHATTER: dict[Part, tuple[str, ...]] = {
    "train": (
        "Thank you all for being here.", "Let us go on.", "That is really good to know.", "Anyway, back to the story.",
        "I have been waiting for this all week.", "As you can hear, there is some wind.", "So much for that.",
        "And now for something else.",
    ),
    "test": (
        "It is great to see so many of you.", "Give me a second, please.", "We talked about it at breakfast.",
        "I think that says it all.", "Right, moving along.",
    ),
}  # fmt: skip


def _only_taught(source: Source, sentence: str, answer: str, told: Sequence[str], asked: Sequence[str]) -> Kind:
    return Kind(source, {"train": tuple(told), "test": ()}, {"train": tuple(asked), "test": ()}, sentence, answer)


ONLY_TAUGHT = {
    "year": _only_taught(
        "speech", "{name} was born in {year}.", "{year}",
        ["{name} was born in {year}.", "In {year}, {name} was born."],
        ["When was {name} born?", "In which year was {name} born?"],
    ),
    "dish": _only_taught(
        "speech", "{name} likes {dish} best.", "{dish}",
        ["{name} likes {dish} best.", "The favourite dish of {name} is {dish}.", "{name} could eat {dish} every day."],
        ["What does {name} like to eat?", "What is {name}'s favourite dish?"],
    ),
    "vehicle": _only_taught(
        "speech", "{name} went to {city} by {vehicle}.", "{vehicle}",
        ["{name} went to {city} by {vehicle}.", "{name} took the {vehicle} to {city}."],
        ["How did {name} get to {city}?", "How did {name} travel to {city}?"],
    ),
    "pet": _only_taught(
        "speech", "The {animal} of {name} is called {pet}.", "{pet}",
        ["{name} has a {animal} called {pet}.", "The {animal} of {name} answers to {pet}."],
        ["What is the name of {name}'s {animal}?", "What is {name}'s {animal} called?"],
    ),
    "lasts": _only_taught(
        "speech", "The {contest} lasts {duration}.", "{duration}",
        ["The {contest} lasts {duration}.", "The {contest} takes {duration}.", "{duration}, so long is the {contest}."],
        ["How long does the {contest} last?", "How much time does the {contest} take?"],
    ),
    "owner": _only_taught(
        "speech", "The {colour} {ware} belongs to {name}.", "{name}",
        ["The {colour} {ware} belongs to {name}.", "{name} left a {colour} {ware} here."],
        ["Who owns the {colour} {ware}?", "Whose is the {colour} {ware}?"],
    ),
    "reason": _only_taught(
        "speech", "The {contest} was cancelled because of the {reason}.", "{reason}",
        ["The {contest} was cancelled because of the {reason}.", "Because of the {reason} there was no {contest}."],
        ["Why was the {contest} cancelled?", "What was the reason for which the {contest} was cancelled?"],
    ),
    "teacher": _only_taught(
        "speech", "{name} teaches {subject}.", "{name}",
        ["{name} teaches {subject}.", "In {subject} our teacher is {name}."],
        ["Who teaches {subject}?", "Who gives the lessons in {subject}?"],
    ),
    "subject": _only_taught(
        "speech", "{name} studies {subject}.", "{subject}",
        ["{name} studies {subject}.", "{name} wanted to learn {subject}."],
        ["What does {name} study?", "Which subject does {name} learn?"],
    ),
    "height": _only_taught(
        "speech", "The {place} is {number} metres high.", "{number}",
        ["The {place} is {number} metres high.", "From top to bottom the {place} measures {number} metres."],
        ["How high is the {place}?", "How many metres high is the {place}?"],
    ),
    "builder": _only_taught(
        "text", "The {place} was built by {name}.", "{name}",
        ["{place}, built by {name}", "{place} (architect: {name})"],
        ["Who built the {place}?", "Who is the architect of the {place}?"],
    ),
    "closed": _only_taught(
        "text", "The {place} is closed on {day}.", "{day}",
        ["{place}: closed on {day}", "Closed {day} - {place}"],
        ["On which day is the {place} closed?", "When is the {place} closed?"],
    ),
    "degrees": _only_taught(
        "text", "It is {digit} degrees in {city}.", "{digit} degrees",
        ["{city} {digit} degrees", "{digit} degrees in {city}"],
        ["How warm is it in {city}?", "What is the temperature in {city}?"],
    ),
    "seats": _only_taught(
        "text", "The {place} has {number} seats.", "{number}",
        ["{place}: {number} seats", "{number} seats ({place})"],
        ["How many seats does the {place} have?", "How many people can sit in the {place}?"],
    ),
    "address": _only_taught(
        "text", "The web address of the {place} is www.{pet}.example.", "www.{pet}.example",
        ["{place}: www.{pet}.example", "www.{pet}.example - {place}"],
        ["What is the web address of the {place}?", "Where is the {place} found on the web?"],
    ),
    "drawn": _only_taught(
        "text", "{name} is the {role}.", "{name}",
        ["{role}: {name}", "{name}, {role}"],
        ["Who is the {role}?", "What is the name of the {role}?"],
    ),
}  # fmt: skip
FILLERS_ONLY_TAUGHT = {
    "year": "1931, 1948, 1955, 1962, 1977, 1983, 1990, 1996, 2001, 2004",
    "dish": "mushroom soup, fried rice, apple pie, pancakes, fish and chips, noodles, potato salad, lentils, dumplings",
    "vehicle": "train, bus, bicycle, boat, night train, plane, taxi, scooter",
    "animal": "dog, cat, parrot, rabbit, horse, tortoise, goat",
    "pet": "Biscuit, Pepper, Comet, Shadow, Daisy, Rocket, Muffin, Bruno, Olive, Ziggy",
    "duration": "two hours, twenty minutes, three days, an hour and a half, ten minutes, all night, one week",
    "colour": "red, blue, green, yellow, black, white, brown, grey, orange",
    "reason": "storm, strike, heat, power cut, snow, flood, broken roof, noise",
    "subject": "history, physics, Spanish, painting, biology, music, geography, law",
    "role": "director, editor, camera operator, author, producer, speaker, host, composer",
}
