"""Which materializations are looked up in Dagster's records, query by query."""

from typing import Any

import dagster as dg
import pytest


class LookUps:
    """The days of each query for materializations of days; others, of whole assets, ask whose records these are."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.days: list[list[str]] = []
        fetch = dg.DagsterInstance.fetch_materializations

        def watch(instance: dg.DagsterInstance, records_filter: Any, **how: Any) -> Any:
            if isinstance(records_filter, dg.AssetRecordsFilter):
                self.days.append(sorted(records_filter.asset_partitions or ()))
            return fetch(instance, records_filter, **how)

        monkeypatch.setattr(dg.DagsterInstance, "fetch_materializations", watch)
