"""Drift of the auto reviewer: false alarms, how soon drifts are found, and the simulated centre's silent change."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.accuracy.centre import export_settled, score_centre
from benchmarks.accuracy.goals import DRIFT_ALARMS_A_YEAR, DRIFT_DAYS_TO_ALARM, Figure
from benchmarks.accuracy.scenarios import SEED
from benchmarks.accuracy.section import Row, Section, Table, digits
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores import Answer
from salted_assets.scoring.auto_differences import DIFFERENCE_COLUMNS
from salted_assets.scoring.auto_reviewer_drift import watch_auto_reviewer
from salted_assets.scoring.change import DAYS_BEFORE
from salted_assets.simulator import SimulatorOptions, truth_of

RATES, SHIFTS = (0.5, 1.5, 5.0, 20.0), (0.05, 0.1, 0.15)
KINDS = ("scale", "yes or no")
QUARTER = date(2024, 4, 1)
FIRST, LAST = QUARTER - timedelta(days=DAYS_BEFORE), date(2024, 6, 30)
DRIFT_DAY = date(2024, 5, 2)
FOUND_DAYS = (14, 21, 28)
LANGUAGES, QUEUES = {"de": 0.4, "en": 0.3, "cs": 0.2, "es": 0.1}, {"Billing": 0.6, "Returns": 0.4}
AGENTS_OF_CENTRES = (42, 15)
_DAYS_OF_YEAR = 365
_QUIET_QUESTIONS_A_WORLD, _QUESTIONS_A_WORLD, _FEWEST_QUESTIONS, _ROWS_AT_ONCE = 0.5, 0.1, 60, 300_000
_REVIEWERS, _LENIENCY, _SCALE_DEVIATION = 6, 0.06, 0.16
_RIGHT, _AGREES = 0.85, 0.88
_WORLDS_A_CENTRE, _FEWEST_CENTRES = 500, 2

_TEXT = """\
Questions that people and the auto reviewer both answer about .5 to 20 drawn engagements a day, over a calendar \
quarter and the 119 days before it. On a scale the difference is normal with sd .16; of yes or no people say yes to \
85 % and the auto reviewer agrees with 88 %. Six reviewers are lenient by sd .06, four languages have shares of .4 \
to .1, two queues .6 and .4. All of it goes through the score of the warehouse: reviewers, level and spread are \
estimated from the 91 days, as is done of an account. False alarms are those of quiet questions in the quarter, \
restarts included, per question and year: of the question's own sums, and of those of its languages and queues \
together. A drift comes on 2 May, the 32nd day; it is found by the question's own sums on the day of their first \
alarm in its direction, where \
none stood before. The size said is that on the day of the alarm, on average over the questions that are alarmed of in \
28 days.

The simulated centre is that of the demo (42 agents) and a small one of 15, each with several seeds: the auto reviewer \
silently adds .1 to what an answer deserves from 17 June on, which shows as less, for answers end at the best. Its two \
questions with people are watched from January on; false alarms are those before that day. Days to the alarm are \
counted from it, 0 on the day itself."""


@dataclass(frozen=True)
class World:
    """Questions alike: engagements a day, kind of answers, and by how much the auto reviewer drifts from 2 May on."""

    rate: float
    kind: str
    shift: float = 0.0
    language: str | None = None


def draw_answers(rng: np.random.Generator, world: World, questions: int) -> pa.Table:
    """Rows of `scores/answer` of so many questions, each about engagements of its own."""
    days = (LAST - FIRST).days + 1
    counts = rng.poisson(world.rate, (questions, days))
    question, day = (np.repeat(part.ravel(), counts.ravel()) for part in np.mgrid[:questions, :days])
    size = day.size
    reviewer = rng.integers(0, _REVIEWERS, size)
    language, queue = (rng.choice(list(each), size, p=list(each.values())) for each in (LANGUAGES, QUEUES))
    lenient = rng.normal(0, _LENIENCY, (questions, _REVIEWERS))[question, reviewer]
    drifts = (day >= (DRIFT_DAY - FIRST).days) & (world.language is None or language == world.language)
    if world.kind == "scale":
        score = np.full(size, 0.5)
        auto = 0.5 + rng.normal(0, _SCALE_DEVIATION, size) + world.shift * drifts
        score = score + lenient
    else:
        score = (rng.random(size) < _RIGHT + lenient).astype(np.float64)
        auto = np.where(rng.random(size) < _AGREES, score, 1 - score)
        turned = rng.random(size) < world.shift / (1 - (_RIGHT * _AGREES + (1 - _RIGHT) * (1 - _AGREES)))
        auto = np.where(drifts & turned, 1.0, auto)
    schema = arrow_schema(Answer)
    rows = {
        "start_date": np.datetime64(FIRST, "D") + day,
        "engagement_pid": np.arange(size).astype(str),
        "source": np.full(size, "reviewer"),
        "is_scored": np.ones(size, bool),
        "target": np.full(size, "engagement"),
        "reviewer_pid": reviewer.astype(str),
        "question_pid": question.astype(str),
        "question_name": question.astype(str),
        "queue": queue,
        "language": language,
        "is_random_or_all": np.ones(size, bool),
        "score": score,
        "auto_score": auto,
    }
    return pa.table({name: pa.array(rows[name]) for name in DIFFERENCE_COLUMNS}).cast(
        pa.schema([schema.field(name) for name in DIFFERENCE_COLUMNS])
    )


def watch_world(rng: np.random.Generator, world: World, questions: int) -> pd.DataFrame:
    """The rows of the quarter's last day; questions are drawn in parts, which need less room."""
    at_once = max(int(_ROWS_AT_ONCE / (world.rate * (LAST - FIRST).days)), 1)
    parts = []
    for begun in range(0, questions, at_once):
        answers = draw_answers(rng, world, min(at_once, questions - begun))
        parts += [table.to_pandas() for table in watch_auto_reviewer([answers], [LAST])]
    whole: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return whole


