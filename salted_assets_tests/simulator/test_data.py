"""What simulated exports hold: documented columns, the same bytes every time, windows, late truth, known abilities."""

import hashlib
import io
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import pytest

from salted_assets.simulator import SimulatorOptions, truth_of, write_csv
from salted_assets.simulator.data import exporting
from salted_assets.simulator.data.contact_centre import agent_rows, build_contact_centre
from salted_assets.simulator.data.contacts import contact_rows
from salted_assets.simulator.data.conversations import build_engagements, conversations_of_days
from salted_assets.simulator.data.engagements import engagement_rows
from salted_assets.simulator.data.reviews import review_rows
from salted_assets.simulator.data.turns import turn_rows
from salted_assets.simulator.data.windows import Window
from salted_assets_tests.support.simulators import (
    DATASETS,
    DAY,
    LATER,
    MEDIUM,
    SMALL,
    csv_bytes,
    export_rows,
    fresh_csv_bytes,
    rows_of,
)

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).parent / "golden"
DAY_NUMBER = (DAY - datetime(1970, 1, 1, tzinfo=UTC)).days
ALWAYS = Window(0, *[int(datetime(2030, 1, 1, tzinfo=UTC).timestamp()) * 1000] * 2)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("dataset", DATASETS)
def test_header_is_the_documented_one(dataset: str) -> None:
    golden = (GOLDEN / f"{dataset}.csv").read_bytes().split(b"\n")[0]

    assert csv_bytes(dataset, DAY, DAY + timedelta(days=1), LATER).split(b"\n")[0] == golden


@pytest.mark.parametrize("dataset", DATASETS)
def test_updated_at_comes_last_when_asked_for(dataset: str) -> None:
    options = replace(SMALL, with_updated_at=True)

    rows = export_rows(dataset, options=options)

    assert list(rows[0])[-1] == "updated_at"
    assert all(moment(row["updated_at"]) <= LATER for row in rows)


def test_no_row_holds_a_column_that_is_not_documented() -> None:
    documented = {name: set((GOLDEN / f"{name}.csv").read_text().split("\n")[0].split(",")) for name in DATASETS}
    centre, someone = build_contact_centre(MEDIUM), np.arange(5)

    for conversations in conversations_of_days(centre, DAY_NUMBER, DAY_NUMBER + 1, batch_size=1_000):
        engagements = build_engagements(centre, conversations)
        made = {
            "engagement": engagement_rows(centre, engagements, ALWAYS)[1],
            "turn": turn_rows(centre, engagements, ALWAYS),
            "review": review_rows(centre, engagements, ALWAYS),
            "agent": agent_rows(centre, someone, someone, ALWAYS),
            "customer": contact_rows(centre, someone, someone, ALWAYS),
        }
        for dataset, rows in made.items():
            assert rows.columns.keys() <= documented[dataset]
            assert {len(column) for column in rows.columns.values()} == {len(rows)}


def test_every_documented_column_is_filled_somewhere() -> None:
    options = SimulatorOptions(agent_count=36, engagements_per_agent=12)
    unused = {"engagement": {"attribute_04", "engagement_fact_03"}}

    for dataset in DATASETS:
        rows = export_rows(dataset, options=options)
        empty = {column for column in rows[0] if not any(row[column] for row in rows)}
        assert empty <= unused.get(dataset, set()), dataset


def test_bytes_are_the_same_again_and_in_another_process() -> None:
    code = """
import hashlib, io, sys
from datetime import UTC, datetime, timedelta
from salted_assets.simulator import SimulatorOptions, write_csv
day, options = datetime(2024, 3, 5, tzinfo=UTC), SimulatorOptions(agent_count=3, engagements_per_agent=3)
for dataset in sys.argv[1:]:
    out = io.BytesIO()
    write_csv(dataset, day, day + timedelta(days=1), datetime(2024, 6, 1, tzinfo=UTC), options, out)
    print(hashlib.sha256(out.getvalue()).hexdigest())
"""
    other = subprocess.run(
        [sys.executable, "-c", code, *DATASETS],
        capture_output=True,
        check=True,
        text=True,
        env={"PYTHONHASHSEED": "7"},
        cwd=GOLDEN.parents[1],
    ).stdout.split()

    for dataset, digest in zip(DATASETS, other, strict=True):
        first, second = (fresh_csv_bytes(dataset, DAY, DAY + timedelta(days=1), LATER) for _ in range(2))
        assert first == second
        assert hashlib.sha256(first).hexdigest() == digest


def test_bytes_do_not_depend_on_how_many_are_made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    end = DAY + timedelta(days=1)
    whole = {dataset: csv_bytes(dataset, DAY, end, LATER) for dataset in DATASETS}
    monkeypatch.setattr(exporting, "_BATCH", 2)
    monkeypatch.setattr(exporting, "_DRAWN", 7)
    monkeypatch.setattr(exporting, "_CONTACTS", 3)

    assert {dataset: fresh_csv_bytes(dataset, DAY, end, LATER) for dataset in DATASETS} == whole


