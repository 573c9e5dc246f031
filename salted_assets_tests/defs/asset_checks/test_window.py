"""Whether a day's export is that of its window: a warning of our own exports, a failure where one was adopted."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
import pytest

from salted_assets.defs.asset_checks.failing import list_failing_checks
from salted_assets.defs.asset_checks.window import WINDOW_CHECK
from salted_assets.defs.asset_keys import RAW_EXPORT, table_key
from salted_assets.salted_cx import ExportClient
from salted_assets.simulator import Faults, Refusal
from salted_assets_tests.support.platform import KNOWN_WARNINGS, Platform, running_platform

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

FIRST, SECOND, THIRD = "2024-01-09", "2024-01-10", "2024-01-11"
RAW = 'key:"raw/export"'


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with running_platform(tmp_path) as platform:
        yield platform


def evaluation_of(platform: Platform, day: str) -> dg.AssetCheckEvaluation:
    return platform.evaluation_of(RAW_EXPORT, WINDOW_CHECK, day)


@pytest.mark.parametrize("ranged", [True, False])
def test_an_export_of_its_window_passes(platform: Platform, ranged: bool) -> None:
    run = platform.materialize_range(FIRST, SECOND, RAW) if ranged else platform.materialize(FIRST, RAW)
    assert run.success
    evaluation = evaluation_of(platform, FIRST)
    assert evaluation.passed
    assert evaluation.metadata["engagements_in_window"].value
    assert evaluation.metadata["engagements_after_window"].value == 0
    assert "summary" not in evaluation.metadata


def test_engagements_of_a_later_day_in_an_export_of_ours_are_a_warning_with_their_number(platform: Platform) -> None:
    platform.vendor.set_faults(Faults(misplaced_windows=1))
    run = platform.materialize_range(FIRST, SECOND, f'{RAW} or key:"tables/engagement"')
    assert run.success, "the files are kept and loaded"
    evaluation = evaluation_of(platform, FIRST)
    late = evaluation.metadata["engagements_after_window"].value
    assert isinstance(late, int)
    assert late > 0
    assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert evaluation_of(platform, SECOND).passed
    (line,) = [str(each) for each in list_failing_checks(platform.instance, [run.run_id]) if each.check == WINDOW_CHECK]
    assert line.startswith(f"{FIRST} raw/export window: {late} engagements of export ")
    assert "local times without a zone look like that" in line
    assert "Compare some of the day's start times" in str(evaluation.metadata["what_to_do"].value)


def let_another_program_request(platform: Platform, monkeypatch: pytest.MonkeyPatch, *days_off: int) -> None:
    """While each of our next requests is refused unheard, another program requests so many days off."""
    coming, start_export = list(days_off), ExportClient.start

    def start(
        client: ExportClient, start: datetime, end: datetime, datasets: Sequence[str], contact: str | None = None
    ) -> str:
        if coming:
            off = timedelta(days=coming.pop(0))
            start_export(client, start + off, end + off, datasets)
            platform.vendor.set_faults(Faults(refusals=(Refusal("post", 502),)))
        return start_export(client, start, end, datasets, contact)

    monkeypatch.setattr(ExportClient, "start", start)


def test_an_adopted_export_of_another_day_is_replaced_and_passes(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_another_program_request(platform, monkeypatch, 1)
    assert platform.materialize(FIRST, RAW).success
    assert evaluation_of(platform, FIRST).passed
    assert platform.vendor.log()["exports"] == 2


def test_an_adopted_export_that_does_not_fit_either_is_kept_and_the_check_fails(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_another_program_request(platform, monkeypatch, 1, 2)
    run = platform.materialize(FIRST, f'{RAW} or key:"tables/engagement"')
    assert run.success, "it blocks nothing: the rows can be looked at"
    assert pq.read_metadata(platform.table(table_key("engagement"), FIRST)).num_rows > 0
    evaluation = evaluation_of(platform, FIRST)
    assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert evaluation.metadata["adopted_exports"].value == 1
    assert "Do not trust the day" in str(evaluation.metadata["what_to_do"].value)
    (line,) = [each for each in list_failing_checks(platform.instance, [run.run_id]) if each.check == WINDOW_CHECK]
    assert line.is_error
    assert line.summary.endswith("had not fitted either")


def test_an_adopted_export_without_engagements_is_kept_and_the_doubt_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_platform(tmp_path, datasets=("turn",)) as platform:
        let_another_program_request(platform, monkeypatch, 1)
        assert platform.materialize(FIRST, RAW).success
        evaluation = evaluation_of(platform, FIRST)
    assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "no engagements tell" in str(evaluation.metadata["summary"].value)


def test_the_check_of_a_landed_day_is_recorded_where_a_later_day_fails(platform: Platform) -> None:
    platform.vendor.set_faults(Faults(misplaced_windows=1))
    assert platform.materialize(FIRST, RAW).success
    platform.vendor.set_faults(Faults(refusals=(Refusal("post", 403, times=9),)))
    run = platform.materialize_range(FIRST, THIRD, RAW)
    assert not run.success
    found = list_failing_checks(platform.instance, [run.run_id])
    assert [(each.day.isoformat(), each.check) for each in found] == [(FIRST, WINDOW_CHECK)]