def count_false_alarms(rows: pd.DataFrame, questions: int) -> tuple[float, float]:
    """Alarms per question and year: of its own sums, of its languages and queues together."""
    is_whole = rows["language"].isna() & rows["queue"].isna()
    years = questions * ((LAST - QUARTER).days + 1) / _DAYS_OF_YEAR
    own, parts = (float(rows.loc[which, "alarm_count"].sum() / years) for which in (is_whole, ~is_whole))
    return own, parts


def find_days_to_alarm(rows: pd.DataFrame) -> pd.Series:
    """Days from the drift to the first alarm in its direction; NaN where there is none, or had been one before."""
    whole = rows[rows["language"].isna() & rows["queue"].isna()]
    first = pd.to_datetime(whole["first_alarm_date"])
    days = (first - pd.Timestamp(DRIFT_DAY)).dt.days.astype(float)
    return days.where((whole["change_direction"] == "higher") & (days >= 0))


def say_sizes(rng: np.random.Generator, world: World, questions: int) -> float:
    """The mean size that is said on the day of a question's first alarm, within 28 days; NaN where there is none."""
    ends = [DRIFT_DAY + timedelta(days=ahead) for ahead in range(max(FOUND_DAYS) + 1)]
    tables = watch_auto_reviewer([draw_answers(rng, world, questions)], ends)
    rows = pd.concat([table.to_pandas() for table in tables], ignore_index=True)
    is_whole = rows["language"].isna() & rows["queue"].isna()
    return float(rows.loc[is_whole & (rows["first_alarm_date"] == rows["end_date"]), "shift"].mean())


def measure_drift(worlds: int) -> Section:
    """Quiet and drifting questions, and the simulated centre."""
    questions, quiet_questions = (
        max(int(each * worlds), _FEWEST_QUESTIONS) for each in (_QUESTIONS_A_WORLD, _QUIET_QUESTIONS_A_WORLD)
    )
    quiet: list[Row] = [("answers", "engagements a day", "by its own sums", "by languages and queues")]
    found: list[Row] = [
        ("answers", "engagements a day", "drift", *(f"found in {days} days" for days in FOUND_DAYS), "median days")
    ]
    figures = []
    for kind in KINDS:
        for rate in RATES:
            rng = np.random.default_rng([SEED, 18, int(10 * rate), KINDS.index(kind)])
            rows = watch_world(rng, World(rate, kind), quiet_questions)
            own, parts = count_false_alarms(rows, quiet_questions)
            quiet.append((kind, f"{rate:g}", digits(own, 2), digits(parts, 2)))
            figures.append(
                Figure(f"false alarms per question and year, {kind}, {rate:g} a day", own, DRIFT_ALARMS_A_YEAR)
            )
            for shift in SHIFTS:
                rows = watch_world(rng, World(rate, kind, shift), questions)
                days = find_days_to_alarm(rows)
                shares = ((days <= most).mean() for most in FOUND_DAYS)
                median = days.fillna(np.inf).median()
                found.append(
                    (
                        kind,
                        f"{rate:g}",
                        f"{shift:g}",
                        *(digits(float(share)) for share in shares),
                        f"{median:.0f}" if np.isfinite(median) else "not found",
                    )
                )
    sizes: list[Row] = [("engagements a day", *(f"drift {shift:g}" for shift in SHIFTS))]
    for rate in RATES[:-1]:
        said = (
            say_sizes(np.random.default_rng([SEED, 19, int(10 * rate)]), World(rate, "scale", shift), _FEWEST_QUESTIONS)
            for shift in SHIFTS
        )
        sizes.append((f"{rate:g}", *map(digits, said)))
    centre_rows, centre_figures = _measure_centres(worlds)
    tables = [
        Table("False alarms per question and year", quiet),
        Table("Drifts found", found),
        Table("Size said on the day of the alarm, of answers on a scale", sizes),
        Table("The silent change of the simulated centre", centre_rows),
    ]
    return Section("Drift of the auto reviewer", _TEXT, [*figures, *centre_figures], tables)


