"""A day's answers or engagements by the formulas of now, other settings and earlier inputs: what a rule has changed.

Asked for where a score is replaced whose formulas or settings were others, and only then.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import date
from math import ceil
from typing import Any

import pyarrow as pa

from salted_assets.defs.assets.score_parts import Scored
from salted_assets.explain import OldInputsGoneError, Rescore
from salted_assets.history import Footer, HistoryReader, Part, open_past_reader
from salted_assets.schemas.row_change import KEPT_ROWS
from salted_assets.scoring import ScoringChoices
from salted_assets.settings import Settings
from salted_assets.warehouse import Warehouse

Score = Callable[[HistoryReader, Sequence[str], ScoringChoices, Sequence[date], Part], Scored]
"""Scores days out of what a reader sees of these datasets, by these choices."""


def build_rescore(
    warehouse: Warehouse,
    name: str,
    score: Score,
    count_bytes: Callable[[HistoryReader, date], int],
    settings_now: Settings,
) -> Callable[[date], Rescore]:
    """For each day what scores it again for `scores/<name>`, in parts as large as settings allow, as it is told.

    A time zone and datasets that a file of an earlier version does not name are those of now. It raises
    OldInputsGoneError where what a file was made of is not there any more.
    """
    usual: dict[str, Any] = {"timezone": settings_now.timezone, "datasets": settings_now.datasets}

    def of_day(day: date) -> Rescore:
        def rescore(made: Footer, settings: Mapping[str, Any]) -> pa.Table:
            reader = open_past_reader(warehouse, settings.get("timezone", usual["timezone"]), day, made)
            if reader is None:
                raise OldInputsGoneError(f"scores/{name} of {day} was made of tables that are not there any more")
            count = max(ceil(count_bytes(reader, day) / settings_now.score_memory_bytes), 1)
            choices, datasets = _read_choices(settings), settings.get("datasets", usual["datasets"])
            parts = (score(reader, datasets, choices, [day], Part(index, count)).rows for index in range(count))
            return pa.concat_tables([rows.select(KEPT_ROWS[name].columns) for rows in parts])

        return rescore

    return of_day


def _read_choices(settings: Mapping[str, Any]) -> ScoringChoices:
    """The choices among settings as a footer has them; those that it did not read are the usual ones."""
    known: dict[str, Any] = {
        choice.name: tuple(value) if isinstance(value, list) else value
        for choice in fields(ScoringChoices)
        if (value := settings.get(choice.name)) is not None
    }
    return ScoringChoices(**known)
