"""Titles and topics of the talks that `make demo` shows. All of them are made up."""

from typing import NamedTuple


class Talk(NamedTuple):
    track: str
    areas: tuple[str, ...]
    title: str
    description: str


def _talks(track: str, *talks: tuple[tuple[str, ...], str, str]) -> tuple[Talk, ...]:
    return tuple(Talk(track, *talk) for talk in talks)


TALKS = (
    *_talks(
        "Climate tech",
        (
            ("flood models",),
            "Forty rivers, one model",
            "What it took to make flood warnings that a town clerk believes.",
        ),
        (
            ("heat pumps", "community energy"),
            "A street that heats itself",
            "Twelve households share one loop. The pipes were the easy part.",
        ),
        (
            ("carbon accounting",),
            "Carbon ledgers that add up",
            "Double entry for emissions: what balances, what never will, and why that is useful.",
        ),
        (
            ("community energy",),
            "Who owns the battery?",
            "Three ways to share storage, with the contracts that went with them.",
        ),
        (
            ("flood models", "carbon accounting"),
            "Sensors in the mud",
            "Cheap instruments fail in interesting ways. We kept a diary of theirs.",
        ),
        (
            ("heat pumps",),
            "Quieter, smaller, sooner",
            "A year of heat pumps in flats that were said to be too old for them.",
        ),
    ),
    *_talks(
        "Healthcare",
        (
            ("triage",),
            "The first five minutes",
            "What changes in a waiting room when the queue explains itself.",
        ),
        (
            ("medical imaging", "privacy"),
            "Pictures without people",
            "Sharing scans for research so that nobody can be found in them.",
        ),
        (
            ("patient safety",),
            "Near misses, told well",
            "A ward that writes down what almost went wrong, and reads it aloud on Fridays.",
        ),
        (
            ("privacy",),
            "Consent is a conversation",
            "Forms that people understand, tried with two hundred of them.",
        ),
        (
            ("triage", "patient safety"),
            "Nurses design the alarm",
            "We threw away nine tenths of the sounds. What is left is heard.",
        ),
        (
            ("medical imaging",),
            "When the model is unsure",
            "Showing doubt to a radiologist without wasting their afternoon.",
        ),
    ),
    *_talks(
        "Developer tools",
        (
            ("event sourcing", "Postgres"),
            "Everything that happened, in one table",
            "An event store of two hundred lines, and the six that were hard.",
        ),
        (
            ("observability",),
            "Logs nobody reads",
            "How we deleted most of them and found outages sooner.",
        ),
        (
            ("developer experience",),
            "The one-command setup",
            "From a fresh laptop to a running product in under a minute, honestly measured.",
        ),
        (
            ("Postgres",),
            "Index or rewrite?",
            "Ten slow queries, taken apart on stage.",
        ),
        (
            ("event sourcing", "observability"),
            "Replay as a debugging tool",
            "Yesterday's traffic against today's code, every night.",
        ),
        (
            ("developer experience",),
            "Error messages as an interface",
            "Say what is wrong, where, and what to do next. That is the whole talk.",
        ),
    ),
    *_talks(
        "Education",
        (
            ("adult learning",),
            "Learning at sixty",
            "What we changed when half of the class had grandchildren.",
        ),
        (
            ("apprenticeships",),
            "Hire them before they are ready",
            "An apprenticeship from both sides of the desk.",
        ),
        (
            ("assessment",),
            "Marks that teach",
            "Feedback first, grade a week later: what happened to both.",
        ),
        (
            ("accessibility", "assessment"),
            "The exam that everyone can sit",
            "One paper, no special arrangements, and how long it took to write.",
        ),
        (
            ("accessibility",),
            "Captions for a noisy workshop",
            "Live text in a room full of lathes.",
        ),
        (
            ("adult learning", "apprenticeships"),
            "Evening school, reopened",
            "A building, a kettle, and a timetable that fits around shifts.",
        ),
    ),
    *_talks(
        "Finance",
        (
            ("payments",),
            "A payment is three promises",
            "Authorise, capture, settle: where each of them breaks.",
        ),
        (
            ("fraud detection",),
            "Catching the patient thief",
            "Fraud that waits for a year looks like a good customer.",
        ),
        (
            ("impact investing",),
            "Returns you can explain",
            "How a small fund says what its money did, in one page.",
        ),
        (
            ("embedded finance", "payments"),
            "Banking inside the till",
            "What shopkeepers asked for, and what they use.",
        ),
        (
            ("fraud detection", "embedded finance"),
            "False alarms have a price",
            "We asked those whose cards we had blocked.",
        ),
        (
            ("impact investing",),
            "Lending to a co-operative",
            "Forty owners, one signature, and a spreadsheet that grew up.",
        ),
    ),
    *_talks(
        "Culture and cities",
        (
            ("public space",),
            "Benches first",
            "A square redesigned from where people sat already.",
        ),
        (
            ("participation",),
            "The meeting that residents liked",
            "Childcare, soup, and decisions that were made in the room.",
        ),
        (
            ("mobility data",),
            "Counting bicycles kindly",
            "Useful traffic data that follows nobody home.",
        ),
        (
            ("storytelling", "public space"),
            "Night walks",
            "Lighting a neighbourhood by listening to it.",
        ),
        (
            ("participation", "storytelling"),
            "Maps drawn by children",
            "What is on them, and what the planners had missed.",
        ),
        (
            ("mobility data",),
            "The tram that waits",
            "One minute of patience, modelled.",
        ),
    ),
)

LIGHTNING = (
    "Lightning talks: things that failed",
    "Lightning talks: tools we made for ourselves",
    "Lightning talks: one slide each",
)
