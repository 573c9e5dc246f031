"""A delivered day of a dozen engagements: its rows, its files, and what ingestion and scores make of them."""

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pyarrow.compute as pc

from salted_assets.defs.asset_checks.table import check_failed_table, check_table, gather_check_input
from salted_assets.history import Footer, HistoryReader, find_reschedules
from salted_assets.history.table_files import write_table
from salted_assets.ingest import IngestError, IngestRules, RawFile, count_starts, read_table
from salted_assets.landing.window_fit import EngagementStarts, assess_fit
from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import csv_header
from salted_assets.schemas.scores import AgentDaily
from salted_assets.scoring import (
    AGENT_COLUMNS,
    ENGAGEMENT_COLUMNS,
    REVIEW_COLUMNS,
    REVIEWED_ENGAGEMENT_COLUMNS,
    REVIEWED_TURN_COLUMNS,
    TURN_COLUMNS,
    ScoringChoices,
    score_agents_daily,
    score_answers,
    score_engagements,
    sum_up_turns,
)
from salted_assets.warehouse import Warehouse, rejects_key
from salted_assets_tests.support.scoring_runs import listed

DAY = date(2024, 1, 31)
DATASETS = ("agent", "engagement", "turn", "review")
AGENTS = ("a1", "a2", "a3", "a4")
ENGAGEMENTS = tuple(f"e{number:02}" for number in range(12))
_VOLUME_TOLERANCE = 0.5
_CHOICES = ScoringChoices()
_ENGAGEMENT_COLUMNS = tuple(dict.fromkeys((*ENGAGEMENT_COLUMNS, *REVIEWED_ENGAGEMENT_COLUMNS)))
"""Of both scores that engagements are read for, read once."""

Record = dict[str, str]
"""A record's cells by column; beside them `OWNER`, which no file has."""

OWNER = "(owner)"
"""The engagement, or the agent, that a record is about."""

Figures = dict[str, dict[str, Any]]
"""The row of `scores/agent_daily` of each agent."""


@dataclass
class Delivery:
    """The files of one export: for each dataset its columns and records, all of them text."""

    headers: dict[str, list[str]]
    records: dict[str, list[Record]]

    def render(self, dataset: str) -> bytes:
        """The file as the vendor sends it."""
        return b"".join(self.render_lines(dataset))

    def render_lines(self, dataset: str) -> list[bytes]:
        """The header and each record as they stand in the file."""
        header = self.headers[dataset]
        lines = [",".join(header)]
        lines += [",".join(_quoted(record.get(name, "")) for name in header) for record in self.records[dataset]]
        return [f"{line}\n".encode() for line in lines]


def agent_of(engagement_pid: str) -> str:
    return AGENTS[int(engagement_pid[1:3]) % len(AGENTS)]


def start_of(engagement_pid: str) -> datetime:
    """From half past midnight to half past eleven at night, so that a shift of an hour moves some out of the day."""
    return datetime.combine(DAY, time(0, 30), UTC) + timedelta(minutes=int(engagement_pid[1:3]) * 23 * 60 // 11)


def write_time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"


def deliver(engagement_pids: Iterable[str] = ENGAGEMENTS) -> Delivery:
    """The undamaged files of these engagements."""
    pids = tuple(engagement_pids)
    agents = sorted({agent_of(pid) for pid in pids})
    return Delivery(
        headers={dataset: csv_header(DATASET_MODELS[dataset]) for dataset in DATASETS},
        records={
            "agent": [
                {OWNER: pid, "pid": pid, "name": f"Agent {pid}", "type": "User", "team": "North"} for pid in agents
            ],
            "engagement": [_engagement(pid) for pid in pids],
            "turn": [turn for pid in pids for turn in _turns(pid)],
            "review": [review for pid in pids for review in _reviews(pid)],
        },
    )


def _engagement(pid: str) -> Record:
    number, start = int(pid[1:3]), start_of(pid)
    return {
        OWNER: pid,
        "pid": pid,
        "agent_pid": agent_of(pid),
        "agent_name": f"Zoë, {agent_of(pid)}",
        "contact_pid": f"c{number}",
        "conversation_start_time": write_time(start - timedelta(seconds=20)),
        "start_time": write_time(start),
        "end_time": write_time(start + timedelta(minutes=9)),
        "conversation_id": f"v{number}",
        "channel_type": ("VOICE", "CHAT")[number % 2],
        "status": "Completed",
        "type": "AGENT",
        "service_level": "Met",
        "queue": ("Sales", "Care")[number % 3 == 0],
        "team": "North",
        "cost": f"{1 + number / 4:.2f}",
        "engagement_time": str(300_017 + 1_013 * number),
        "preparation_time": str(4_000 + number) if number % 4 else "",
        "wrap_up_time": str(20_000 + 10 * number),
        "hold_time": str(5_000 * (number % 3)),
        "wait_time": str(7_000 + number),
        "total_time": str(540_000),
        "empathy": f"{3 + number / 8:.3f}",
        "clarity": f"{4 - number / 8:.3f}",
    }


def _turns(pid: str) -> list[Record]:
    start = start_of(pid)
    return [
        {
            OWNER: pid,
            "pid": f"{pid}-t{index}",
            "engagement_pid": pid,
            "turn_time": write_time(start + timedelta(seconds=15 * index)),
            "turn_time_relative_ms": str(15_000 * index),
            "participant": ("CUSTOMER", "AGENT")[index % 2],
            "type": "MESSAGE",
            "length": "40",
            "sentiment": f"{0.1 * index - 0.1:.1f}",
            "content": f'He said "no",\nthen hung up {index}',
        }
        for index in range(4)
    ]


def _reviews(pid: str) -> list[Record]:
    number, start = int(pid[1:3]), start_of(pid)
    common = {
        OWNER: pid,
        "engagement_pid": pid,
        "engagement_start_time": write_time(start),
        "agent_pid": agent_of(pid),
        "status": "Completed",
        "review_time": write_time(start + timedelta(hours=2)),
        "worst_score": "0",
        "best_score": "10",
    }
    human = {"type": "Reviewer", "sampling": "Random", "reviewer_pid": "r1", "reviewer_name": "Renée"}
    answers = [
        human
        | {"review_session_id": f"{pid}-s", "question_pid": f"q{index}", "answer_score": str((number + index) % 11)}
        for index in range(2)
    ]
    answers.append({"type": "Auto", "sampling": "All", "question_pid": "q9", "answer_score": str(number % 11)})
    return [common | answer | {"pid": f"{pid}-r{index}"} for index, answer in enumerate(answers)]


def handle_times(agent: str) -> list[int]:
    """The true handle time of each of the agent's engagements."""
    own = [_engagement(pid) for pid in ENGAGEMENTS if agent_of(pid) == agent]
    parts = ("preparation_time", "engagement_time", "wrap_up_time")
    return [sum(int(record[part] or 0) for part in parts) for record in own]


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if any(mark in cell for mark in ',"\n') else cell


@dataclass
class Reported:
    """What ingestion says of an export: failed checks, numbers of rejects, tables that failed, and what it counts."""

    lines: list[str] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)


