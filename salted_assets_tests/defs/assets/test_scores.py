"""The score assets over files: what they read of each other and of many exports, and what they say if it is missing."""

import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from salted_assets.defs.asset_checks.drift import CHECK as DRIFT_CHECK
from salted_assets.defs.asset_checks.outcome import NEW, SUMMARY
from salted_assets.defs.asset_checks.readable import READABLE_CHECK
from salted_assets.defs.assets.auto_reviewer_drift import build_auto_reviewer_drift
from salted_assets.defs.assets.calibration import build_calibration
from salted_assets.defs.assets.scores import DAILY_SUMS, build_score_assets
from salted_assets.defs.assets.settlement import build_settlement
from salted_assets.defs.io_managers import WarehouseIOManager
from salted_assets.defs.partitions import range_tags
from salted_assets.defs.resources import WarehouseResource
from salted_assets.defs.restatement.score_layout import find_score_assets
from salted_assets.history import Footer, FooterCache, HistoryReader
from salted_assets.history.restatement import InputIndex, InputVersions, find_stale_days
from salted_assets.history.review_plans import PlanFiles
from salted_assets.landing.windows import list_days
from salted_assets.schemas.scores import SCORE_MODELS, score_facts_of
from salted_assets.scoring import ScoringChoices, score_agent_segments_daily, score_agents_daily, score_queues_daily
from salted_assets.settings import DATASETS, Dataset, Settings
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.drifting_auto import draw_answers, write_answers
from salted_assets_tests.support.late_reviews import export_reviews
from salted_assets_tests.support.late_reviews import review as late_review
from salted_assets_tests.support.platform import KNOWN_WARNINGS, QUIET
from salted_assets_tests.support.review_plans import planned, store
from salted_assets_tests.support.scoring_rows import DAY, Row, agent, at, engagement, review, turn, write
from salted_assets_tests.support.scoring_runs import assert_same, listed, score_rows
from salted_assets_tests.support.spoiled_files import spoil

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

DAILY = ("answer", "engagement", "agent_daily", "agent_segment_daily", "queue_daily")
CASE = {"queue": "Sales", "channel_type": "VOICE"}
ENGAGEMENTS = [
    engagement("e1", engagement_time=1000, **CASE),
    engagement("e2", agent_pid="a2"),
    engagement("e3", type="Queue"),
]
TURNS = [
    turn("t1", sentiment=0.5),
    turn("t2", participant="CUSTOMER", sentiment=-1.0),
    turn("t3", engagement_pid="e2"),
]
REVIEWS = [review("r1", turn_pid="t1"), review("r2", turn_pid="t2"), review("r3", engagement_pid="e2", type="Auto")]
AGENTS = [agent("a1"), agent("a2", type="Bot")]
TABLES: Mapping[str, list[Row]] = {"engagement": ENGAGEMENTS, "turn": TURNS, "review": REVIEWS, "agent": AGENTS}


def export(folder: Path, tables: Mapping[str, Sequence[Row]], days_later: int = 0) -> None:
    """What one day's export delivers, requested in the night after it."""
    day = DAY + timedelta(days=days_later)
    for dataset, rows in tables.items():
        write(Warehouse(str(folder)), dataset, day, at(3, day=day + timedelta(days=1)), rows)


def materialize(
    folder: Path,
    *names: str,
    datasets: Sequence[Dataset] = DATASETS,
    first: date = DAY,
    last: date = DAY,
    memory_mb: int = 600,
    **chosen: Any,
) -> dg.ExecuteInProcessResult:
    """Score one day, or several in one run."""
    given = {"datasets": tuple(datasets), "warehouse": str(folder), "score_memory_mb": memory_mb, **chosen}
    settings = Settings(start_date=DAY, **given)
    resource = WarehouseResource(address=str(folder), simulated=False, timezone="UTC")
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(
            [
                *build_score_assets(settings),
                *build_calibration(settings),
                *build_settlement(settings),
                *build_auto_reviewer_drift(settings),
            ],
            selection=[dg.AssetKey(["scores", name]) for name in names or DAILY],
            **({"partition_key": first.isoformat()} if first == last else {"tags": range_tags(first, last)}),
            instance=instance,
            resources={
                "warehouse": resource,
                "io_manager": WarehouseIOManager(warehouse=resource, volume_tolerance=0.5),
            },
            run_config=QUIET,
            raise_on_error=False,
        )