def test_another_seed_is_another_account() -> None:
    other = {row["pid"] for row in export_rows("engagement", options=replace(SMALL, seed=2))}

    assert other
    assert other.isdisjoint(row["pid"] for row in export_rows("engagement"))


@pytest.mark.parametrize("dataset", DATASETS)
def test_pids_are_unique_within_a_file(dataset: str) -> None:
    pids = Counter(row["pid"] for row in export_rows(dataset, options=MEDIUM))

    assert set(pids.values()) == {1}


def test_two_half_days_hold_the_rows_of_the_day_that_started_in_them() -> None:
    whole = {row["pid"]: row["start_time"] for row in export_rows("engagement", options=MEDIUM)}
    noon = DAY + timedelta(hours=12)
    halves = [export_rows("engagement", start, options=MEDIUM, hours=12) for start in (DAY, noon)]

    for start, rows in zip((DAY, noon), halves, strict=True):
        end = start + timedelta(hours=12)
        expected = {pid for pid, begun in whole.items() if start <= moment(begun) < end}
        assert expected <= {row["pid"] for row in rows}
    assert {row["pid"] for rows in halves for row in rows} >= whole.keys()


def started_at(dataset: str, row: dict[str, str]) -> datetime:
    if dataset == "turn":
        return moment(row["turn_time"]) - timedelta(milliseconds=int(row["turn_time_relative_ms"]))
    return moment(row[{"engagement": "start_time", "review": "engagement_start_time"}[dataset]])


@pytest.mark.parametrize("dataset", ["engagement", "turn", "review"])
def test_a_row_is_in_a_file_exactly_when_started_or_last_updated_within_the_window(dataset: str) -> None:
    """Against all rows of three weeks as of the same time, which say when they started and were updated."""
    options, as_of, end = (
        SimulatorOptions(agent_count=3, engagements_per_agent=9, with_updated_at=True),
        DAY + timedelta(hours=26),
        DAY + timedelta(days=1),
    )
    everything = rows_of(csv_bytes(dataset, DAY - timedelta(days=20), as_of, as_of, options))

    expected = {
        row["pid"]: row
        for row in everything
        if DAY <= started_at(dataset, row) < end or DAY <= moment(row["updated_at"]) < end
    }

    assert {row["pid"]: row for row in export_rows(dataset, as_of=as_of, options=options)} == expected
    assert len(expected) < len(everything)
    assert dataset == "turn" or any(started_at(dataset, row) < DAY for row in expected.values())


def test_window_is_half_open() -> None:
    row = next(row for row in export_rows("engagement", options=MEDIUM) if row["type"] == "Agent")
    start = moment(row["start_time"])
    as_of = start + timedelta(seconds=1)

    def is_delivered(window_start: datetime, window_end: datetime) -> bool:
        rows = rows_of(csv_bytes("engagement", window_start, window_end, as_of, MEDIUM))
        return row["pid"] in {each["pid"] for each in rows}

    assert is_delivered(start, start + timedelta(hours=1))
    assert not is_delivered(start - timedelta(hours=1), start)


def test_nothing_after_the_as_of_time_is_seen() -> None:
    as_of = DAY + timedelta(hours=11)

    assert all(moment(row["start_time"]) <= as_of for row in export_rows("engagement", as_of=as_of, options=MEDIUM))
    ends = [row["end_time"] for row in export_rows("engagement", as_of=as_of, options=MEDIUM) if row["end_time"]]
    assert all(moment(end) <= as_of for end in ends)
    assert all(moment(row["turn_time"]) <= as_of for row in export_rows("turn", as_of=as_of, options=MEDIUM))
    assert all(moment(row["review_time"]) <= as_of for row in export_rows("review", as_of=as_of, options=MEDIUM))


def test_an_engagement_in_progress_has_no_end_and_is_completed_later() -> None:
    as_of = DAY + timedelta(hours=14)
    early = {row["pid"]: row for row in export_rows("engagement", as_of=as_of, options=MEDIUM)}
    late = {row["pid"]: row for row in export_rows("engagement", options=MEDIUM)}
    open_rows = {pid: row for pid, row in early.items() if row["status"] == "In Progress"}

    assert open_rows
    assert all(not row["end_time"] and not row["engagement_time"] and not row["clarity"] for row in open_rows.values())
    completed = [late[pid] for pid in open_rows if pid in late]
    assert completed
    assert all(row["status"] in ("Completed", "Corrupted") and row["end_time"] for row in completed)


