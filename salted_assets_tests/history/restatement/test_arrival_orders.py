"""Tables in any order and twice, with scores asked for in between: what is not out of date is as if scored just now."""

from collections.abc import Iterator
from datetime import date, datetime
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salted_assets.history import FooterCache, HistoryReader
from salted_assets.history.restatement import InputIndex, find_stale_days
from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import arrow_schema
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.export_scenarios import DAYS, Scenario, orders, scenarios
from salted_assets_tests.support.restatement_sandbox import ANSWER, DATASETS, ENGAGEMENT, LAYOUT, TABLES, put
from salted_assets_tests.support.scoring_rows import Row, write

pytestmark = pytest.mark.slow

COLUMNS = {name: arrow_schema(DATASET_MODELS[name]).names for name in ("engagement", "review")}
"""What is read of a day. Turns are found as reviews are, and reading takes its time."""
Rows = dict[str, list[Row]]


@pytest.fixture(autouse=True, scope="module")
def _files_are_not_flushed() -> Iterator[None]:
    """Hundreds of small files are written here, and none has to outlive a power cut."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("salted_assets.warehouse.folder._flush", lambda _: None)
        yield


def read(warehouse: Warehouse, day: date) -> Rows:
    """All that a score of the day is made of, in order of ids."""
    reader = HistoryReader(warehouse, "UTC")
    found = {dataset: reader.newest(dataset, day, names).to_pylist() for dataset, names in COLUMNS.items()}
    return {dataset: sorted(rows, key=lambda row: str(row["pid"])) for dataset, rows in found.items()}


def restate(warehouse: Warehouse, index: InputIndex, scored: dict[date, Rows]) -> None:
    """Score what is out of date, each day from the rows that are there, noting what that is before they are read."""
    index.refresh()
    for day in find_stale_days(index, LAYOUT).stale:
        run = InputIndex(FooterCache(warehouse, "UTC"), DATASETS)
        put(warehouse, ANSWER, day, file_id=uuid4().hex, inputs=run.of(TABLES, day).to_json())
        run.refresh()
        put(warehouse, ENGAGEMENT, day, inputs=run.of([ANSWER], day).to_json())
        scored[day] = read(warehouse, day)


@settings(max_examples=5, deadline=None)
@given(scenario=scenarios(), ordered=orders(), asks=st.lists(st.booleans(), min_size=8, max_size=8))
def test_a_score_that_is_not_out_of_date_is_made_of_the_newest_rows(
    tmp_path_factory: pytest.TempPathFactory, scenario: Scenario, ordered: list[tuple[date, datetime]], asks: list[bool]
) -> None:
    warehouse = Warehouse(str(tmp_path_factory.mktemp("lake")))
    index = InputIndex(FooterCache(warehouse, "UTC"), DATASETS)
    scored: dict[date, Rows] = {}
    for (day, requested_at), is_asked in zip(ordered, asks, strict=False):
        tables = scenario.export(day, requested_at)[2]
        for dataset in DATASETS:
            write(warehouse, dataset, day, requested_at, tables[dataset])
        if is_asked:
            restate(warehouse, index, scored)
    restate(warehouse, index, scored)
    assert {day: scored[day] for day in DAYS} == {day: read(warehouse, day) for day in DAYS}
    index.refresh()
    assert find_stale_days(index, LAYOUT).stale == {}
