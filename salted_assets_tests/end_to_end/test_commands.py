"""Three days by the real command, then counted again from the raw files by nothing but the standard library.

The count knows the rules from the vendor's pages, not from the code: which rows are the newest, which engagements are
an agent's work, what an answer and an evaluation are worth.
"""

import csv
import io
import json
import math
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import zstandard

from salted_assets_tests.support.bare_commands import run_bare

pytestmark = pytest.mark.slow

DAYS = ["2024-01-10", "2024-01-11", "2024-01-12"]
AI_SCORES = [
    "adaptability",
    "adherence",
    "clarity",
    "completeness",
    "customer_satisfaction",
    "empathy",
    "expressed_satisfaction",
    "language_skills",
    "persuasion",
    "severity",
    "understanding",
]
ON_THE_BOARD = [
    name for name in AI_SCORES if name not in {"customer_satisfaction", "expressed_satisfaction", "severity"}
]
SOURCES = ["reviewer", "auto", "customer", "agent"]

Row = dict[str, str]
Count = dict[str, Any]


def salted(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The installed command in a folder of its own, with no variable of ours."""
    return run_bare(folder, "salted", *arguments)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory in which three days have gone through."""
    folder = tmp_path_factory.mktemp("demo")
    done = salted(folder, "backfill", DAYS[0], DAYS[-1])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 of 3 days are whole in data/demo" in done.stdout
    assert "Warning" not in done.stderr
    return folder


def versions(folder: Path, name: str) -> list[Row]:
    """All rows of a file of all days, those of the export that was requested last at the end."""
    files = []
    for path in folder.glob("data/demo/raw/export/date=*/manifest.json"):
        for delivery in json.loads(path.read_text())["deliveries"]:
            raw = path.parent.joinpath(delivery["export_id"], f"{name}.zst").read_bytes()
            text = zstandard.ZstdDecompressor().stream_reader(raw).read().decode()
            files.append((datetime.fromisoformat(delivery["ordered_at"]), text))
    assert len(files) == len(DAYS)
    return [row for _, text in sorted(files) for row in csv.DictReader(io.StringIO(text, newline=""))]


def newest_rows(folder: Path, name: str) -> dict[str, Row]:
    """The newest version of each row by pid."""
    return {row["pid"]: row for row in versions(folder, name)}


def values_of(rows: Iterable[Row], column: str) -> list[float]:
    return [float(row[column]) for row in rows if row[column]]


def mean(values: list[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def handle_time(row: Row) -> int | None:
    parts = [row[name] for name in ("preparation_time", "engagement_time", "wrap_up_time")]
    return sum(int(part or 0) for part in parts) if any(parts) else None


def counts_as_work(row: Row) -> bool:
    return row["type"].lower() == "agent" and row["status"].lower() == "completed" and row["agent_pid"] != ""


def worth(review: Row) -> float | None:
    """Where an answer lies between the worst (0) and the best (1) of its question; None for one without a score."""
    texts = [review[name] for name in ("answer_score", "worst_score", "best_score")]
    if not all(texts):
        return None
    answer, worst, best = map(float, texts)
    is_on_scale = worst != best and min(worst, best) <= answer <= max(worst, best)
    return (answer - worst) / (best - worst) if is_on_scale else None


class Recount:
    """Every agent's day, counted from the raw files."""

    def __init__(self, folder: Path) -> None:
        self.turns = newest_rows(folder, "turns.csv")
        reviews = newest_rows(folder, "reviews.csv")
        self.turns_of = grouped(self.turns.values(), "engagement_pid")
        self.reviews_of = grouped(filter(self.says_something_of_the_agent, reviews.values()), "engagement_pid")
        self.work: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in newest_rows(folder, "engagements.csv").values():
            day = row["start_time"][:10]
            if counts_as_work(row) and day in DAYS:
                self.work[day, row["agent_pid"]].append(row)

    def says_something_of_the_agent(self, review: Row) -> bool:
        if review["status"].lower() != "completed":
            return False
        if review["type"].lower() == "auto" and review["verified"].lower() == "incorrect":
            return False
        turn = self.turns.get(review["turn_pid"])
        return turn is None or turn["participant"].lower() != "customer"

    def evaluations(self, engagements: list[Row], source: str) -> Iterator[list[float]]:
        """The scored answers of each evaluation: one sitting on one engagement; without a sitting, one answer."""
        for engagement in engagements:
            sittings = defaultdict(list)
            for review in self.reviews_of.get(engagement["pid"], []):
                score = worth(review)
                if review["type"].lower() == source and score is not None:
                    sittings[review["review_session_id"] or ("alone", review["pid"])].append(score)
            yield from sittings.values()

    def count(self, engagements: list[Row]) -> Count:
        """What `scores/agent_daily` has to say of these engagements."""
        times = [time for time in map(handle_time, engagements) if time is not None]
        found: Count = {
            "engagement_count": len(engagements),
            "handle_time_ms_sum": sum(times),
            "handle_time_ms_count": len(times),
            "handle_time_ms_mean": mean([float(time) for time in times]),
        }
        for name in AI_SCORES:
            found |= summary(name, values_of(engagements, name))
        for source in SOURCES:
            evaluations = list(self.evaluations(engagements, source))
            found |= summary(f"answer_{source}", [score for scores in evaluations for score in scores])
            found |= summary(f"evaluation_{source}", [math.fsum(scores) / len(scores) for scores in evaluations])
        turns = [turn for engagement in engagements for turn in self.turns_of.get(engagement["pid"], [])]
        for participant in ("agent", "customer"):
            of_participant = [turn for turn in turns if turn["participant"].lower() == participant]
            found |= summary(f"sentiment_{participant}", values_of(of_participant, "sentiment"))
        return found


def grouped(rows: Iterable[Row], column: str) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[column]].append(row)
    return groups


def summary(name: str, values: list[float]) -> Count:
    return {f"{name}_count": len(values), f"{name}_mean": mean(values)}


@pytest.fixture(scope="module")
def recount(folder: Path) -> Recount:
    return Recount(folder)


def stored_scores(folder: Path) -> dict[tuple[str, str], Count]:
    tables = [pq.read_table(folder / f"data/demo/scores/agent_daily/date={day}/part-0.parquet") for day in DAYS]
    return {(str(row["start_date"]), row["agent_pid"]): row for table in tables for row in table.to_pylist()}


def test_every_score_of_every_agent_and_day_is_what_the_raw_files_give(folder: Path, recount: Recount) -> None:
    stored = stored_scores(folder)
    assert stored.keys() == recount.work.keys()
    assert len(stored) > 40
    for key, engagements in recount.work.items():
        for name, expected in recount.count(engagements).items():
            found = stored[key][name]
            is_same = found is None if expected is None else found == pytest.approx(expected, rel=1e-9)
            assert is_same, f"{name} of agent {key[1]} on {key[0]}: stored {found}, counted {expected}"


def test_the_count_sees_everything_that_the_scores_are_about(folder: Path, recount: Recount) -> None:
    """Zeros on both sides would agree as well, and so would rows that come but once."""
    for name in ("engagements.csv", "reviews.csv"):
        assert len(versions(folder, name)) > len(newest_rows(folder, name))
    counts = [recount.count(engagements) for engagements in recount.work.values()]
    for name in (*AI_SCORES, *(f"evaluation_{source}" for source in SOURCES), "sentiment_agent", "sentiment_customer"):
        assert sum(count[f"{name}_count"] for count in counts) > 0, name
    everything = sum(len(rows) for rows in recount.work.values())
    assert 0 < sum(count["engagement_count"] for count in counts) == everything


def board_of(text: str) -> dict[str, list[str]]:
    """The printed cells of each agent by name, without what stands behind the name: figures, then AI scores."""
    figures, scores = (
        [re.split(r"\s{2,}", line) for line in part.partition("\n\n")[0].splitlines()]
        for part in re.split(r"-{9,}\n", text)[1:]
    )
    assert [row[0] for row in figures] == [row[0] for row in scores]
    cells = [[*figure, *score[1:]] for figure, score in zip(figures, scores, strict=True)]
    return {re.sub(r" \[\w+\]| \(bot\)", "", row[0]) + row[1]: row[1:] for row in cells}


def test_the_scoreboard_prints_what_the_raw_files_give(folder: Path, recount: Recount) -> None:
    done = salted(folder, "scoreboard", DAYS[0], DAYS[-1])
    assert done.returncode == 0, done.stderr
    assert "simulated data" in done.stdout
    assert str(folder / "data/demo/scores") in done.stdout
    work: dict[str, list[Row]] = defaultdict(list)
    for (_, agent), engagements in sorted(recount.work.items()):
        work[agent] += engagements
    board = board_of(done.stdout)
    assert len(board) == len(work)
    for engagements in work.values():
        count = recount.count(engagements)
        newest = max(engagements, key=lambda row: (row["start_time"], row["agent_name"]))
        printed = board[newest["agent_name"] + str(len(engagements))]
        minutes, seconds = printed[1].split(":")
        assert int(minutes) * 60 + int(seconds) == pytest.approx(count["handle_time_ms_mean"] / 1000, abs=0.51)
        expected = [f"evaluation_{source}" for source in ("reviewer", "auto", "customer")]
        for text, name in zip(printed[5:8], expected, strict=True):
            mean = count[f"{name}_mean"]
            assert_printed(text, mean and 100 * mean, 0.501, f"% ({count[f'{name}_count']})")
        for text, name in zip(printed[8:], ON_THE_BOARD, strict=True):
            assert_printed(text, count[f"{name}_mean"], 0.0501)


def assert_printed(text: str, value: float | None, tolerance: float, ending: str = "") -> None:
    if value is None:
        assert text == "-"
    else:
        assert text.endswith(ending)
        assert float(text.removesuffix(ending)) == pytest.approx(value, abs=tolerance)


def test_the_same_days_again_cost_no_second_export(folder: Path) -> None:
    before = sorted(folder.glob("data/demo/raw/export/date=*/*"))
    done = salted(folder, "backfill", DAYS[0], DAYS[-1], "--select", 'key:"raw/export"')
    assert done.returncode == 0, done.stderr
    assert sorted(folder.glob("data/demo/raw/export/date=*/*")) == before