def test_late_truth_reaches_later_exports() -> None:
    """Every kind of late change is seen: its row comes again in a later day's export, changed."""
    kinds: set[str] = set()
    days = [DAY + timedelta(days=number) for number in range(13)]
    seen: dict[str, dict[str, dict[str, str]]] = {"engagement": {}, "review": {}}
    for start in days:
        for dataset, known in seen.items():
            for row in export_rows(dataset, start, start + timedelta(hours=26), MEDIUM):
                kinds |= kinds_of_change(dataset, known.get(row["pid"]), row, start)
                known[row["pid"]] = row

    assert kinds >= {
        "engagement completed after midnight",
        "AI score corrected",
        "re-labelled",
        "conversation got another engagement",
        "review of an earlier day",
        "Pending answered",
        "Pending timed out",
        "verified",
        "Deleted",
    }


def kinds_of_change(dataset: str, before: dict[str, str] | None, now: dict[str, str], start: datetime) -> set[str]:
    if before is None:
        is_late = dataset == "review" and moment(now["engagement_start_time"]) < start
        return {"review of an earlier day"} if is_late else set()
    changed = {column for column in now if now[column] != before[column]}
    found = {
        "engagement completed after midnight": before["status"] == "In Progress" and now["status"] == "Completed",
        "AI score corrected": bool(before.get("clarity")) and "clarity" in changed,
        "re-labelled": now.get("category") == "Re-labelled",
        "conversation got another engagement": "total_conversation_agent_engagements" in changed,
        "Pending answered": before["status"] == "Pending" and now["status"] == "Completed",
        "Pending timed out": before["status"] == "Pending" and now["status"] == "Timeout",
        "verified": "verified" in changed,
        "Deleted": before["status"] == "Completed" and now["status"] == "Deleted",
    }
    return {kind for kind, is_so in found.items() if is_so}


def test_nothing_changes_after_the_look_back() -> None:
    centre = build_contact_centre(MEDIUM)

    for conversations in conversations_of_days(centre, DAY_NUMBER, DAY_NUMBER + 7, batch_size=1_000):
        engagements = build_engagements(centre, conversations)
        last_change_ms = engagements.last_change_ms
        kept, rows = engagement_rows(centre, engagements, ALWAYS)
        index = {pid: index for index, pid in enumerate(rows.columns["pid"].to_pylist())}
        assert len(kept) == len(engagements)
        assert (rows.updated_ms <= last_change_ms).all()
        for made, last_ms in (
            (review_rows(centre, engagements, ALWAYS), last_change_ms),
            (turn_rows(centre, engagements, ALWAYS), np.minimum(last_change_ms, engagements.end_ms)),
        ):
            own = np.array([index[pid] for pid in made.columns["engagement_pid"].to_pylist()])
            assert (engagements.start_ms[own] <= made.updated_ms).all()
            assert (made.updated_ms <= last_ms[own]).all()


def test_children_and_names_join() -> None:
    files = {dataset: export_rows(dataset, options=MEDIUM, as_of=DAY + timedelta(hours=26)) for dataset in DATASETS}
    engagements = {row["pid"]: row for row in files["engagement"]}
    started = {pid for pid, row in engagements.items() if moment(row["start_time"]) >= DAY}
    turns = {row["pid"]: row for row in files["turn"]}

    assert {row["agent_pid"] for row in files["engagement"]} - {""} <= {row["pid"] for row in files["agent"]}
    assert {row["contact_pid"] for row in files["engagement"]} - {""} <= {row["pid"] for row in files["customer"]}
    own_turns = [row for row in turns.values() if row["engagement_pid"] in started]
    assert len(own_turns) > 0.9 * len(turns)
    assert all(row["response_to"] in turns for row in own_turns if row["response_to"])
    for row in own_turns:
        begun = moment(engagements[row["engagement_pid"]]["start_time"])
        assert moment(row["turn_time"]) - begun == timedelta(milliseconds=int(row["turn_time_relative_ms"]))
    for row in files["review"]:
        if row["engagement_pid"] in started:
            assert row["engagement_start_time"] == engagements[row["engagement_pid"]]["start_time"]
            assert row["agent_pid"] == engagements[row["engagement_pid"]]["agent_pid"]
            assert not row["turn_pid"] or row["turn_pid"] in turns