def read(folder: Path, *names: str, day: date = DAY) -> dict[str, list[Row]]:
    warehouse = Warehouse(str(folder))
    found = {}
    for name in names or DAILY:
        with closing(warehouse.open_parquet(warehouse.table_path(("scores", name), day))) as file:
            found[name] = file.read().to_pylist()
    return found


def metadata_of(result: dg.ExecuteInProcessResult, name: str, day: date = DAY) -> dict[str, Any]:
    events = result.asset_materializations_for_node(f"scores__{name}")
    (event,) = [event for event in events if event.partition == day.isoformat()]
    return {key: value.value for key, value in event.metadata.items()}


def counted_unreadable(result: dg.ExecuteInProcessResult, name: str) -> Any:
    found = [each for each in result.get_asset_check_evaluations() if each.asset_key.path[-1] == name]
    (check,) = [each for each in found if each.check_name == READABLE_CHECK]
    assert all(each.passed for each in found if each is not check)
    return check.metadata["unreadable_values"].value


def list_reasons(folder: Path, datasets: Sequence[Dataset] = DATASETS, **chosen: Any) -> list[str]:
    """Why daily scores are out of date."""
    settings = Settings(start_date=DAY, datasets=tuple(datasets), warehouse=str(folder), **chosen)
    specs = [spec for asset in build_score_assets(settings) for spec in asset.specs]
    scores = find_score_assets(spec for spec in specs if spec.key.path[-1] in DAILY)
    index = InputIndex(FooterCache(Warehouse(str(folder)), "UTC"), datasets)
    return [reason for day in find_stale_days(index, scores.layout).stale.values() for reason in day.because]


def assert_all_same(given: dict[str, list[Row]], expected: dict[str, list[Row]]) -> None:
    assert set(given) == set(expected)
    for name, rows in expected.items():
        assert_same(given[name], rows)


