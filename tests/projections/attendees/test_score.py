import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.attendees import Profile
from projections.attendees import score
from projections.attendees.score import FIELDS, KINDS, UNKNOWN, match, rarity, values
from projections.attendees.words import key

values_of = st.lists(st.sampled_from(["AI", "ai", "Ai infra", "ai_infra", "web", "-", ""]))
tags = values_of.map(lambda found: tuple(found[:3]))
PROFILES = st.builds(
    Profile,
    name=st.just("A name"),
    interests=tags,
    focus_areas=tags,
    industries=tags,
    goals=tags,
    offers=tags,
    seeks=tags,
)


def even(field: str, name: str) -> float:
    return 0.5


@given(you=PROFILES, they=PROFILES)
def test_every_reason_is_true_of_both(you: Profile, they: Profile) -> None:
    said = match(you, they, even)
    for reason in said.reasons:
        (kind,) = (k for k in KINDS if reason.startswith(k.says.format("")))
        named = reason.removeprefix(kind.says.format("")).replace(" and ", ", ").split(", ")
        for name in named:
            assert name in values(they, kind.theirs).values()
            assert key(name) in values(you, kind.yours)


@given(you=PROFILES, they=PROFILES)
def test_score_is_above_zero_where_something_is_shared_and_only_there(
    you: Profile, they: Profile
) -> None:
    said = match(you, they, even)
    shared = any(values(you, k.yours).keys() & values(they, k.theirs).keys() for k in KINDS)
    assert said.scored == shared == (said.match_score > 0) == bool(said.reasons)
    assert 0 <= said.match_score <= 1
    assert shared or said == UNKNOWN


@given(you=PROFILES, they=PROFILES, more=tags)
def test_more_in_common_scores_no_less(you: Profile, they: Profile, more: Any) -> None:
    richer = [Profile("A name", interests=(*p.interests, *more)) for p in (you, they)]
    plain = [Profile("A name", interests=p.interests) for p in (you, they)]
    assert match(*richer, even).match_score >= match(*plain, even).match_score


@given(of=st.integers(1, 50_000), data=st.data())
def test_rare_value_is_worth_more(of: int, data: st.DataObject) -> None:
    having = data.draw(st.integers(1, of))
    assert 0 < rarity(of, of) <= rarity(having, of) <= rarity(1, of) == 1
    assert math.isclose(rarity(1, of), 1)


def test_tags_are_the_worthiest_first_each_once_as_the_other_writes_them() -> None:
    you = Profile("Ada", interests=("ai infra", "web"), seeks=("AI Infra",))
    they = Profile("Ben", interests=("Web", "AI_infra"), offers=("ai-infra",))
    said = match(you, they, lambda field, name: 0.1 if name == "web" else 0.9)
    assert said.overlap_tags == ("ai-infra", "Web")
    assert said.reasons == (
        "They offer what you seek: ai-infra",
        "You are both interested in Web",
    )
    assert set(FIELDS) == {k.theirs for k in KINDS}
    assert score.REASONS == 4
