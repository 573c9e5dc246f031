"""Whom a name finds: one by ID or name, all namesakes, or those with the nearest names."""

import pytest

from salted_assets.output.scorecard.agent_page import Person, find_people, suggest_people

ZOE, ADA, OTHER_ADA, JO = (
    Person("p1", "Zoë  Zhang", "North"),
    Person("p2", "Ada Byron", "North"),
    Person("p3", "Ada Byron", "South"),
    Person("ADA BYRON", "João Rossi", "South"),
)
PEOPLE = [ADA, OTHER_ADA, JO, ZOE]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("p1", [ZOE]),
        ("Zoë  Zhang", [ZOE]),
        ("zoe zhang", [ZOE]),
        (" ZOË ZHANG ", [ZOE]),
        ("Ada Byron", [ADA, OTHER_ADA]),
        ("ada byron", [ADA, OTHER_ADA]),
        ("ADA BYRON", [JO]),
        ("Ada", []),
        ("", []),
    ],
)
def test_a_text_finds_an_id_or_all_of_a_name(text: str, found: list[Person]) -> None:
    assert find_people(PEOPLE, text) == found


@pytest.mark.parametrize(
    ("text", "first"), [("Ada", ADA), ("Joao", JO), ("Zoey Zang", ZOE), ("rosi", JO), ("Bryon, Ada", ADA)]
)
def test_the_nearest_name_comes_first(text: str, first: Person) -> None:
    assert suggest_people(PEOPLE, text)[0] == first


@pytest.mark.parametrize("text", ["", "xxxxxxx", "..."])
def test_what_is_like_no_name_suggests_nobody(text: str) -> None:
    assert suggest_people(PEOPLE, text) == []
