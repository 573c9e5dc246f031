"""A range of days without a daemon: chunks, one bad day among good ones, errors that no other day would escape."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
import pytest

from salted_assets.cli.backfill import Backfill
from salted_assets.cli.outcome import Outcome, Restated
from salted_assets.cli.progress import Progress
from salted_assets.cli.restate import Restatement, restate_range
from salted_assets.cli.runner import Runner
from salted_assets.cli.selection import SelectionRefused
from salted_assets.defs.asset_keys import RAW_EXPORT, SCORECARD, score_key, table_key
from salted_assets.defs.partitions import RANGE_END, RANGE_START
from salted_assets.history import TABLES_VERSION, Footer
from salted_assets.landing import Manifest
from salted_assets.settings import KEY_VARIABLE
from salted_assets_tests.support.platform import KNOWN_WARNINGS, SMALL, Platform, running_platform, with_settings

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

FIRST, SECOND, THIRD, FOURTH = DAYS = [date(2024, 1, day) for day in (9, 10, 11, 12)]
RAW = 'key:"raw/export"'
ENGAGEMENT = 'key:"scores/engagement"'
CHAIN = f'{RAW} or group:tables or {ENGAGEMENT} or key:"scores/agent_daily"'
"""From export to an agent's day: one score of each kind, for all of them take their time."""


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with running_platform(tmp_path, datasets=("engagement", "agent")) as platform:
        yield platform


def backfill(platform: Platform, first: date, last: date, select: str = "*", *, refresh: bool = False) -> Outcome:
    return start_backfill(platform, select=select, refresh=refresh).run(first, last)


def start_backfill(platform: Platform, instance: dg.DagsterInstance | None = None, **options: Any) -> Backfill:
    """A backfill of three days a run, which makes the windows of a week again."""
    return Backfill(platform.defs, instance or platform.instance, days_per_run=3, newest_windows=7, **options)


def runs_of(platform: Platform, key: dg.AssetKey = RAW_EXPORT) -> list[tuple[str, str, str]]:
    """The days and the status of each run that made the asset, oldest first."""
    runs = [run for run in reversed(platform.instance.get_runs()) if key in (run.asset_selection or ())]
    return [(run.tags[RANGE_START][-2:], run.tags[RANGE_END][-2:], run.status.value) for run in runs]


def days_of(platform: Platform, key: dg.AssetKey) -> list[date]:
    return [date.fromisoformat(day) for day in platform.materialized_days(key)]


def spoil_landing(platform: Platform, day: date) -> None:
    platform.edit_landed(day.isoformat(), "agents.csv", lambda data: data.replace(b"name", b"full_name", 1))


def test_days_go_through_in_chunks_and_each_chunk_is_a_run(platform: Platform) -> None:
    shown: list[tuple[float, str]] = []
    progress = Progress(show=lambda at, text: shown.append((at.share, text)))
    outcome = start_backfill(platform, select=CHAIN, progress=progress).run(FIRST, FOURTH)
    assert (outcome.whole, outcome.failed, outcome.problems, outcome.is_good) == (DAYS, [], [], True)
    assert runs_of(platform) == [("09", "11", "SUCCESS"), ("12", "12", "SUCCESS")]
    runs = platform.instance.get_runs()
    assert {run.tags["salted/command"] for run in runs} == {"backfill"}
    assert all(run.remote_job_origin for run in runs), "the timeline of the UI leaves out runs of no code location"
    names = ["raw/export", "tables/agent", "tables/engagement", "scores/engagement", "scores/agent_daily"]
    assert sorted(text for _, text in shown if text) == sorted(f"{name} {day}" for name in names for day in DAYS)
    shares = [share for share, text in shown if text]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert shares[-2] < 1
    assert platform.vendor.log()["exports"] == 4

    assert outcome.restated == [], "the newer rows of the last chunk were there when the days before it were scored"
    assert runs_of(platform, score_key("engagement")) == [("09", "11", "SUCCESS"), ("12", "12", "SUCCESS")]
    repeated = start_backfill(platform, select=CHAIN, again=True).run(FOURTH, FOURTH)
    assert (repeated.whole, repeated.restated) == ([FOURTH], []), "the same table made twice brings nothing new"


