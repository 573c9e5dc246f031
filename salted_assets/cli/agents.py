"""Which agent a command is about, by name or ID."""

from datetime import date

import click

from salted_assets.output.scorecard.agent_page import Person, find_people, suggest_people


def find_agent(people: list[Person], agent: str, day: date) -> Person:
    """The one whom the text names among people of the day.

    Raises click.ClickException for none, with the nearest names, and for several, with their IDs.
    """
    found = find_people(people, agent)
    if len(found) == 1:
        return found[0]
    if found:
        raise click.ClickException(f"{len(found)} agents are called {agent!r}; name one by the ID:{_list(found)}")
    near = suggest_people(people, agent)
    raise click.ClickException(
        f"nobody called {agent!r} has an engagement in the 91 days to {day}"
        + (f"; the nearest names:{_list(near)}" if near else "")
    )


def _list(people: list[Person]) -> str:
    return "".join(
        f"\n  {person.name}{f' ({person.team})' if person.team else ''}  {person.agent_pid}" for person in people
    )