@pytest.fixture(scope="module")
def scored_day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse of one day and its scores, for tests to read or to copy."""
    folder = tmp_path_factory.mktemp("scored")
    export(folder, TABLES)
    assert materialize(folder).success
    return folder


def test_the_assets_write_what_the_rules_give(scored_day: Path) -> None:
    scored = score_rows((ENGAGEMENTS, TURNS, REVIEWS, AGENTS), ScoringChoices())
    assert scored.answers is not None
    frames = {
        "answer": scored.answers,
        "engagement": scored.engagements,
        "agent_daily": score_agents_daily(scored.engagements),
        "agent_segment_daily": score_agent_segments_daily(scored.engagements),
        "queue_daily": score_queues_daily(scored.engagements),
    }
    assert_all_same(read(scored_day), {name: listed(frame, SCORE_MODELS[name]) for name, frame in frames.items()})
    answers = {row["pid"]: row["target"] for row in read(scored_day, "answer")["answer"]}
    assert answers == {"r1": "agent turn", "r2": "customer turn", "r3": "engagement"}


def test_rows_exported_again_change_nothing_and_a_late_survey_does(scored_day: Path, tmp_path: Path) -> None:
    shutil.copytree(scored_day, tmp_path, dirs_exist_ok=True)
    first = read(tmp_path)
    export(tmp_path, {dataset: rows[::-1] for dataset, rows in TABLES.items() if dataset != "agent"}, days_later=1)
    again = materialize(tmp_path)
    assert_all_same(read(tmp_path), first)
    assert metadata_of(again, "answer") | {"late_review_rows": 3, "days_read": 2, "has_own_day": True} == metadata_of(
        again, "answer"
    )
    export(tmp_path, {"review": [review("r9", type="Customer", answer_score=10.0)]}, days_later=10)
    late = materialize(tmp_path, "answer", "engagement", "agent_daily")
    assert metadata_of(late, "answer")["late_review_rows"] == 4
    (ada, _) = read(tmp_path)["agent_daily"]
    assert (ada["evaluation_customer_count"], ada["evaluation_customer_mean"]) == (1, 1.0)


def test_what_a_plan_draws_is_random_and_an_input_of_its_day_and_why_it_changed_is_told(
    scored_day: Path, tmp_path: Path
) -> None:
    shutil.copytree(scored_day, tmp_path, dirs_exist_ok=True)
    warehouse = Warehouse(str(tmp_path))
    export(tmp_path, {"review": [review("r9", sampling="Focused")]}, days_later=1)
    assert materialize(tmp_path, *DAILY).success
    count = "evaluation_reviewer_random_or_all_count"
    before = read(tmp_path)["agent_daily"][0][count]

    store(warehouse, planned("e1", DAY), planned("e2", DAY + timedelta(days=9)))

    assert list_reasons(tmp_path) == [f"plans/review {DAY}"]
    assert materialize(tmp_path, *DAILY).success
    assert list_reasons(tmp_path) == []
    (answer,) = [row for row in read(tmp_path, "answer")["answer"] if row["pid"] == "r9"]
    assert (answer["is_random_or_all"], answer["sampling"]) == (True, "focused")
    assert read(tmp_path)["agent_daily"][0][count] == before + 1
    (plan,) = PlanFiles(warehouse, "UTC").list_plans()
    with closing(warehouse.open_parquet(warehouse.table_path(("scores", "answer"), DAY))) as file:
        inputs = InputVersions.from_json(Footer.of(file).inputs or "")
    assert inputs.files["plans/review"] == {f"{DAY}": plan.file_id}
    with closing(warehouse.open_parquet(warehouse.table_path(("changes", "answer"), DAY))) as file:
        causes = {row["pid"]: row["cause"] for row in file.read().to_pylist() if row["event"] == "changed"}
    assert causes == {"r9": "drawn by a plan"}


def test_a_day_says_how_much_of_it_could_not_be_scored(tmp_path: Path) -> None:
    unreadable = review("r8", answer_score=None, refused_columns=["answer_score"])
    export(tmp_path, {**TABLES, "review": [*TABLES["review"], unreadable]})
    counts = metadata_of(materialize(tmp_path, "answer", "engagement"), "engagement")
    assert counts["answer_unreadable_count"] == 1
    assert counts["handle_time_missing_count"] == sum(
        row["handle_time_ms"] is None for row in read(tmp_path, "engagement")["engagement"]
    )


LAST = DAY + timedelta(days=3)
OF_THE_FILE = {"dagster/uri", "file_bytes"}


def export_range(folder: Path) -> None:
    """Exports of the first day, the third and the fourth; that of the fourth says something of the first."""
    export(folder, TABLES)
    for later in (2, 3):
        start = at(9, day=DAY + timedelta(days=later))
        own = [engagement(f"e{later}{number}", start_time=start) for number in range(3)]
        heard = [turn(f"t{later}{number}", engagement_pid=f"e{later}{number}", turn_time=start) for number in range(3)]
        said = review(f"r{later}", engagement_pid=f"e{later}1", engagement_start_time=start, turn_pid=f"t{later}1")
        late = (
            [review("r9", type="Customer", answer_score=None, refused_columns=["answer_score"])] if later == 3 else []
        )
        export(folder, {"engagement": own, "turn": heard, "review": [said, *late], "agent": AGENTS[:1]}, later)


def test_the_days_of_a_run_are_scored_together_and_come_out_as_each_alone(tmp_path: Path) -> None:
    for name in ("together", "alone"):
        export_range(tmp_path / name)
    together = materialize(tmp_path / "together", last=LAST)
    assert together.success
    for day in list_days(DAY, LAST):
        alone = materialize(tmp_path / "alone", first=day, last=day)
        assert_all_same(read(tmp_path / "together", day=day), read(tmp_path / "alone", day=day))
        for name in DAILY:
            of_range, of_day = metadata_of(together, name, day), metadata_of(alone, name, day)
            assert {key: of_range[key] for key in of_day.keys() - OF_THE_FILE} == {
                key: of_day[key] for key in of_day.keys() - OF_THE_FILE
            }
    assert metadata_of(together, "answer", DAY)["late_review_rows"] == 1
    assert metadata_of(together, "answer", DAY + timedelta(days=1))["has_own_day"] is False
    inputs = json.loads(
        pq.read_metadata(tmp_path / f"together/scores/answer/date={LAST}/part-0.parquet").metadata[b"salted.inputs"]
    )
    assert list(inputs["tables/engagement"]) == [LAST.isoformat()]


def test_a_damaged_day_of_a_run_leaves_the_others_whole(tmp_path: Path) -> None:
    export_range(tmp_path)
    damaged = DAY + timedelta(days=2)
    warehouse = Warehouse(str(tmp_path))
    spoil(warehouse, warehouse.table_path(("tables", "turn"), damaged))
    result = materialize(tmp_path, "answer", "engagement", last=LAST)
    (failure,) = [event.step_failure_data for event in result.filter_events(lambda event: event.is_step_failure)]
    assert f"tables/turn/date={damaged}/part-0.parquet cannot be read to its end" in repr(failure)
    assert warehouse.list_days(("scores", "answer")) == [day for day in list_days(DAY, LAST) if day != damaged]
    assert [row["pid"] for row in read(tmp_path, "answer", day=LAST)["answer"]] == ["r3"]


def test_a_day_that_is_scored_in_parts_comes_out_as_at_once(tmp_path: Path) -> None:
    pids = [f"p{number:03}" for number in range(800)]
    odd = {pid: {"engagement_time": None, "refused_columns": ["engagement_time"]} for pid in pids[::50]}
    tables = {
        "engagement": [
            engagement(pid, agent_pid=f"a{number % 7}", **odd.get(pid, {})) for number, pid in enumerate(pids)
        ],
        "turn": [turn(f"t{pid}", engagement_pid=pid, sentiment=0.1) for pid in pids],
        "review": [
            review(f"r{pid}", engagement_pid=pid, turn_pid=f"t{pid}", review_session_id=f"s{pid}", answer_score=7.0)
            for pid in pids
        ],
        "agent": AGENTS,
    }
    late = {"review": [review("r000", engagement_pid="p000", answer_score=None, refused_columns=["answer_score"])]}
    results = {}
    for name, memory_mb in (("at once", 600), ("in parts", 1)):
        export(tmp_path / name, tables)
        export(tmp_path / name, late, days_later=2)
        results[name] = materialize(tmp_path / name, memory_mb=memory_mb)
        assert results[name].success
    whole, parts = (read(tmp_path / name) for name in results)
    for name in ("answer", "engagement", "agent_segment_daily"):
        key = score_facts_of(SCORE_MODELS[name]).key
        in_order = [[str(row[column]) for column in key] for row in whole[name]]
        assert in_order != [[str(row[column]) for column in key] for row in parts[name]], "computed in one part"
        for rows in (whole[name], parts[name]):
            rows.sort(key=lambda row: [str(row[column]) for column in key])
    for name in ("answer", "engagement"):
        of_whole, of_parts = (metadata_of(result, name) for result in results.values())
        compared = of_whole.keys() - OF_THE_FILE - {"preview"}
        assert {key: of_parts[key] for key in compared} == {key: of_whole[key] for key in compared}
        unreadable = {counted_unreadable(result, name) for result in results.values()}
        assert unreadable == {1 if name == "answer" else len(odd)}
    assert_all_same(parts, whole)


def test_of_many_turns_those_that_are_asked_for_are_read_and_only_of_the_days_engagements(tmp_path: Path) -> None:
    export(tmp_path, {**TABLES, "turn": [*TURNS, turn("t4", engagement_pid="elsewhere")]})
    export(tmp_path, {"turn": [turn("t2", participant="AGENT"), turn("t1")]}, days_later=1)
    reader = HistoryReader(Warehouse(str(tmp_path)), "UTC")
    found = reader.read("turn", DAY, ("pid", "participant"), pids=pa.array(["t2", "t4", "t99"])).rows
    assert found.to_pylist() == [{"pid": "t2", "participant": "AGENT"}]


@pytest.mark.parametrize(("name", "missing"), [("engagement", "answer"), ("queue_daily", "engagement")])
def test_a_score_whose_day_lacks_the_one_before_it_says_what_to_do_first(
    tmp_path: Path, name: str, missing: str
) -> None:
    export(tmp_path, TABLES)
    result = materialize(tmp_path, name)
    (failure,) = [event.step_failure_data for event in result.filter_events(lambda event: event.is_step_failure)]
    assert f"scores/{missing} of 2024-01-31 has not been made. Materialize it for this day first." in repr(failure)
    assert not list(tmp_path.glob("scores/*"))


def test_without_reviews_there_are_no_answers_and_what_comes_of_them_is_null(tmp_path: Path) -> None:
    export(tmp_path, {"engagement": ENGAGEMENTS})
    names = tuple(name for name in DAILY if name != "answer")
    assert materialize(tmp_path, *names, datasets=("engagement",)).success
    rows = read(tmp_path, *names)
    assert len(build_score_assets(Settings(datasets=("engagement",)))) == len(names)
    assert {row["evaluation_reviewer_count"] for row in rows["agent_daily"]} == {None}
    assert {row["turn_count"] for row in rows["engagement"]} == {None}


def test_files_are_cut_small_enough_to_pass_by_what_is_not_asked_for(tmp_path: Path) -> None:
    reviews = [review(f"r{n}", type=kind) for kind in ("Auto", "Reviewer") for n in range(40_000)]
    reviews = [row | {"pid": f"{row['type']}{row['pid']}"} for row in reviews]
    export(tmp_path, {**TABLES, "review": reviews})
    assert materialize(tmp_path, "answer").success
    file = pq.read_metadata(tmp_path / f"scores/answer/date={DAY}/part-0.parquet")
    column = file.schema.names.index("source")
    groups = [file.row_group(n).column(column).statistics for n in range(file.num_row_groups)]
    assert [(group.min, group.max) for group in groups] == [("auto", "auto"), ("reviewer", "reviewer")]


def test_a_dataset_that_is_exported_from_now_on_puts_scores_out_of_date(tmp_path: Path) -> None:
    export(tmp_path, TABLES)
    assert materialize(tmp_path, *DAILY[1:], datasets=("engagement",)).success
    assert list_reasons(tmp_path, datasets=("engagement",)) == []
    assert list_reasons(tmp_path, datasets=("engagement", "turn", "agent")) == [
        'scores/engagement: setting datasets is ["engagement", "turn", "agent"], was ["engagement"]'
    ]


def test_what_is_not_for_persons_is_null_and_puts_scores_of_before_out_of_date(tmp_path: Path) -> None:
    excluding: dict[str, Any] = {"not_for_persons": ("empathy",)}
    shared = [engagement(f"e{n}", agent_pid=f"a{n}", empathy=n, clarity=1.0, **CASE) for n in (1, 2)]
    export(tmp_path, {**TABLES, "engagement": shared})
    assert materialize(tmp_path).success
    assert list_reasons(tmp_path) == []
    reason = 'setting not_for_persons is ["empathy"], was not read'
    assert list_reasons(tmp_path, **excluding) == [f"scores/{name}: {reason}" for name in sorted(DAILY_SUMS)]

    assert materialize(tmp_path, *DAILY_SUMS, **excluding).success
    found = read(tmp_path, *DAILY_SUMS)
    assert [row["empathy_mean"] for row in found.pop("queue_daily")] == [1.5]
    for row in chain(*found.values()):
        assert {row[f"empathy_{part}"] for part in ("count", "sum", "sum_of_squares", "mean")} == {None}
        assert (row["clarity_count"], row["clarity_mean"]) == (1, 1.0)
    assert list_reasons(tmp_path, **excluding) == []


def test_scores_that_were_made_without_the_agents_of_their_day_are_out_of_date_once_these_are_there(
    tmp_path: Path,
) -> None:
    datasets: tuple[Dataset, ...] = ("engagement", "agent")
    export(tmp_path, {"engagement": ENGAGEMENTS})
    assert materialize(tmp_path, *DAILY[1:], datasets=datasets).success
    export(tmp_path, {"agent": AGENTS})
    assert list_reasons(tmp_path, datasets=datasets) == [f"tables/agent {DAY}"]
    assert materialize(tmp_path, *DAILY[1:], datasets=datasets).success
    assert list_reasons(tmp_path, datasets=datasets) == []
    export(tmp_path, {"agent": [agent("a1", type="Bot")]})
    assert list_reasons(tmp_path, datasets=datasets) == [f"tables/agent {DAY}"], "which tell another bot"


def test_reviewers_of_a_range_have_the_days_that_each_end_has_alone(tmp_path: Path) -> None:
    later, name = DAY + timedelta(days=1), "reviewer_calibration"
    export(tmp_path, {**TABLES, "review": [review(type="Customer")]})
    of_later = {
        "engagement": [engagement("e9", start_time=at(9, day=later))],
        "review": [review("r9", engagement_pid="e9", engagement_start_time=at(9, day=later), reviewer_pid="v1")],
    }
    export(tmp_path, {"turn": [], "agent": AGENTS} | of_later, days_later=1)
    assert materialize(tmp_path, "answer", first=DAY, last=later).success
    assert materialize(tmp_path, name, first=later, last=later).success
    alone = read(tmp_path, name, day=later)
    assert materialize(tmp_path, name, first=DAY, last=later).success
    assert_all_same(read(tmp_path, name, day=later), alone)
    assert [row["days_present_count"] for row in alone[name]] == [2]


def test_drift_of_the_auto_reviewer_is_found_on_its_day_and_warned_of_until_the_quarter_ends(tmp_path: Path) -> None:
    name, since, last = "auto_reviewer_drift", DAY + timedelta(days=160), DAY + timedelta(days=181)
    rows = draw_answers(12, DAY, 182, rate=3, shift=0.25, since=since)
    write_answers(Warehouse(str(tmp_path)), rows)
    run = materialize(tmp_path, name, first=since - timedelta(days=2), last=last)
    assert run.success
    found = {
        date.fromisoformat(str(each.partition)): each
        for each in run.get_asset_check_evaluations()
        if each.check_name == DRIFT_CHECK and each.partition
    }
    alarmed = [day for day, each in found.items() if not each.passed]
    assert alarmed == list_days(alarmed[0], last)
    assert since <= alarmed[0] < since + timedelta(days=10)
    assert {each.severity for each in found.values()} == {dg.AssetCheckSeverity.WARN}
    assert found[alarmed[0]].metadata[NEW].value == 1
    assert found[last].metadata[NEW].value == 0
    summary = str(found[alarmed[0]].metadata[SUMMARY].value)
    assert 'scores "Text of q1" higher beside people' in summary
    assert not [row["reviewer_pid"] for row in rows if row["reviewer_pid"] in summary.split()]
    shared = read(tmp_path, name, day=last)
    assert materialize(tmp_path, name, first=last, last=last).success
    assert_all_same(read(tmp_path, name, day=last), shared)


def test_settlement_is_known_from_the_day_on_that_ends_four_weeks_and_the_horizon(tmp_path: Path) -> None:
    """Half of the evaluations of a day come with its own export, half with the next one."""
    last = DAY + timedelta(days=29)
    for number, day in enumerate(list_days(DAY, last)):
        came = [late_review(0, day), *([late_review(1, day - timedelta(days=1))] if number else [])]
        export_reviews(Warehouse(str(tmp_path)), day, came)
    before = last - timedelta(days=1)
    assert materialize(tmp_path, "settlement", first=before, last=last, settlement_horizon_days=2).success
    early = read(tmp_path, "settlement", day=before)["settlement"]
    known = [row for row in read(tmp_path, "settlement", day=last)["settlement"] if row["source"] == "reviewer"]
    assert {row["known_from_date"] for row in early} == {last}
    assert {(row["age_days"], row["seen_ratio"], row["learning_day_count"]) for row in known} == {
        (0, 0.5, 28),
        (1, 1, 28),
    }
    assert len(early) == 4 * 7 * 2
    looked_back = materialize(tmp_path, "settlement", first=last, settlement_horizon_days=2, lookback_days=1, last=last)
    assert looked_back.success
    (reason,) = {row["not_known_reason"] for row in read(tmp_path, "settlement", day=last)["settlement"]}
    assert "SALTED_LOOKBACK_DAYS" in reason
