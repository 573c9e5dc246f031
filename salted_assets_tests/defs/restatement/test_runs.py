"""Restatement as it happens: real runs on a simulator's days, asked for by the sensor, until nothing is out of date."""

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from salted_assets.defs.asset_keys import score_key, table_key
from salted_assets.defs.restatement.score_layout import find_score_assets
from salted_assets.explain import Explanation, causes_of_change
from salted_assets.history import Footer
from salted_assets.history.table_files import open_frame_writer
from salted_assets.simulator import Faults
from salted_assets_tests.support.platform import KNOWN_WARNINGS, Platform, running_platform, with_settings
from salted_assets_tests.support.restating_daemon import Daemon, describe
from salted_assets_tests.support.scoring_runs import assert_same

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

OLD, NEW = "2024-01-09", "2024-01-19"
FIRST, SECOND, THIRD = DAYS = ["2024-01-09", "2024-01-10", "2024-01-11"]
RAW, TABLES, SCORES = 'key:"raw/export"', "group:tables", "group:scores"


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """A platform of which no windows are made again by themselves: they take as long as all else."""
    with running_platform(tmp_path, datasets=("engagement", "review"), restate_windowed_days=0) as platform:
        yield platform


def daemon_of(platform: Platform) -> Daemon:
    return Daemon(platform.settings, platform.defs, platform.instance)


def land(platform: Platform, first: str, last: str) -> None:
    assert platform.materialize_range(first, last, RAW).success


def daily_keys(platform: Platform) -> tuple[dg.AssetKey, ...]:
    return find_score_assets(platform.defs.resolve_all_asset_specs()).daily


def score_daily(platform: Platform, first: str, last: str) -> None:
    select = " or ".join(f'key:"{key.to_user_string()}"' for key in daily_keys(platform))
    assert platform.materialize_range(first, last, select).success


def read_scores(platform: Platform, day: str = "*") -> dict[str, pa.Table]:
    """All daily scores, file by file, without what a file says of its making."""
    return {
        f"{key.to_user_string()} {path.parent.name}": read(path)
        for key in daily_keys(platform)
        for path in platform.folder.joinpath(*key.path).glob(f"date={day}/part-0.parquet")
    }


def read(path: Path) -> pa.Table:
    return pq.read_table(path, partitioning=None).replace_schema_metadata(None)


def count_surveys(platform: Platform, day: str) -> int:
    counts = pq.read_table(platform.table(score_key("agent_daily"), day))["evaluation_customer_count"]
    return int(pc.sum(counts).as_py())


def answer_late(content: bytes) -> bytes:
    """The file with one survey of ten days ago answered, which had been left without an answer."""
    rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    surveys = [row for row in rows if row["type"].upper() == "CUSTOMER"]
    unanswered = next(row for row in surveys if row["engagement_start_time"].startswith(OLD))
    unanswered |= {"status": "Completed", "answer_score": unanswered["best_score"]}
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def test_a_survey_answered_ten_days_later_changes_that_days_score_within_one_tick_and_its_run(
    platform: Platform,
) -> None:
    daemon = daemon_of(platform)
    assert platform.materialize(OLD, f"{RAW} or {TABLES}").success
    assert daemon.settle() == [f"daily {OLD}..{OLD}"]
    before, first = count_surveys(platform, OLD), platform.metadata(score_key("answer"), OLD)
    land(platform, NEW, NEW)
    platform.edit_landed(NEW, "reviews.csv", answer_late)
    assert platform.materialize(NEW, TABLES).success

    [request] = [each for each in daemon.tick() if describe(each) == f"daily {OLD}..{OLD}"]
    assert daemon.run([request]) == [True]

    assert count_surveys(platform, OLD) == before + 1
    again = platform.metadata(score_key("answer"), OLD)
    assert (first["restated"], again["restated"]) == (False, True)
    assert again["late_review_rows"] > first["late_review_rows"] == 0
    assert again["restated_because_of"] == f"tables/review {NEW}"
    assert again["restated_at"] > 0
    of_agents = platform.metadata(score_key("agent_daily"), OLD)
    assert of_agents["restated_because_of"] == f"scores/engagement {OLD}"
    kept = read(platform.folder / f"changes/agent_daily/date={OLD}/part-0.parquet").to_pylist()
    assert len(kept) == of_agents["figures_changed"]
    (count,) = [row for row in kept if row["figure"] == "evaluation_customer_count"]
    assert (count["event"], count["new"] - count["old"]) == ("changed", 1)
    assert "1 late" in again["rows_changed_because"].split(", ")
    kept_at = f"{platform.warehouse.uri}/changes/agent_daily/date={OLD}/part-0.parquet"
    query = f"FROM score_change WHERE score = 'scores/agent_daily' AND date = '{OLD}'"
    assert of_agents["changes"] == f'{kept_at}, or: salted sql "{query}"'
    assert again["changes"].endswith(f"\"FROM answer_change WHERE date = '{OLD}'\"")
    for figure, told in (
        ("evaluation_customer_count", ("late", 1.0)),
        ("evaluation_customer_mean", ("appeared", None)),
    ):
        explained = explain(platform, OLD, count["agent_pid"], figure)
        assert [(part.cause, part.points) for part in explained.parts] == [told]


def explain(platform: Platform, day: str, agent_pid: str, figure: str) -> Explanation:
    on = date.fromisoformat(day)
    return causes_of_change(platform.warehouse, "UTC", "agent_daily", on, agent_pid, figure=figure)


