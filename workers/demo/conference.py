"""The people and missions of the conference that `make demo` shows. All of it is made up, and the
same on every run."""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

EVENT_ID = "common-ground"
NAME = "Common Ground"
TIMEZONE = "Europe/Amsterdam"


class Mission(NamedTuple):
    id: str
    title: str
    description: str
    points: int
    category: str
    requires: tuple[str, ...] = ()


# In the order in which people tend to take them.
MISSIONS = (
    Mission(
        "complete_profile",
        "Complete your profile",
        "Say what you do and what you look for, so that others recognise you.",
        10,
        "Prepare",
    ),
    Mission(
        "set_networking_goals",
        "Set networking goals",
        "Name up to three things that you want to take home from these days.",
        15,
        "Prepare",
    ),
    Mission(
        "plan_your_day",
        "Plan your day",
        "Pick three sessions that you do not want to miss.",
        10,
        "Prepare",
    ),
    Mission(
        "meet_attendees",
        "Meet the attendees",
        "Look at three profiles, write to somebody, or schedule a sync.",
        15,
        "Meet",
    ),
    Mission(
        "speak_to_speaker",
        "Speak to the speaker",
        "Send a speaker a question before the talk.",
        15,
        "Learn",
    ),
    Mission(
        "visit_sponsors",
        "Visit three sponsors",
        "See what they are working on in the hall.",
        15,
        "Explore",
    ),
    Mission(
        "ask_in_session",
        "Ask in a session",
        "Take the microphone once. Short questions count double in the room.",
        15,
        "Learn",
        ("plan_your_day",),
    ),
    Mission(
        "hold_a_sync",
        "Hold a sync",
        "Sit down with somebody you have just met, for a quarter of an hour.",
        20,
        "Meet",
        ("meet_attendees",),
    ),
    Mission(
        "share_a_takeaway",
        "Share a takeaway",
        "Tell the others one thing that you will do differently.",
        15,
        "Learn",
        ("ask_in_session", "speak_to_speaker"),
    ),
    Mission(
        "follow_up",
        "Follow up",
        "Agree on a next step with somebody from your syncs.",
        30,
        "Meet",
        ("set_networking_goals", "hold_a_sync"),
    ),
)


class Field(NamedTuple):
    industry: str
    companies: Sequence[str]
    roles: Sequence[str]
    interests: Sequence[str]
    goals: Sequence[str]
    offers: Sequence[str]
    seeks: Sequence[str]


# What people of one field look for, others offer.
FIELDS = (
    Field(
        "Climate tech",
        ("Tidewright", "Heatloop", "Fennel Grid", "Sparrow Carbon"),
        ("Founder", "Hydrologist", "Head of Partnerships", "Grid Engineer"),
        ("heat pumps", "flood models", "carbon accounting", "community energy"),
        ("Find a city that will pilot with us", "Learn how others price a pilot"),
        ("sensor data", "help with tenders", "apprenticeships", "a pilot to invest in"),
        ("municipal pilots", "seed investment", "data engineering"),
    ),
    Field(
        "Healthcare",
        ("Marrow & Main", "Nightingale Lab", "Quiet Ward", "Oriel Health"),
        ("Product Manager", "Clinical Lead", "Data Scientist", "Nurse Educator"),
        ("triage", "medical imaging", "patient safety", "privacy"),
        ("Meet hospitals that share data well", "Hear what nurses would change first"),
        ("clinicians to interview", "a validated test set", "design partners"),
        ("UX research", "regulatory advice", "sensor data"),
    ),
    Field(
        "Developer tools",
        ("Hexagon Street", "Plainlog", "Copperline", "Small Hours"),
        ("Staff Engineer", "Developer Advocate", "CTO", "Open Source Maintainer"),
        ("event sourcing", "observability", "Postgres", "developer experience"),
        ("Compare notes on running event stores", "Find maintainers to sponsor"),
        ("data engineering", "mentoring", "volunteers who code", "civic technology"),
        ("design partners", "seed investment", "workshop formats"),
    ),
    Field(
        "Education",
        ("Lantern School", "Chalk & Wire", "Open Atelier", "Second Bell"),
        ("Programme Lead", "Learning Designer", "Researcher", "Head Teacher"),
        ("adult learning", "apprenticeships", "assessment", "accessibility"),
        ("Find mentors for our apprentices", "See how others measure learning"),
        ("workshop formats", "a class that tries things out", "speakers for a night series"),
        ("mentoring", "apprenticeships", "volunteers who code"),
    ),
    Field(
        "Finance",
        ("Ledgerdale", "Harbour Credit", "Mosaic Ventures", "Third Column"),
        ("Investor", "Risk Analyst", "Payments Lead", "Founder"),
        ("embedded finance", "fraud detection", "impact investing", "payments"),
        ("Meet five founders before lunch", "Understand open banking outside Europe"),
        ("seed investment", "regulatory advice", "feedback on a pitch"),
        ("a pilot to invest in", "a validated test set", "co-investors"),
    ),
    Field(
        "Culture and cities",
        ("Studio Kade", "Night Tram", "Public Hours", "The Long Table"),
        ("Urban Planner", "Curator", "Service Designer", "Producer"),
        ("public space", "participation", "mobility data", "storytelling"),
        ("Bring a workshop home to my city", "Find people who build with residents"),
        ("municipal pilots", "UX research", "a venue for thirty people"),
        ("speakers for a night series", "civic technology", "help with tenders"),
    ),
)