def test_kinds_of_rows_are_as_the_vendor_describes_them() -> None:
    options = SimulatorOptions(agent_count=36, engagements_per_agent=12)
    engagements, reviews = export_rows("engagement", options=options), export_rows("review", options=options)

    assert {row["type"] for row in engagements} == {"Agent", "Queue", "Invitation", "Menu", "Technical"}
    assert {row["channel_type"] for row in engagements} == {"VOICE", "CHAT", "EMAIL", "SMS"}
    assert all(not row["agent_pid"] for row in engagements if row["type"] in ("Queue", "Menu", "Technical"))
    assert max(Counter(r["conversation_id"] for r in engagements if r["type"] == "Agent").values()) > 1
    assert {row["type"] for row in reviews} == {"Agent", "Auto", "Customer", "Reviewer"}
    assert {row["sampling"] for row in reviews} == {"Focused", "Random", "Selected", "All", ""}
    assert all(not row["reviewer_pid"] for row in reviews if row["type"] == "Customer")
    assert {row["verified"] for row in reviews} > {"Acknowledged", "Disputed", "Correct", "Incorrect"}
    scales = [(float(r["worst_score"]), float(r["best_score"])) for r in reviews if r["best_score"]]
    assert any(worst > best for worst, best in scales)
    assert any(worst == best for worst, best in scales)
    auto = {row["engagement_pid"] for row in reviews if row["type"] == "Auto"}
    completed = [r for r in engagements if r["type"] == "Agent" and r["status"] == "Completed"]
    assert auto >= {row["pid"] for row in completed if moment(row["start_time"]) >= DAY}
    assert {row["type"] for row in export_rows("agent", options=options)} == {"User", "Bot", "External"}


def test_content_holds_what_breaks_naive_readers() -> None:
    texts = {row["content"] for row in export_rows("turn", options=SimulatorOptions())}

    for odd in ("\r\n", "\n", '"', ",", "👍", "🎉"):
        assert any(odd in text for text in texts), odd
    assert texts >= {"NA", "null", "None"}


def test_weekends_are_quieter_and_nights_quiet() -> None:
    sunday = datetime(2024, 3, 10, tzinfo=UTC)
    weekday, weekend = (export_rows("engagement", start, options=SimulatorOptions()) for start in (DAY, sunday))
    hours = Counter(moment(row["start_time"]).hour for row in weekday)

    assert len(weekend) < len(weekday) / 2
    assert hours[3] * 5 < hours[10]


def test_agent_changes_team_and_contact_changes_name() -> None:
    options = SimulatorOptions(engagements_per_agent=2, with_updated_at=True)
    teams, names = defaultdict(set), defaultdict(set)

    for week in range(0, 60, 4):
        start = DAY + timedelta(weeks=week)
        for row in export_rows("agent", start, start + timedelta(hours=26), options):
            teams[row["pid"]].add(row["team"])
        for row in export_rows("customer", start, start + timedelta(hours=26), options):
            names[row["pid"]].add(row["name"])

    assert any(len(known) > 1 for known in teams.values())
    assert any(len(known) > 1 for known in names.values())


def test_a_customer_who_only_changed_is_delivered_on_that_day() -> None:
    options = SimulatorOptions(agent_count=40, engagements_per_agent=10, with_updated_at=True)
    as_of = DAY + timedelta(hours=26)
    linked = {row["contact_pid"] for row in export_rows("engagement", options=options, as_of=as_of)}

    alone = [row for row in export_rows("customer", options=options, as_of=as_of) if row["pid"] not in linked]

    assert alone
    assert all(DAY <= moment(row["updated_at"]) < DAY + timedelta(days=1) for row in alone)


def test_scores_follow_the_known_ability() -> None:
    options = SimulatorOptions(agent_count=24, engagements_per_agent=40)
    truth = truth_of(options)
    levels, luck = truth.levels_on(DAY.date()), truth.luck_on(DAY.date())
    scores = defaultdict(list)
    for row in export_rows("engagement", options=options):
        if row["agent_pid"] and row["clarity"]:
            scores[row["agent_pid"]].append(float(row["clarity"]))
    pairs = [(levels[pid] + luck[pid], mean(values)) for pid, values in scores.items() if len(values) > 15]
    skills, means = zip(*pairs, strict=True)
    covariance = mean((s - mean(skills)) * (m - mean(means)) for s, m in pairs)

    assert covariance / (stdev(skills) * stdev(means)) > 0.85


def test_an_empty_window_gives_a_header_alone() -> None:
    before_the_account = datetime(2001, 1, 1, tzinfo=UTC)

    for dataset in DATASETS:
        assert (
            len(csv_bytes(dataset, before_the_account, before_the_account + timedelta(days=1), LATER).splitlines()) == 1
        )


def test_a_time_without_zone_is_refused() -> None:
    naive = DAY.replace(tzinfo=None)

    with pytest.raises(ValueError, match="no time zone"):
        write_csv("turn", naive, DAY, LATER, SMALL, io.BytesIO())


def test_row_counts_are_those_of_the_file() -> None:
    for dataset in DATASETS:
        out = io.BytesIO()
        count = write_csv(dataset, DAY, DAY + timedelta(days=1), LATER, SMALL, out)
        assert count == len(rows_of(out.getvalue()))
