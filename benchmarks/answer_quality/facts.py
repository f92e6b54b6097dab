"""Facts that the films tell: spoken sentences and written cards, each with questions in other words than its own.

A fact has one slot, filled by seed; the slot's value is the answer. No two facts speak of the same thing, so that a
question about one of them is not answered by another, and a fact that a film leaves out is absent from it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_UNITS = "zero one two three four five six seven eight nine ten eleven twelve".split()  # noqa: SIM905
_TENS = {20: "twenty", 30: "thirty", 40: "forty", 60: "sixty", 80: "eighty", 90: "ninety"}

SLOTS: dict[str, tuple[str, ...]] = {
    "name": ("Oliver", "Anna", "Martin", "Laura", "Robert", "Emily", "Peter", "Alice", "Henry", "Rachel"),
    "city": ("London", "Paris", "Boston", "Chicago", "Berlin", "Madrid", "Rome", "Dublin"),
    "country": ("Canada", "Japan", "Sweden", "Brazil", "Norway", "Portugal"),
    "weekday": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"),
    "month": ("January", "March", "April", "August", "October", "November"),
    "dog": ("Rusty", "Bella", "Charlie", "Daisy", "Molly"),
    "number": ("3", "5", "6", "7", "8", "9", "11", "12", "20", "30", "40", "60", "80", "90"),
    "hour": ("6", "7", "8", "9", "10", "11"),
    "fruit": ("cherries", "peaches", "lemons", "strawberries", "melons"),
    "job": ("pilots", "nurses", "farmers", "lawyers", "dancers"),
    "metal": ("gold", "silver", "copper", "iron"),
    "price": ("2.50", "3.20", "4.80", "6.90", "7.40", "12.60"),
    "phone": ("555 0142", "555 0187", "555 0163", "555 0119"),
    "site": ("greenhill", "oldmill", "northgate", "riverside"),
    "room": ("104", "212", "318", "427"),
    "percent": ("15", "25", "35", "70"),
    "surname": ("Hughes", "Stone", "Fischer", "Morgan", "Wallace"),
    "gate": ("B14", "C22", "A37", "D51"),
    "date": ("14 March", "3 October", "27 April", "9 August"),
    "grams": ("250", "350", "450", "650"),
    "distance": ("17", "23", "38", "46"),
}


@dataclass(frozen=True)
class Fact:
    """`told` holds one {slot}. `about` names its subject in a question, the first in its own words, the others not."""

    told: str  # a sentence, or the lines of a card
    asks: tuple[str, ...]
    about: tuple[str, ...]

    @property
    def slot(self) -> str:
        return re.findall(r"\{(\w+)\}", self.told)[0]

    def tell(self, value: str) -> str:
        return self.told.format(**{self.slot: value})


SPOKEN = (
    Fact("The village baker is called {name}.",
         ("What is the name of the person who bakes the bread?", "Who is the baker of the village?"),
         ("the baker", "the man or woman who makes bread")),
    Fact("The museum opens its doors at {hour} o'clock.",
         ("At which hour can visitors enter the museum?", "How early does the museum open?"),
         ("the museum", "when the exhibition can be visited")),
    Fact("Our choir has {number} members.",
         ("How many people sing in the choir?", "How large is the group of singers?"),
         ("the choir", "the singers")),
    Fact("The doctor's dog is named {dog}.",
         ("What is the doctor's pet called?", "What name does the dog of the doctor have?"),
         ("the doctor's dog", "the physician's pet")),
    Fact("The winter storm lasted {number} days.",
         ("How long did the storm go on?", "For how many days was there a storm?"),
         ("the storm", "the bad weather")),
    Fact("The violin teacher moved here from {city}.",
         ("Where did the music teacher live before?", "Which city does the violin teacher come from?"),
         ("the violin teacher", "the woman who teaches music")),
    Fact("The new library cost {number} million dollars.",
         ("How expensive was the library?", "How many millions were spent on the library?"),
         ("the library", "the house of books")),
    Fact("The first train of the day goes to {city}.",
         ("What is the destination of the earliest train?", "Which city does the first train travel to?"),
         ("the first train", "the early railway service")),
    Fact("The mayor of the town is {name}.",
         ("Who governs the town?", "What is the mayor called?"),
         ("the mayor", "the head of the town")),
    Fact("The cheese must ripen for {number} weeks.",
         ("How long does the cheese need?", "For how many weeks is the cheese left alone?"),
         ("the cheese", "how the dairy product matures")),
    Fact("The marathon begins on {weekday} morning.",
         ("On which day do the runners start?", "Which weekday is the race held on?"),
         ("the marathon", "the long race")),
    Fact("The swimming pool is closed in {month}.",
         ("In which month can nobody swim there?", "Which month is the pool shut?"),
         ("the swimming pool", "the place where people swim")),
    Fact("The telescope was a gift from {country}.",
         ("Which country gave the telescope?", "Where does the telescope come from?"),
         ("the telescope", "the instrument for looking at the stars")),
    Fact("The painter sold his first picture for {number} dollars.",
         ("How much did the artist get for his first work?", "How many dollars did the painter earn at first?"),
         ("the painter", "the artist's first sale")),
    Fact("The hikers reached the summit after {number} hours.",
         ("How long did the climb to the top take?", "How many hours did the hikers walk?"),
         ("the hikers", "the people who climbed to the top")),
    Fact("The theatre has {number} seats.",
         ("How many people can sit in the theatre?", "How many seats does the theatre have?"),
         ("the theatre", "the size of the playhouse")),
    Fact("The monks grow {fruit} behind the chapel.",
         ("Which fruit do the monks grow?", "What is planted behind the chapel?"),
         ("the monks", "what is grown at the monastery")),
    Fact("The twins want to become {job}.",
         ("Which profession do the twins dream of?", "What would the twins like to be one day?"),
         ("the twins", "the plans of the two siblings")),
    Fact("The robot was invented by {name}.",
         ("Who built the robot?", "What is the name of the robot's inventor?"),
         ("the robot", "the inventor of the machine")),
    Fact("The school band rehearses every {weekday}.",
         ("On which day does the band practise?", "Which weekday do the young musicians meet?"),
         ("the school band", "the practice of the young musicians")),
    Fact("The crown of the king is made of {metal}.",
         ("Which metal is the crown made of?", "What material was used for the king's crown?"),
         ("the crown", "what the monarch wears on his head")),
    Fact("The volcano last erupted in {month}.",
         ("In which month did the volcano erupt?", "Which month was the latest eruption?"),
         ("the volcano", "the mountain that spits fire")),
    Fact("The astronaut grew up in {country}.",
         ("Which country is the astronaut from?", "Where did the space traveller spend her childhood?"),
         ("the astronaut", "the childhood of the space traveller")),
    Fact("The spider has been living here for {number} years.",
         ("How old is the spider at least?", "For how many years has the spider been here?"),
         ("the spider", "the animal with eight legs")),
)  # fmt: skip

WRITTEN = (
    Fact("APPLE PIE\n{price} euros", ("How much does the apple pie cost?", "What is the price of the pie?"),
         ("the apple pie", "the price of the cake")),
    Fact("Taxi service\nCall {phone}", ("What is the phone number of the taxi?", "Which number do I call for a taxi?"),
         ("the taxi", "how to order a cab")),
    Fact("Read more at\nwww.{site}.org", ("Which web address is shown?", "What is the website?"),
         ("the website", "the page on the internet")),
    Fact("SPRING CONCERT\n{date}", ("What is the date of the concert?", "On which day is the concert?"),
         ("the concert", "the evening of music")),
    Fact("Professor {surname}\nGeologist", ("What is the geologist called?", "Which professor is named on the screen?"),
         ("the geologist", "the scientist who studies rocks")),
    Fact("Annual meeting\nRoom {room}", ("Which room is the meeting in?", "What is the number of the meeting room?"),
         ("the meeting", "where the assembly is")),
    Fact("SUMMER SALE\n{percent} % off", ("How big is the discount?", "How much cheaper is it in the sale?"),
         ("the sale", "the discount")),
    Fact("Lakeside\n{distance} km", ("How far is it to Lakeside?", "How many kilometres are left to Lakeside?"),
         ("the way to Lakeside", "the distance to the lake")),
    Fact("THE SILENT VALLEY\na novel by Clara {surname}", ("Who wrote the Silent Valley?", "Who is the author?"),
         ("the novel", "the author of the book")),
    Fact("Flour: {grams} g\nsift it twice", ("How much flour is needed?", "How many grams of flour are used?"),
         ("the flour", "what goes into the dough")),
    Fact("Flight to Lisbon\nGate {gate}", ("Which gate does the flight leave from?", "What is the gate for Lisbon?"),
         ("the flight", "the plane to Lisbon")),
    Fact("Garage\nclosed on {weekday}", ("On which day is the garage shut?", "Which day can I not go to the garage?"),
         ("the garage", "when the workshop is closed")),
    Fact("Chess club\nevery {weekday}", ("Which day does the chess club meet?", "On what weekday is chess played?"),
         ("the chess club", "the evenings with the board game")),
    Fact("Lost parrot\nreward {grams} dollars", ("How much is paid for finding the parrot?", "How high is the reward?"),
         ("the parrot", "the missing bird")),
)  # fmt: skip

ABOUT_SPOKEN = (
    "What does the narrator say about {}?", "What do we hear about {}?", "What is said about {}?",
    "What does the speaker tell us about {}?",
)  # fmt: skip
ABOUT_WRITTEN = (
    "What does the sign say about {}?", "What is written about {}?", "What can be read on the screen about {}?",
    "What does the text on the screen say about {}?",
)  # fmt: skip
WHEN_SPOKEN = (
    "When does the narrator talk about {}?", "When is something said about {}?", "At what time do we hear about {}?",
)  # fmt: skip
WHEN_WRITTEN = ("When is there a sign about {}?", "When does the screen show text about {}?")


def accepted(value: str) -> str:
    """A pattern for the value in an answer: numbers in words or figures, but not as a part of a time."""
    if re.fullmatch(r"\d+", value):
        figures = rf"(?<![\d:.,–\[-]){value}(?![\d:–\]]|[.,]\d)"
        word = number_word(int(value))
        return rf"{figures}|\b{word}\b" if word else figures
    if value[:1].isdigit() or re.fullmatch(r"[A-Z]\d+", value):  # a price, a date, a telephone number, a gate
        return r"[\s.,-]*".join(re.escape(part) for part in re.findall(r"[A-Za-z]+|\d+", value))
    return rf"\b{re.escape(value.removesuffix('s'))}s?\b" if value.islower() else rf"\b{re.escape(value)}"


def number_word(number: int) -> str:
    """Empty for those that nobody says here."""
    return _UNITS[number] if number < len(_UNITS) else _TENS.get(number, "")


def spoken_value(slot: str, value: str) -> str:
    """As a synthesiser should be given it."""
    return number_word(int(value)) if slot in ("number", "hour") else value