def test_a_repeated_backfill_makes_what_is_missing_or_out_of_date_and_nothing_else(platform: Platform) -> None:
    def repeat(platform: Platform = platform, *, again: bool = False) -> tuple[list[date], list[str]]:
        """The days that were up to date, and the days and assets of each run that was made."""
        before = len(platform.instance.get_runs())
        outcome = start_backfill(platform, select=CHAIN, again=again).run(FIRST, SECOND)
        assert (outcome.whole, outcome.problems) == ([FIRST, SECOND], [])
        runs = platform.instance.get_runs()
        return outcome.up_to_date, [describe(run) for run in reversed(runs[: len(runs) - before])]

    everything = ["09..10 raw/export tables/agent tables/engagement", "09..10 scores/agent_daily scores/engagement"]
    assert repeat() == ([], everything)
    assert repeat() == ([FIRST, SECOND], [])
    platform.table(score_key("agent_daily"), str(SECOND)).unlink()
    assert repeat() == ([FIRST], ["10..10 scores/agent_daily scores/engagement"])
    platform.table(table_key("agent"), str(FIRST)).unlink()
    assert repeat()[1][0] == "09..09 tables/agent"
    assert repeat() == ([FIRST, SECOND], [])
    rejects = platform.folder / "rejects" / "agent" / f"date={SECOND}" / "part-0.parquet"
    rejects.unlink()
    assert repeat() == ([FIRST], ["10..10 tables/agent"])
    assert rejects.exists()
    mark_as_earlier(platform.table(table_key("engagement"), str(FIRST)))
    assert repeat() == ([SECOND], ["09..09 tables/engagement"])

    platform.edit_landed(str(FIRST), "agents.csv", lambda data: data)
    with_null = with_settings(platform, missing_columns="null")
    assert repeat(with_null)[1][0] == "09..10 tables/agent tables/engagement", "read by another setting"
    with_bots = with_settings(platform, missing_columns="null", bot_agent_types=("Bot",))
    assert repeat(with_bots) == ([], everything[1:]), "scored by another setting"
    assert repeat(with_bots, again=True) == ([], everything)


def test_a_table_whose_raw_file_is_pruned_is_not_made_again_for_what_its_footer_lacks(platform: Platform) -> None:
    assert backfill(platform, FIRST, SECOND, f"{RAW} or group:tables").whole == [FIRST, SECOND]
    for day in (FIRST, SECOND):
        table = platform.table(table_key("agent"), str(day))
        with pq.ParquetFile(table) as file:
            said = replace(Footer.of(file), inputs=None, recipe=None).to_metadata()
            rows = file.read().replace_schema_metadata(said)
        pq.write_table(rows, table)
    prune_landing(platform, FIRST)
    outcome = backfill(platform, FIRST, SECOND, "group:tables")
    assert (outcome.whole, outcome.up_to_date) == ([FIRST, SECOND], [FIRST])


def test_a_table_that_was_written_but_not_recorded_is_made_again_for_its_checks(platform: Platform) -> None:
    tables = f"{RAW} or group:tables"
    backfill(platform, FIRST, FIRST, tables)
    with dg.DagsterInstance.ephemeral() as unrecorded:
        refreshed = start_backfill(platform, unrecorded, select=tables, refresh=True).run(FIRST, FIRST)
    outcome = backfill(platform, FIRST, FIRST, tables)
    assert (refreshed.whole, outcome.whole, outcome.up_to_date) == ([FIRST], [FIRST], [])
    assert backfill(platform, FIRST, FIRST, tables).up_to_date == [FIRST]


def mark_as_earlier(table: Path) -> None:
    """Let the file say that it is of a schema version before tables changed last."""
    with pq.ParquetFile(table) as file:
        said = replace(Footer.of(file), schema_version=TABLES_VERSION - 1).to_metadata()
        rows = file.read().replace_schema_metadata(said)
    pq.write_table(rows, table)


def describe(run: dg.DagsterRun) -> str:
    assets = " ".join(sorted(key.to_user_string() for key in run.asset_selection or ()))
    return f"{run.tags[RANGE_START][-2:]}..{run.tags[RANGE_END][-2:]} {assets}"


def prune_landing(platform: Platform, day: date) -> None:
    """Delete the day's raw files and say so in its manifest, as retention does."""
    path = platform.folder / "raw" / "export" / f"date={day}" / "manifest.json"
    manifest = Manifest.from_json(path.read_bytes(), path=str(path))
    paths = [file.path for file in manifest.list_files()]
    path.write_bytes(manifest.with_pruned(paths, "2024-06-01T00:00:00Z").to_json())
    for each in paths:
        (platform.folder / each).unlink()