def find_unequal(answers: pa.Table) -> tuple[str, str]:
    """A question of an evaluation whose answers differ, and its source."""
    found: dict[tuple[str, str], set[float]] = {}
    for row in answers.to_pylist():
        if row["scoring_status"] == "scored":
            scores = found.setdefault((row["evaluation"], row["source"]), set())
            if scores - {row["score"]}:
                return row["question_pid"], row["source"]
            scores.add(row["score"])
    raise LookupError("all evaluations are of equal answers")


def test_a_changed_setting_puts_the_scores_that_read_it_out_of_date_and_they_say_so(platform: Platform) -> None:
    land(platform, FIRST, FIRST)
    assert platform.materialize(FIRST, TABLES).success
    assert daemon_of(platform).settle() == [f"daily {FIRST}..{FIRST}"]
    question, source = find_unequal(read(platform.table(score_key("answer"), FIRST)))
    changed = with_settings(platform, critical_questions=("Greeting",), question_weights={question: 5.0})
    daemon = daemon_of(changed)
    assert daemon.settle() == [f"daily {FIRST}..{FIRST}"]
    for name in ("answer", "engagement"):
        because = changed.metadata(score_key(name), FIRST)["restated_because_of"]
        assert because.startswith('setting critical_questions is ["Greeting"], was []')
    assert daemon.tick() == []
    kept = read(platform.folder / f"changes/answer/date={FIRST}/part-0.parquet")
    assert set(kept["is_split"].to_pylist()) == {True}
    figures = read(platform.folder / f"changes/agent_daily/date={FIRST}/part-0.parquet").to_pylist()
    moved = [row for row in figures if row["figure"] == f"evaluation_{source}_mean" and row["event"] == "changed"]
    assert moved
    for row in moved:
        explained = explain(platform, FIRST, row["agent_pid"], f"evaluation_{source}_mean")
        assert [part.cause for part in explained.parts] == ["rule: question_weights"]
        assert explained.parts[0].points == pytest.approx(row["new"] - row["old"])


def test_tables_in_any_order_and_twice_give_the_scores_of_one_ordered_pass(platform: Platform) -> None:
    land(platform, FIRST, THIRD)
    daemon = daemon_of(platform)
    asked = []
    for each in (THIRD, FIRST, SECOND, FIRST):
        assert platform.materialize(each, TABLES).success
        asked += daemon.settle()
    assert asked[:2] == [f"daily {THIRD}..{THIRD}", f"daily {FIRST}..{FIRST}"]
    assert asked[2:] == [f"daily {FIRST}..{SECOND}"], "newer rows concern the day before; a table made twice is not new"
    restated = read_scores(platform)

    score_daily(platform, FIRST, THIRD)
    ordered = read_scores(platform)
    assert restated.keys() == ordered.keys()
    assert len(restated) == len(DAYS) * len(daily_keys(platform))
    for name, table in ordered.items():
        assert_same(restated[name].to_pylist(), table.to_pylist())


def test_of_two_restatements_at_once_the_older_one_may_come_last_and_is_made_again(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(platform, FIRST, SECOND)
    assert platform.materialize(FIRST, TABLES).success
    daemon = daemon_of(platform)
    (slow,) = daemon.tick()
    newest: dict[str, pa.Table] = {}

    @contextmanager
    def dawdle(
        path: Path, schema: pa.Schema, footer: Footer, *, row_count: int
    ) -> Iterator[Callable[[pa.Table], None]]:
        """Before the first score is written, a newer table comes and another run restates the day, both whole."""
        if not newest:
            newest["not yet"] = schema.empty_table()
            assert platform.materialize(SECOND, TABLES).success
            score_daily(platform, FIRST, FIRST)
            newest.update(read_scores(platform, FIRST))
        with open_frame_writer(path, schema, footer, row_count=row_count) as write:
            yield write

    monkeypatch.setattr("salted_assets.defs.day_files.open_frame_writer", dawdle)
    assert daemon.run([slow]) == [True]
    answers = f"scores/answer date={FIRST}"
    assert not read_scores(platform)[answers].equals(newest[answers]), "the slower run has not seen the newer table"

    [request] = daemon.tick(timedelta(minutes=10))
    assert describe(request) == f"daily {FIRST}..{SECOND}"
    assert daemon.run([request]) == [True]

    for name, table in read_scores(platform, FIRST).items():
        assert_same(table.to_pylist(), newest[name].to_pylist())


def test_days_that_landed_before_one_that_failed_are_parsed_and_scored(platform: Platform) -> None:
    """As a backfill of the UI leaves them: its run ends with the export of the second day, before any table."""
    land(platform, FIRST, FIRST)
    assert daemon_of(platform).tick() == [], "a day that was landed by itself is left as it is"
    platform.vendor.set_faults(Faults(failed_exports=99))
    assert not with_settings(platform, max_export_retries=0).materialize_range(FIRST, SECOND).success
    assert platform.materialized_days(table_key("review")) == []
    daemon = daemon_of(platform)
    (request,) = daemon.tick()
    assert (request.job_name, request.asset_selection) == ("reparse", None)
    exports = platform.vendor.log()["exports"]
    assert daemon.run([request]) == [True]
    assert platform.vendor.log()["exports"] == exports
    assert platform.materialized_days(table_key("review")) == [FIRST]
    assert platform.materialized_days(score_key("agent_daily")) == [FIRST]
    assert daemon.settle() == []


def test_a_table_that_cannot_be_made_is_not_tried_again(platform: Platform) -> None:
    land(platform, FIRST, FIRST)
    platform.edit_landed(FIRST, "reviews.csv", lambda data: data.replace(b"pid", b"id", 1))
    assert not platform.materialize(FIRST, TABLES).success
    assert platform.materialized_days(table_key("engagement")) == [FIRST]
    assert daemon_of(platform).tick() == []