def ingest(warehouse: Warehouse, day: date, requested_at: datetime, files: Mapping[str, bytes]) -> Reported:
    """Load the files of a day's export as the platform does, each dataset by itself: one that fails keeps its table."""
    reported = Reported()
    midnight = datetime.combine(day, time(), UTC)
    for dataset in (name for name in DATASETS if name in files):
        file = RawFile(f"{dataset}.csv", lambda data=files[dataset]: io.BytesIO(data))  # type: ignore[misc]
        try:
            if dataset == "engagement":
                starts = EngagementStarts(*count_starts(file, midnight, midnight + timedelta(days=1)))
                fit = assess_fit("x1", starts, is_adopted=False, replaces=None)
                reported.lines += [f"{dataset}: {fit.message}"] * (fit.outcome != "fits")
            reported.lines += _load(warehouse, dataset, day, requested_at, file)
        except IngestError as error:
            reported.failed.add(dataset)
            reported.lines += [f"{dataset}: {type(error).__name__}: {error}"]
            reported.lines += [f"{dataset}: check {outcome.check} failed" for outcome in check_failed_table(error)]
    return reported


def _load(warehouse: Warehouse, dataset: str, day: date, requested_at: datetime, file: RawFile) -> list[str]:
    stream = read_table(DATASET_MODELS[dataset], [file], IngestRules(thread_count=1))
    footer = Footer(simulated=False, day=day, dataset=dataset, requested_at=requested_at)
    with warehouse.scratch() as table, warehouse.scratch() as rejects:
        written = write_table(
            stream,
            table,
            rejects,
            footer=footer,
            zone="UTC",
            reschedules_of=(lambda starts: find_reschedules(warehouse, "UTC", day, starts))
            if dataset == "engagement"
            else None,
        )
        stream.statistics.assert_accounted()
        warehouse.publish(rejects, warehouse.table_path(rejects_key(dataset), day))
        warehouse.publish(table, warehouse.table_path(("tables", dataset), day))
    late = written.affected.late_rows(day)
    found = gather_check_input(warehouse, dataset, day, stream.statistics, zone="UTC", late_row_count=late)
    outcomes = check_table(found, _VOLUME_TOLERANCE)
    reserved = sum(stream.statistics.reserved_values.values())
    return [
        *(f"{dataset}: check {outcome.check} failed" for outcome in outcomes if not outcome.passed),
        *([f"{dataset}: {written.reject_count} rejects"] * (written.reject_count > 0)),
        *([f"{dataset}: {reserved} reserved values"] * (reserved > 0)),
    ]


def score(warehouse: Warehouse) -> Figures:
    """What the day's agents come to, out of all exports that are there."""
    reader = HistoryReader(warehouse, "UTC")
    agent = reader.read_range("agent", [DAY], AGENT_COLUMNS).rows
    review = reader.read_range("review", [DAY], REVIEW_COLUMNS).rows
    named = pc.unique(pc.utf8_trim_whitespace(review["turn_pid"].drop_null()))
    turns = reader.read_range("turn", [DAY], REVIEWED_TURN_COLUMNS, pids=named).rows if len(named) else None
    engagement = reader.read_range("engagement", [DAY], _ENGAGEMENT_COLUMNS).rows
    answers = score_answers(engagement, turns, review, agent, _CHOICES)
    turn_sums = sum_up_turns(reader.read_range("turn", [DAY], TURN_COLUMNS).rows)
    scores = score_engagements(engagement, turn_sums, answers, agent, _CHOICES)
    return {row["agent_pid"]: row for row in listed(score_agents_daily(scores), AgentDaily)}