def test_scorecards_are_made_of_the_newest_days_and_renewed_where_they_are_there(tmp_path: Path) -> None:
    windowed = '+key:"scores/agent_rolling" or key:"report/scorecard"'
    with running_platform(tmp_path, datasets=("engagement", "review", "agent")) as platform:
        runs = start_backfill(platform, select=windowed, scorecard_days=1)
        first = runs.run(FIRST, THIRD)
        made = days_of(platform, SCORECARD)
        asked = backfill(platform, FIRST, FIRST, 'key:"report/scorecard"')
        runner = Runner(platform.defs, platform.instance, "restate")
        restatement = Restatement(runner, 3, 7, scorecard_days=1, among=runs.list_assets())
        again = restatement.make_windows([FIRST, SECOND, THIRD])
        reports = [run for run in platform.instance.get_runs() if SCORECARD in (run.asset_selection or ())]
        stored = days_of(platform, SCORECARD)
        platform.table(score_key("agent_rolling"), str(THIRD)).unlink()
        of_two = restatement.make_windows([FIRST, SECOND])
        renamed = with_settings(platform, docs_url="https://docs.example")
        renewed = start_backfill(renamed, select=windowed, scorecard_days=1).run(FIRST, THIRD)
        renewing = runs_of(platform, SCORECARD)[-1]

    assert first.problems == asked.problems == again.problems == []
    assert (first.is_good, first.whole, first.without_page) == (True, [FIRST, SECOND, THIRD], [FIRST, SECOND])
    assert made == [THIRD]
    assert (asked.is_good, asked.without_page) == (True, [])
    assert (sorted(again.done), again.without_page) == ([FIRST, SECOND, THIRD], [SECOND])
    assert stored == [FIRST, THIRD]
    assert len(reports) == 4, "once for the newest day, once when asked for, and both of them again"
    assert (sorted(of_two.done), of_two.without_page) == ([FIRST, SECOND, THIRD], []), "the newest of what is asked for"
    assert (renewed.is_good, renewed.up_to_date) == (True, [])
    assert renewing == ("09", "11", "SUCCESS"), "pages that are there show settings of now, be they of old days or not"


def test_days_outside_that_were_scored_before_are_scored_again_and_others_are_not(tmp_path: Path) -> None:
    options = replace(
        SMALL, engagements_per_agent=12
    )  # of this account the last day changes an engagement of the first
    with running_platform(tmp_path, options, datasets=("engagement", "agent")) as platform:
        assert backfill(platform, FIRST, FOURTH, RAW).whole == DAYS
        assert backfill(platform, SECOND, THIRD, "group:tables").restated == []
        assert backfill(platform, FIRST, FIRST, CHAIN).whole == [FIRST]
        table = platform.table(table_key("agent"), str(FIRST))
        agents = table.read_bytes()
        for is_damaged in (True, False):
            pq.write_table(pq.read_table(table, partitioning=None).replace_schema_metadata(None), table)
            if not is_damaged:
                table.write_bytes(agents)
            outcome = backfill(platform, FOURTH, FOURTH, f"group:tables or {ENGAGEMENT}")
            assert (outcome.whole, outcome.failed) == ([FOURTH], [])
            assert days_of(platform, score_key("engagement")) == [FIRST, FOURTH]
            if is_damaged:
                assert (outcome.restated, outcome.not_restated, outcome.is_good) == ([], [FIRST], False)
                assert f"tables/agent of {FIRST} does not say when" in str(outcome.problems[0])
        assert (outcome.restated, outcome.not_restated, outcome.is_good) == ([FIRST], [], True)


def test_a_range_of_days_is_scored_again_from_its_tables_alone(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert backfill(platform, FIRST, SECOND, f"{RAW} or group:tables").whole == [FIRST, SECOND]
    monkeypatch.delenv(KEY_VARIABLE)
    requests = platform.vendor.log()
    damaged = platform.table(score_key("agent_rolling"), str(THIRD))
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"no table")
    outcome = restate_range(platform.defs, platform.instance, FIRST, THIRD, days_per_run=3, newest_windows=7)
    assert (outcome.whole, outcome.failed, outcome.is_good) == ([FIRST, SECOND], [THIRD], False)
    assert [str(problem) for problem in outcome.problems] == [
        f"{THIRD} scores: not all tables are there. Run `salted backfill` for these days first."
    ]
    assert platform.vendor.log() == requests
    assert days_of(platform, score_key("agent_daily")) == [FIRST, SECOND]
    outcome.report(platform.settings, last_part="", again="")
    assert f"damaged: scores/agent_rolling/date={THIRD}/part-0.parquet is not a whole" in capsys.readouterr().err


