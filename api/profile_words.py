"""Words of others' profiles, so that whoever describes themselves may use the same."""

from typing import Any

from litestar import Response, get
from msgspec import Struct

from api.directory import TAGS, earliest, look, shown
from api.http.fields import EventId
from api.http.problems import documented
from api.http.request import Request
from api.reads.reading import answer, who_asks
from projections.attendees import score
from projections.attendees.directory import Count
from projections.question import MemberAsk

PATH = "/api/events/{event_id:str}/profile-words"
WORDS = 12  # of a field
FIELDS = {"interests": "topics"} | {f: f for f in ("industries", "goals", "offers", "seeks")}


class ProfileWords(Struct, frozen=True):
    """`words`: by field of a profile, its most frequent values with how many have each. Focus areas
    are among the interests."""

    event_id: str
    member_id: str
    words: dict[str, list[Count]]


@get(
    PATH,
    tags=TAGS,
    summary="Words that others here wrote in their profiles, to choose from",
    description=f"Of those whom the asker sees: of each field the {WORDS} most frequent.",
    responses=documented(400, 401, 403, 404, 429, 503),
)
async def get_profile_words(request: Request, event_id: EventId) -> Response[ProfileWords]:
    ask = MemberAsk(event_id, await who_asks(request, event_id))
    mine, index, told = await look(request, ask)
    seen = index.seen(ask.member_id, mine.blocks)
    found = {name: index.frequent(field, seen, WORDS) for name, field in FIELDS.items()}
    # As somebody writes it who may be seen as of now.
    writers = dict.fromkeys(who for values in found.values() for who, _, _ in values)
    people, headers = await shown(request, ask, [*writers])
    spelled = {one.member_id: one for one in people}
    words = {
        name: [
            Count(text, count)
            for who, key, count in values
            if who in spelled and (text := score.values(spelled[who], FIELDS[name]).get(key))
        ]
        for name, values in found.items()
    }
    return answer(ProfileWords(event_id, ask.member_id, words), earliest(told, headers))


ROUTES: Any = (get_profile_words,)