NAMES = """
Ines Duarte, Noor Haddad, Tomasz Zielinski, Aiko Tanaka, Femi Adeyemi, Lucia Moretti, Anders
Lindqvist, Priya Raman, Mateo Herrera, Hanna Keller, Youssef Benali, Clara Dubois, Dmitri
Petrov, Leila Karimi, Jonas Brandt, Amara Okafor, Wouter Visser, Sofia Almeida, Kwame Mensah,
Elif Yilmaz, Rafael Costa, Mei Chen, Oskar Nyberg, Nadia Rahman, Samuel Osei, Ingrid Solberg,
Tariq Aziz, Beatriz Carvalho, Luca Ferri, Zanele Dlamini, Henrik Madsen, Farah Nasser, Diego
Rojas, Maren Vogel, Kofi Boateng, Alina Popescu, Bram Jansen, Yuki Mori, Omar Khalil, Greta
Winter, Pablo Navarro, Sanne Bakker, Idris Bello, Chiara Ricci, Viktor Novak, Thandi Mokoena,
Emil Larsen, Rania Saleh, Joao Pinto, Freya Berg, Arjun Mehta, Lotte Smit, Nikos Papadakis,
Salma Idrissi, Piotr Nowak, Asha Desai, Gabriel Laurent, Mila Horvat, Hugo Martin, Soraya Farouk
"""


HEADLINES = (
    "{role} at {company}, into {interest}",
    "{role}. Ask me about {interest}",
    "{role} at {company}, and curious about {interest}",
    "{interest} by day, {company} by night",
)


class Person(NamedTuple):
    id: str
    profile: dict[str, object]

    @property
    def name(self) -> str:
        return str(self.profile["name"])


def _person(number: int, name: str) -> Person:
    own = Random(number)  # noqa: S311 - the same person on every run is the point
    field, other = FIELDS[number % len(FIELDS)], own.choice(FIELDS)
    third = FIELDS[(number + number // len(FIELDS)) % len(FIELDS)]
    role, company = own.choice(field.roles), own.choice(field.companies)
    profile = {
        "name": name,
        "headline": own.choice(HEADLINES).format(
            role=role, company=company, interest=own.choice(field.interests)
        ),
        "company": company,
        "role": role,
        "interests": _distinct(*own.sample(field.interests, 2), own.choice(other.interests)),
        "industries": _distinct(field.industry, other.industry),
        "focus_areas": own.sample(field.interests, 2),
        "goals": _distinct(own.choice(field.goals), own.choice(third.goals)),
        "offers": _distinct(*own.sample(field.offers, 2), own.choice(third.offers)),
        "seeks": _distinct(own.choice(field.seeks), own.choice(third.seeks)),
        "visibility": "hidden" if number == 41 else "listed",
        "on_leaderboard": number not in (17, 52),
    }
    profile["headline"] = _capital(str(profile["headline"]))
    return Person("usr_" + name.lower().replace(" ", "_"), profile)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _distinct(*words: str) -> list[str]:
    return list(dict.fromkeys(words))


PEOPLE = tuple(_person(i, " ".join(name.split())) for i, name in enumerate(NAMES.split(",")))
REGULAR, NEWCOMER = VISITORS = PEOPLE[:2]  # as whom people sign in


def plan(person: Person) -> list[str]:
    """The missions that a person has completed when the demo begins, in their order."""
    if person is REGULAR:
        return ["set_networking_goals", "meet_attendees", "speak_to_speaker"]
    if person is NEWCOMER:
        return []
    own = Random(person.id)  # noqa: S311 - as above
    done: list[str] = []
    for mission in MISSIONS[: own.choice((0, 2, 3, 4, 5, 6, 7, 9))]:
        if own.random() < 0.75 and set(mission.requires) <= set(done):
            done.append(mission.id)
    return done
