"""Of a compared figure the agent's own part is what undoing their own rows takes back; the rest is others' data."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import Mock

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from salted_assets.explain import causes_of_change, record_changes, refitting
from salted_assets.explain.agent_figure import derive, read_figure
from salted_assets.explain.refitting import Refits
from salted_assets.history import Footer, Recipe
from salted_assets.history.input_versions import InputVersions
from salted_assets.history.table_files import write_frame
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets.scoring.choices import RollingChoices
from salted_assets.scoring.windows.fair_scores import score_fair_windows
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.rolling_rows import END, Engagements, Given, build_answers, build_daily, build_segments

pytestmark = pytest.mark.slow

CHOICES = RollingChoices(min_engagements=2, min_evaluations=2, min_reliability=0.5)
PLAIN = Recipe.of(1, {})
GROUPS = [
    Engagements(agent=f"a{agent}", days_ago=ago, times=4, evaluations=(0.5,)) for agent in range(8) for ago in (0, 1)
]
ANSWERS = [
    Given(
        agent=f"a{agent}",
        days_ago=ago,
        engagement=f"e{agent} {ago} {number}",
        evaluation="session",
        reviewer=f"r{number % 3}",
        question=f"q{number % 2}",
        score=round(0.4 + 0.05 * agent + 0.1 * (number % 3), 2),
    )
    for agent in range(8)
    for ago in (0, 1)
    for number in range(4)
]
EDITED = next(number for number, answer in enumerate(ANSWERS) if answer.agent == "a2")
PEERS = next(number for number, answer in enumerate(ANSWERS) if answer.agent == "a5")


def change(answers: Sequence[Given], number: int, score: float) -> list[Given]:
    return [replace(answer, score=score) if at == number else answer for at, answer in enumerate(answers)]


def fit(answers: Sequence[Given], choices: RollingChoices = CHOICES) -> pa.Table:
    (table,) = score_fair_windows(build_daily(GROUPS), build_segments(GROUPS), build_answers(answers), [END], choices)
    return table


def fair_of(table: pa.Table, agent: str, figure: str = "fair_mean") -> float:
    is_asked = pc.and_(pc.equal(table["measure"], "evaluation_reviewer"), pc.equal(table["window_days"], 7))
    (row,) = table.filter(pc.and_(is_asked, pc.equal(table["agent_pid"], agent))).to_pylist()
    return float(row[figure])


def publish(
    warehouse: Warehouse, answers: Sequence[Given], hour: int, choices: RollingChoices = CHOICES, formula: int = 1
) -> None:
    """Write the scores; the first formula of `fair` gives 0.01 less than that of now, which is the second."""
    made_at, recipe = datetime(2024, 7, 1, hour, tzinfo=UTC), Recipe.of(formula, asdict(choices))

    def write(name: str, rows: pa.Table, minutes: int) -> None:
        column = "end_date" if name in {"fair", "agent_rolling"} else "start_date"
        for day in pc.unique(rows[column]).to_pylist():
            own, at = rows.filter(pc.equal(rows[column], day)), made_at + timedelta(minutes=minutes)
            footer = Footer(
                file_id=f"{name} {at}",
                scored_at=at,
                inputs=InputVersions({"scores/answer": {f"{END}": f"{hour}"}}).to_json(),
                recipe=recipe if name == "fair" else PLAIN,
            )
            with warehouse.create(warehouse.table_path(("scores", name), day)) as path:
                write_frame(path, own, footer)
                record_changes(warehouse, name, day, path)

    write("answer", build_answers(answers), 0)
    write("agent_daily", build_daily(GROUPS), 10)
    write("agent_segment_daily", build_segments(GROUPS), 20)
    write("agent_rolling", rolling(answers), 25)
    fair = fit(answers, choices)
    for name in ("fair_mean", "group_mean") if formula == 1 else ():
        lower = pc.subtract(fair[name], 0.01)
        fair = fair.set_column(fair.schema.get_field_index(name), name, lower)
    write("fair", fair, 30)


def rolling(answers: Sequence[Given]) -> pa.Table:
    """The plain mean of 7 days of a2, who has one answer in each evaluation."""
    own = [answer.score for answer in answers if answer.agent == "a2"]
    row = {"end_date": END, "agent_pid": "a2", "window_days": 7, "measure": "evaluation_reviewer"}
    fields = [field.with_nullable(True) for field in arrow_schema(SCORE_MODELS["agent_rolling"])]
    return pa.Table.from_pylist([row | {"mean": sum(own) / len(own), "measure_count": len(own)}], pa.schema(fields))


def ask(
    warehouse: Warehouse, agent: str, figure: str = "fair_mean", refits: Refits | None = None
) -> dict[str, float | None]:
    asked = {"figure": figure, "measure": "evaluation_reviewer", "window_days": 7}
    found = causes_of_change(warehouse, "UTC", "fair", END, agent, **asked, refits=refits)  # type: ignore[arg-type]
    return {part.cause: part.points for part in found.parts}


def test_own_answers_and_those_of_a_peer_are_told_apart_in_a_compared_figure(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path / "warehouse"))
    of_peer = change(ANSWERS, PEERS, 0.0)
    both = change(of_peer, EDITED, 1.0)
    publish(warehouse, ANSWERS, 1, formula=2)
    publish(warehouse, both, 2, formula=2)

    first, alone, last = (fair_of(fit(answers), "a2") for answers in (ANSWERS, of_peer, both))
    assert ask(warehouse, "a2") == {
        "edited": pytest.approx(last - alone),
        "others' data": pytest.approx(alone - first),
    }
    first, last = (fair_of(fit(answers), "a7") for answers in (ANSWERS, both))
    assert ask(warehouse, "a7") == {"others' data": pytest.approx(last - first)}


def test_several_own_causes_share_the_own_part_by_what_each_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = Warehouse(str(tmp_path / "warehouse"))
    # of two evaluations of one engagement each counts less
    late = replace(ANSWERS[EDITED + 1], evaluation="second", score=0.0)
    of_peer = change(ANSWERS, PEERS, 0.0)
    edited, came = change(of_peer, EDITED, 1.0), [*of_peer, late]
    both = [*edited, late]
    publish(warehouse, ANSWERS, 1, formula=2)
    publish(warehouse, both, 2, formula=2)

    first, alone, by_edit, by_late, last = (
        fair_of(fit(answers), "a2") for answers in (ANSWERS, of_peer, edited, came, both)
    )
    derivation = derive(warehouse, read_figure(warehouse, "a2", "evaluation_reviewer", END, 7))
    fit_once = Mock(side_effect=score_fair_windows)
    monkeypatch.setattr(refitting, "score_fair_windows", fit_once)
    refits = Refits(warehouse, derivation.is_traced, derivation.held)
    found = ask(warehouse, "a2", refits=refits)
    assert found == {
        # each as it would be by itself, or after the other
        "edited": pytest.approx((by_edit - alone + last - by_late) / 2, abs=0.001),
        "late": pytest.approx((by_late - alone + last - by_edit) / 2, abs=0.001),
        "others' data": pytest.approx(alone - first),
    }
    assert sum(points or 0 for points in found.values()) == pytest.approx(last - first, abs=1e-9)
    best = ask(warehouse, "a2", "shrunk_mean", refits)
    assert best.keys() == found.keys()
    assert None not in best.values()
    assert fit_once.call_count == 1
    by_plain = ask(warehouse, "a2", refits=Refits(warehouse))
    assert by_plain == {cause: pytest.approx(points, abs=0.005) for cause, points in found.items()}
    assert fit_once.call_count == 3


def test_formulas_settings_own_answers_and_those_of_a_peer_are_told_apart_in_one_replacement(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path / "warehouse"))
    # one has too few for the stricter settings
    first = [answer for answer in ANSWERS if answer.agent != "a7" or not answer.days_ago]
    of_peer, stricter = change(first, PEERS, 0.0), replace(CHOICES, min_evaluations=5)
    both = change(of_peer, EDITED, 1.0)
    publish(warehouse, first, 1)
    publish(warehouse, both, 2, stricter, formula=2)

    by_formula, by_rule, alone, last = (
        fair_of(fit(answers, choices), "a2", "group_mean")
        for answers, choices in ((first, CHOICES), (first, stricter), (of_peer, stricter), (both, stricter))
    )
    assert ask(warehouse, "a2", "group_mean") == {
        "program": pytest.approx(0.01),
        "rule: min_evaluations": pytest.approx(by_rule - by_formula),
        "others' data": pytest.approx(alone - by_rule),
        "edited": pytest.approx(last - alone),
    }


def test_other_formulas_alone_are_the_program_though_files_were_made_again(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path / "warehouse"))
    publish(warehouse, ANSWERS, 1)
    publish(warehouse, ANSWERS, 2, formula=2)
    assert ask(warehouse, "a2") == {"program": pytest.approx(0.01)}
