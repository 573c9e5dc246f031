"""Whom a page can be asked for: the people of a day's scores, found by name or ID."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher

import pandas as pd

from salted_assets.history.score_files import read_score_day
from salted_assets.output.scorecard.agent_links import has_page
from salted_assets.output.scorecard.records import list_records
from salted_assets.output.scorecard.table_cells import text_of
from salted_assets.warehouse import Warehouse

SUGGESTED_MAX = 5
_LEAST_LIKENESS = 0.5
_COLUMNS = ("window_days", "agent_pid", "agent_name", "team", "is_bot")


@dataclass(frozen=True)
class Person:
    """An agent who has a page: the name is the ID where none is known."""

    agent_pid: str
    name: str
    team: str


def list_people(warehouse: Warehouse, day: date) -> list[Person]:
    """All who have a page on the day: people with an engagement in the 91 days that end on it, by name.

    Raises WarehouseDamaged for a file that cannot be read.
    """
    rows: pd.DataFrame = read_score_day(warehouse, "agent_rolling", day, _COLUMNS).to_pandas()
    longest_last = rows.sort_values("window_days", kind="stable").drop_duplicates("agent_pid", keep="first")
    people = [
        Person(row["agent_pid"], text_of(row["agent_name"]) or row["agent_pid"], text_of(row["team"]))
        for row in list_records(longest_last)
        if has_page(row["is_bot"])
    ]
    return sorted(people, key=lambda person: (person.name, person.agent_pid))


def find_people(people: Sequence[Person], text: str) -> list[Person]:
    """Those whom the text names: the one with this ID, else all with this name, however it is capitalized or accented.

    >>> find_people([Person("p1", "Zoë  Zhang", "")], "zoe zhang")
    [Person(agent_pid='p1', name='Zoë  Zhang', team='')]
    """
    by_pid = [person for person in people if person.agent_pid == text]
    exactly = [person for person in people if person.name == text]
    return by_pid or exactly or [person for person in people if _folded(person.name) == _folded(text)]


def suggest_people(people: Sequence[Person], text: str) -> list[Person]:
    """Those whose names are nearest to the text, the nearest first: they hold it, or are spelt much like it."""
    wanted = _folded(text)
    ranked = [(_likeness(wanted, _folded(person.name)), person) for person in people]
    near = sorted((pair for pair in ranked if pair[0] >= _LEAST_LIKENESS), key=lambda pair: -pair[0])
    return [person for _, person in near[:SUGGESTED_MAX]]


def _likeness(wanted: str, name: str) -> float:
    """How alike they are, 0 to 1: the whole name, or one of its words."""
    if wanted and wanted in name:
        return 1.0
    return max(SequenceMatcher(None, wanted, part).ratio() for part in (name, *name.split()))


def _folded(name: str) -> str:
    """The name without what people leave out when they type it."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return " ".join("".join(char for char in decomposed if not unicodedata.combining(char)).split())
