"""What is shown of a command's progress, and what a backfill says that it would do."""

import re
import sys
from datetime import date

import dagster as dg
import pytest

from salted_assets.cli.estimate import DayCosts, Plan
from salted_assets.cli.progress import Progress, showing
from salted_assets.defs.asset_keys import RAW_EXPORT, score_key, table_key

pytestmark = pytest.mark.slow

DAY = date(2024, 1, 31)
TURN, FAIR = table_key("turn"), score_key("fair")


def test_a_day_counts_by_the_time_that_it_takes_and_the_end_is_reached_with_the_last() -> None:
    progress = Progress({TURN: 1.0, FAIR: 3.0}.__getitem__)
    progress.expect("tables", {TURN: 2})
    progress.expect("windows", {FAIR: 2})
    shares = []
    for key in (TURN, TURN, FAIR, FAIR):
        progress.note(key, DAY)
        shares.append(progress.share)
    assert shares == [0.125, 0.25, 0.625, 1]


def test_what_turns_out_less_moves_the_progress_on_and_what_was_not_expected_never_beyond_its_end() -> None:
    progress = Progress()
    progress.expect("windows", {FAIR: 4})
    progress.note(FAIR, DAY)
    progress.expect("windows", {FAIR: 2})
    assert progress.share == 0.5
    for _ in range(3):
        progress.note(FAIR, DAY)
    assert progress.share == 1


def run_for(clock: list[float], progress: Progress, key: dg.AssetKey, *seconds: float) -> None:
    for each in seconds:
        clock[0] += each
        progress.note(key, DAY)


def test_what_days_take_here_counts_instead_of_what_is_usual_and_tells_of_days_of_other_assets() -> None:
    clock = [0.0]
    progress = Progress({RAW_EXPORT: 60.0, TURN: 2.0, FAIR: 1.0}.__getitem__, now=lambda: clock[0])
    progress.expect("tables", {RAW_EXPORT: 100, TURN: 100, FAIR: 100})
    run_for(clock, progress, RAW_EXPORT, *[6.0] * 93)
    assert progress.seconds_of(RAW_EXPORT) == pytest.approx(6 + 54 * 0.07)
    assert progress.seconds_of(FAIR) == 1, "the vendor's pace says nothing of ours"
    run_for(clock, progress, TURN, *[20.0] * 93)
    assert progress.seconds_of(TURN) == pytest.approx(20, rel=0.02)
    assert progress.seconds_of(FAIR) == pytest.approx(10, rel=0.02)
    assert progress.seconds_left == pytest.approx(7 * 9.78 + 7 * 20 + 100 * 10, rel=0.02)


def test_the_first_day_of_a_frame_that_comes_with_the_time_of_all_its_days_is_not_taken_for_usual() -> None:
    clock = [0.0]
    progress = Progress(lambda _: 1.0, now=lambda: clock[0])
    progress.expect("scores", {TURN: 28, FAIR: 28})
    run_for(clock, progress, TURN, *[1.0] * 28)
    run_for(clock, progress, FAIR, 28.0)
    assert 27 <= progress.seconds_left <= 27 * 6, "28 times as long as it turns out to be would be no help"
    run_for(clock, progress, FAIR, *[0.0] * 26)
    assert progress.seconds_left == pytest.approx(1, rel=0.1)


def test_without_a_terminal_a_line_comes_every_half_minute_with_the_time_left() -> None:
    clock, lines = [0.0], list[str]()
    with showing(lambda _: 1.0, is_terminal=False, echo=lines.append, now=lambda: clock[0]) as progress:
        progress.expect("tables", {TURN: 10})
        run_for(clock, progress, TURN, *[20.0] * 10)
    assert lines[0] == f" 20%  tables/turn {DAY}, about 2 min left"
    assert lines[-1] == f"100%  tables/turn {DAY}, about 0 s left"
    assert [line[:4] for line in lines] == [" 20%", " 40%", " 60%", " 80%", "100%"]


def test_the_time_left_that_a_terminal_shows_is_that_of_the_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with showing(lambda _: 1.0, is_terminal=True, now=lambda: clock[0]) as progress:
        progress.expect("tables", {TURN: 10})
        run_for(clock, progress, TURN, 20.0, 20.0)
    shown = capsys.readouterr().out
    assert f"tables/turn {DAY}, about 2 min left" in shown
    assert not re.search(r"\d\d:\d\d", shown)


def plan(days: dict[dg.AssetKey, int], *, exports: int) -> Plan:
    return Plan(exports, 5, days)


def test_a_plan_says_how_many_exports_and_requests_and_how_long_by_what() -> None:
    costs = DayCosts(seconds={RAW_EXPORT: 60.0, TURN: 2.0})
    measured = list(plan({RAW_EXPORT: 3, TURN: 3}, exports=4).describe(costs))
    assert measured == [
        "4 exports, at least 32 requests: history, request, one poll and 5 downloads for each",
        "3 days of raw/export, tables/turn",
        "about 3 min, by what a day took in the newest runs",
    ]
    assumed = list(plan({TURN: 10, FAIR: 10}, exports=0).describe(costs))
    assert assumed[0] == "no exports"
    assert assumed[1:] == [
        "10 days of tables/turn, scores/fair",
        "about 32 s, where a day of what was never made is assumed to take, by asset, 1.2 s of scores/fair",
    ]
    first = list(plan({RAW_EXPORT: 1, TURN: 1, FAIR: 1}, exports=1).describe(DayCosts()))
    assert first[0].startswith("1 export, at least 8 requests: ")
    assert first[1] == "1 day of raw/export, tables/turn, scores/fair"
    assert first[-1].endswith(", by asset, 120 s of raw/*, 0.1 s of tables/*, 1.2 s of scores/fair")
    assert list(plan({TURN: 0}, exports=0).describe(costs)) == ["nothing to make: all of it is up to date"]