def test_days_that_are_whole_are_not_exported_again_unless_asked(platform: Platform) -> None:
    for refresh, exports in ((False, 2), (False, 2), (True, 4)):
        assert backfill(platform, FIRST, SECOND, RAW, refresh=refresh).whole == [FIRST, SECOND]
        assert platform.vendor.log()["exports"] == exports


def test_one_bad_day_fails_alone_and_the_others_are_scored(platform: Platform) -> None:
    assert backfill(platform, FIRST, FOURTH, RAW).whole == DAYS
    spoil_landing(platform, SECOND)
    outcome = backfill(platform, FIRST, FOURTH, CHAIN)
    assert (outcome.whole, outcome.failed, outcome.was_stopped) == ([FIRST, THIRD, FOURTH], [SECOND], False)
    (problem,) = outcome.problems
    assert (problem.first, problem.last, problem.step) == (SECOND, SECOND, "tables/agent")
    assert "'name' may now be 'full_name'" in str(problem)
    assert days_of(platform, table_key("agent")) == [FIRST, THIRD, FOURTH]
    assert days_of(platform, table_key("engagement")) == DAYS
    assert days_of(platform, score_key("agent_daily")) == [FIRST, THIRD, FOURTH]
    assert platform.vendor.log()["exports"] == 4
    once = [("09", "11", "FAILURE"), ("12", "12", "SUCCESS")]
    assert runs_of(platform, table_key("engagement")) == once, "no good day is parsed a second time"
    assert sorted(runs_of(platform, table_key("agent"))) == sorted([*once, ("10", "10", "FAILURE")])
    assert SECOND not in outcome.restated


def test_a_refresh_orders_each_day_once_though_a_chunk_is_gone_through_again(platform: Platform) -> None:
    assert backfill(platform, FIRST, THIRD, RAW).whole == [FIRST, SECOND, THIRD]
    platform.spoil(missing_columns={"agent": ("name",)})
    outcome = backfill(platform, FIRST, THIRD, refresh=True)
    assert outcome.failed == [FIRST, SECOND, THIRD]
    assert platform.vendor.log()["exports"] == 6
    assert platform.metadata(RAW_EXPORT, SECOND.isoformat())["superseded_exports"] == 1


def test_an_error_that_every_day_would_meet_stops_at_the_first_run(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "a-wrong-key")
    outcome = backfill(platform, FIRST, FOURTH)
    assert (outcome.whole, outcome.failed, outcome.was_stopped) == ([], DAYS, True)
    assert len(outcome.problems) == 1
    assert KEY_VARIABLE in str(outcome.problems[0])
    assert runs_of(platform) == [("09", "11", "FAILURE")]
    assert platform.vendor.log()["post"] + platform.vendor.log()["history"] == 1


def test_a_warehouse_that_cannot_be_written_stops_too(platform: Platform) -> None:
    platform.folder.write_text("a file where the warehouse's folder should be")
    outcome = backfill(platform, FIRST, FOURTH, RAW)
    assert (outcome.failed, outcome.was_stopped) == (DAYS, True)
    assert "SALTED_WAREHOUSE" in str(outcome.problems[0])


def test_a_selection_runs_what_it_names(platform: Platform) -> None:
    assert backfill(platform, FIRST, FIRST, f"{RAW} or group:tables").whole == [FIRST]
    assert days_of(platform, table_key("agent")) == [FIRST]
    assert days_of(platform, score_key("engagement")) == []


@pytest.mark.parametrize("select", ['key:"tables/turn"', "group:nothing", "tag:"])
def test_a_selection_of_nothing_is_refused(platform: Platform, select: str) -> None:
    with pytest.raises(SelectionRefused):
        start_backfill(platform, select=select).list_assets()


def test_all_daily_assets_are_selected_by_default(platform: Platform) -> None:
    names = {key.to_user_string() for key in start_backfill(platform).list_assets()}
    assert names >= {"raw/export", "scores/agent_daily", "scores/engagement", "tables/agent", "tables/engagement"}
    assert "raw/export_history" not in names


def test_a_day_whose_windows_cannot_be_made_is_not_whole() -> None:
    outcome = Outcome(whole=[FIRST, SECOND])
    outcome.note_windows(Restated(done=[SECOND], failed=[FIRST, THIRD]))
    assert (outcome.whole, outcome.failed, outcome.not_restated) == ([SECOND], [FIRST], [THIRD])
    assert not outcome.is_good