def _measure_centres(worlds: int) -> tuple[list[Row], list[Figure]]:
    seeds = range(1, 1 + max(_FEWEST_CENTRES, worlds // _WORLDS_A_CENTRE))
    rows: list[Row] = [
        ("agents", "seed", "question", "engagements a day", "false alarms", "days to the alarm", "size said", "since")
    ]
    slowest: dict[int, float] = {}
    for agents in AGENTS_OF_CENTRES:
        for seed in seeds:
            for found in watch_centre(SimulatorOptions(seed=seed, agent_count=agents)):
                slowest[agents] = max(slowest.get(agents, 0.0), found.days)
                cells = (
                    f"{found.rate:.1f}",
                    str(found.false_alarms),
                    digits(found.days, 0) if np.isfinite(found.days) else "not found",
                    digits(found.shift, 2),
                    "" if found.since is None else found.since.isoformat(),
                )
                rows.append((str(agents), str(seed), found.question, *cells))
    figures = [
        Figure(
            f"days from the silent change to the alarm, slowest question, {agents} agents", days, DRIFT_DAYS_TO_ALARM
        )
        for agents, days in slowest.items()
    ]
    return rows, figures


@dataclass(frozen=True)
class FoundChange:
    """A question of the simulated centre: when its change was found (infinite days where not), and alarms before."""

    question: str
    rate: float
    false_alarms: int
    days: float
    shift: float
    since: date | None


def watch_centre(options: SimulatorOptions) -> Iterator[FoundChange]:
    """What each day from January on says of the questions, to four weeks after the change."""
    changed = truth_of(options).grader_change.day
    first, last = date(changed.year, 1, 1), changed + timedelta(days=27)
    engagement, review = export_settled(options, first - timedelta(days=DAYS_BEFORE), last)
    human = review.filter(pc.equal(review["type"], "Reviewer"))
    both = pc.is_in(review["type"], value_set=pa.array(["Reviewer", "Auto"]))
    of_reviewed = pc.is_in(review["engagement_pid"], value_set=pc.unique(human["engagement_pid"]))
    answers = score_centre(engagement, review.filter(pc.and_(both, of_reviewed)))
    ends = [first + timedelta(days=ahead) for ahead in range((last - first).days + 1)]
    days = pd.concat([table.to_pandas() for table in watch_auto_reviewer([answers], ends)], ignore_index=True)
    whole = days[days["language"].isna() & days["queue"].isna()]
    for name, own in whole.groupby("question_name"):
        before = own[own["end_date"] < changed]
        quarter = pd.PeriodIndex(pd.to_datetime(before["end_date"]), freq="Q")
        false_alarms = int(before.groupby(quarter)["alarm_count"].max().sum())
        found = own[(own["first_alarm_date"] >= changed) & (own["change_direction"] == "higher")]
        rate = own["both_count"].iloc[-1] / ((last - date(last.year, 7, 1)).days + 1 + DAYS_BEFORE)
        if found.empty:
            yield FoundChange(str(name), rate, false_alarms, np.inf, np.nan, None)
        else:
            at = found.iloc[0]
            yield FoundChange(
                str(name), rate, false_alarms, (at["end_date"] - changed).days, at["shift"], at["change_since"]
            )
