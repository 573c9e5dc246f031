"""Which scores are out of date: files written in any order and replaced at any time, against a plain recount."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.history import Footer, FooterCache, Key, Recipe
from salted_assets.history.restatement import (
    InputIndex,
    OutdatedWindow,
    find_outdated_windows,
    find_stale_days,
    find_stale_windows,
    list_complete_days,
)
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.restatement_sandbox import (
    ANSWER,
    DATASETS,
    ENGAGEMENT,
    LAYOUT,
    ROLLING,
    TABLES,
    Sandbox,
    day,
    put,
)
from salted_assets_tests.support.scoring_rows import DAY, at, engagement, review, turn, write
from salted_assets_tests.support.spoiled_files import spoil

NUMBERS = st.integers(0, 4)
STEPS = st.one_of(
    st.tuples(st.just("table"), NUMBERS, st.sampled_from(TABLES), st.frozensets(st.integers(-1, 4), max_size=3)),
    st.tuples(st.just("tables"), NUMBERS),
    st.tuples(st.just("score"), NUMBERS),
    st.tuples(st.just("roll"), NUMBERS),
    st.tuples(st.just("begin"), NUMBERS, st.sampled_from([ANSWER, ENGAGEMENT, ROLLING])),
    st.tuples(st.just("end")),
)


def follow(sandbox: Sandbox, steps: list[tuple[Any, ...]]) -> None:
    """Take the steps; a score that was begun is written when its time comes, whatever was written in between."""
    begun: list[Any] = []
    for name, *rest in steps:
        if name == "table":
            sandbox.write_table(rest[1], day(rest[0]), map(day, rest[2]))
        elif name == "tables":
            for table in TABLES:
                sandbox.write_table(table, day(rest[0]), [day(rest[0])])
        elif name == "score":
            sandbox.score(day(rest[0]))
        elif name == "roll":
            sandbox.end(sandbox.begin(ROLLING, day(rest[0])))
        elif name == "begin":
            begun.append(sandbox.begin(rest[1], day(rest[0])))
        elif begun:
            sandbox.end(begun.pop(0))


@given(steps=st.lists(STEPS, max_size=25))
def test_stale_days_are_those_of_a_plain_recount(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Any, ...]]
) -> None:
    sandbox = Sandbox(Warehouse(str(tmp_path_factory.mktemp("sandbox"))))
    for place in range(0, len(steps), 5):
        follow(sandbox, steps[place : place + 5])
        sandbox.index.refresh()
        paper = sandbox.paper
        old = {of for of in paper.list_complete() if paper.is_old(ANSWER, of) or paper.is_old(ENGAGEMENT, of)}
        found = find_stale_days(sandbox.index, LAYOUT)
        assert found.stale.keys() == old
        affected = {each for _, days in paper.tables.values() for each in days}
        assert found.days_without_tables == affected - paper.list_complete()
        assert find_stale_days(sandbox.index, LAYOUT, {day(1), day(2)}).stale.keys() == old & {day(1), day(2)}


@given(steps=st.lists(STEPS, max_size=25))
def test_scoring_what_is_stale_once_leaves_nothing_stale(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Any, ...]]
) -> None:
    sandbox = Sandbox(Warehouse(str(tmp_path_factory.mktemp("sandbox"))))
    follow(sandbox, steps)
    sandbox.index.refresh()
    for of in find_stale_days(sandbox.index, LAYOUT).stale:
        sandbox.score(of)
    sandbox.index.refresh()
    assert find_stale_days(sandbox.index, LAYOUT).stale == {}


@given(steps=st.lists(STEPS, max_size=25))
def test_windows_out_of_date_are_those_of_a_plain_recount(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Any, ...]]
) -> None:
    sandbox = Sandbox(Warehouse(str(tmp_path_factory.mktemp("sandbox"))))
    follow(sandbox, steps)
    paper = sandbox.paper
    rolled = {of for key, of in paper.scores if key == ROLLING}
    old = {of for of in rolled if paper.is_old(ROLLING, of)}
    assert find_outdated_windows(sandbox.index, LAYOUT)[ROLLING].keys() == old
    newest = sorted(paper.list_complete())[-2:]
    stale = find_stale_windows(sandbox.index, LAYOUT, newest)
    scored = [of for of in newest if {(ANSWER, of), (ENGAGEMENT, of)} <= paper.scores.keys()]
    assert sorted(stale) == [of for of in scored if of in old or of not in rolled]


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox(Warehouse(str(tmp_path)))


def write_day(sandbox: Sandbox, number: int, **affected: list[int]) -> None:
    """All tables of a day; by dataset the other days that they affect."""
    for dataset, table in zip(DATASETS, TABLES, strict=True):
        sandbox.write_table(table, day(number), [day(number), *map(day, affected.get(dataset, []))])


def stale(sandbox: Sandbox) -> dict[int, tuple[str, ...]]:
    sandbox.index.refresh()
    found = find_stale_days(sandbox.index, LAYOUT).stale
    return {(of - day(0)).days: each.because for of, each in found.items()}


def test_what_made_a_day_stale_is_named(sandbox: Sandbox) -> None:
    write_day(sandbox, 0)
    assert stale(sandbox) == {0: ("scores/answer is missing", "scores/engagement is missing")}
    sandbox.score(day(0))
    write_day(sandbox, 5, review=[0])
    assert stale(sandbox)[0] == (f"tables/review {day(5)}",)
    sandbox.score(day(0))
    sandbox.score(day(5))
    sandbox.write_table(TABLES[2], day(5), [day(5)])
    assert stale(sandbox) == dict.fromkeys((0, 5), (f"tables/review {day(5)}",)), "rows that went elsewhere count, too"


def test_scores_of_an_earlier_schema_version_are_stale_and_tables_of_one_are_not(sandbox: Sandbox) -> None:
    write_day(sandbox, 0)
    sandbox.score(day(0))
    sandbox.end(sandbox.begin(ROLLING, day(0)))
    assert stale(sandbox) == {}
    for key, reasons in ((TABLES[0], None), (ENGAGEMENT, ("scores/engagement is of an earlier schema version",))):
        rewrite_as_version_1(sandbox.warehouse, key, day(0))
        assert stale(sandbox).get(0) == reasons
    rewrite_as_version_1(sandbox.warehouse, ROLLING, day(0))
    sandbox.index.refresh()
    because = find_stale_windows(sandbox.index, LAYOUT, [day(0)])[day(0)].because
    assert because == ("scores/rolling is of an earlier schema version",)


def test_scores_by_another_formula_or_other_settings_are_stale_and_say_which(sandbox: Sandbox) -> None:
    before = {key: Recipe.of(1, {"exclude_unclear": False}) for key in (ANSWER, ENGAGEMENT, ROLLING)}
    write_day(sandbox, 0)
    for key in before:
        sandbox.end(sandbox.begin(key, day(0)))
    layout = replace(LAYOUT, recipes=before)
    unknown = find_stale_days(sandbox.index, layout).stale[day(0)]
    assert "scores/answer does not say by which formula and settings it was made" in unknown.because
    for key, recipe in before.items():
        sandbox.end(sandbox.begin(key, day(0)), recipe)
    sandbox.index.refresh()
    assert (find_stale_days(sandbox.index, layout).stale, find_stale_windows(sandbox.index, layout, [day(0)])) == (
        {},
        {},
    )
    assert find_outdated_windows(sandbox.index, layout) == {ROLLING: {}}

    recipes = before | {ANSWER: Recipe.of(1, {"exclude_unclear": True}), ROLLING: Recipe.of(2, {"minimum": 5})}
    changed = replace(LAYOUT, recipes=recipes)
    stale_day = find_stale_days(sandbox.index, changed).stale[day(0)]
    assert stale_day.because == ("scores/answer: setting exclude_unclear is true, was false",)
    assert stale_day.inputs_fingerprint != unknown.inputs_fingerprint, "so that it is asked for at once"
    because = (
        "scores/rolling: formula version 2, was 1",
        "scores/rolling: setting exclude_unclear is not read, was false",
        "scores/rolling: setting minimum is 5, was not read",
    )
    assert find_stale_windows(sandbox.index, changed, [day(0)])[day(0)].because == because
    assert find_outdated_windows(sandbox.index, changed) == {ROLLING: {day(0): OutdatedWindow(because)}}


def rewrite_as_version_1(warehouse: Warehouse, key: Key, of: date) -> None:
    with warehouse.open_parquet(warehouse.table_path(key, of)) as file:
        said = replace(Footer.of(file), schema_version=1).to_metadata()
    put(warehouse, key, of, **{name.removeprefix("salted."): text for name, text in said.items()})


def test_a_table_that_is_cut_off_counts_as_missing_and_a_folder_of_no_day_is_left_out(
    sandbox: Sandbox,
) -> None:
    write_day(sandbox, 0)
    sandbox.score(day(0))
    path = sandbox.warehouse.table_path(TABLES[0], day(0))
    sandbox.warehouse.write_bytes(path, sandbox.warehouse.read_bytes(path)[:100])
    assert stale(sandbox) == {0: (f"tables/engagement {day(0)}",)}
    foreign = "tables/review/date=2024-02-30/part-0.parquet"
    sandbox.warehouse.write_bytes(foreign, b"")
    assert stale(sandbox) == {0: (f"tables/engagement {day(0)}",)}
    assert f"{foreign} is in a folder that names no day" in sandbox.index.footers.list_damage()[-1]
    sandbox.warehouse.delete(foreign)
    stale(sandbox)
    assert foreign not in "".join(sandbox.index.footers.list_damage())


def test_a_score_that_is_put_over_a_newer_one_by_a_slower_writer_is_stale(sandbox: Sandbox) -> None:
    write_day(sandbox, 0)
    slow = sandbox.begin(ANSWER, day(0))
    write_day(sandbox, 1, review=[0])
    sandbox.score(day(0))
    sandbox.score(day(1))
    assert stale(sandbox) == {}
    sandbox.end(slow)
    assert stale(sandbox) == {0: (f"tables/review {day(1)}", f"scores/answer {day(0)}")}
    sandbox.score(day(0))
    assert stale(sandbox) == {}


def test_the_inputs_have_another_fingerprint_when_something_newer_came_and_the_scores_when_one_was_made(
    sandbox: Sandbox,
) -> None:
    write_day(sandbox, 0)
    first = find_stale_days(sandbox.index, LAYOUT).stale[day(0)]
    assert first.scores_fingerprint == ""
    sandbox.end(sandbox.begin(ANSWER, day(0)))
    sandbox.index.refresh()
    half = find_stale_days(sandbox.index, LAYOUT).stale[day(0)]
    assert (half.inputs_fingerprint, half.scores_fingerprint != "") == (first.inputs_fingerprint, True)
    write_day(sandbox, 1, turn=[0])
    sandbox.index.refresh()
    newer = find_stale_days(sandbox.index, LAYOUT).stale[day(0)]
    assert newer.inputs_fingerprint != half.inputs_fingerprint
    assert newer.scores_fingerprint == half.scores_fingerprint


def test_days_before_the_first_partition_are_counted_and_not_asked_for(sandbox: Sandbox) -> None:
    write_day(sandbox, -1)
    write_day(sandbox, 0, review=[-1, -30])
    assert stale(sandbox).keys() == {0}
    assert find_stale_days(sandbox.index, LAYOUT).days_without_tables == {day(-1), day(-30)}
    assert list_complete_days(sandbox.index, LAYOUT) == [day(0)]


def test_a_day_without_all_of_its_tables_waits_unless_it_was_scored_when_fewer_were_asked_for(sandbox: Sandbox) -> None:
    for table in TABLES[:2]:
        sandbox.write_table(table, day(0), [day(0)])
    assert stale(sandbox) == {}
    sandbox.score(day(0))
    sandbox.write_table(TABLES[1], day(3), [day(0)])
    assert stale(sandbox) == {0: (f"tables/turn {day(3)}",)}


def test_a_score_that_was_made_before_the_one_that_it_is_made_of_is_made_again(sandbox: Sandbox) -> None:
    write_day(sandbox, 0)
    sandbox.end(sandbox.begin(ENGAGEMENT, day(0)))
    assert stale(sandbox) == {0: (f"{'/'.join(ANSWER)} is missing",)}
    sandbox.end(sandbox.begin(ANSWER, day(0)))
    assert stale(sandbox) == {0: (f"{'/'.join(ANSWER)} {day(0)}",)}
    sandbox.end(sandbox.begin(ENGAGEMENT, day(0)))
    assert stale(sandbox) == {}


def test_a_score_that_does_not_tell_what_it_was_made_of_is_made_again(sandbox: Sandbox) -> None:
    write_day(sandbox, 0)
    for key in (ANSWER, ENGAGEMENT):
        put(sandbox.warehouse, key, day(0), scored_at="2024-01-02T00:00:00+00:00")
    assert stale(sandbox) == {
        0: tuple(f"{'/'.join(key)} does not say what it was made of" for key in (ANSWER, ENGAGEMENT))
    }


def test_windows_say_when_their_newest_input_was_restated(sandbox: Sandbox) -> None:
    for number in range(4):
        write_day(sandbox, number)
        sandbox.score(day(number))
    for number in (2, 3):
        sandbox.end(sandbox.begin(ROLLING, day(number)))
    assert find_outdated_windows(sandbox.index, LAYOUT) == {ROLLING: {}}
    sandbox.score(day(0))
    sandbox.index.refresh()
    score = sandbox.index.footers.partition(ENGAGEMENT, day(0))
    assert score is not None
    window = OutdatedWindow((f"scores/engagement {day(0)}..{day(2)}",), score.footer.scored_at)
    assert find_outdated_windows(sandbox.index, LAYOUT) == {ROLLING: {day(2): window}}
    assert find_outdated_windows(sandbox.index, LAYOUT, since=day(3)) == {ROLLING: {}}


def test_footers_are_read_once_for_each_version_of_a_file(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    open_parquet = sandbox.warehouse.open_parquet

    def count(path: str) -> pq.ParquetFile:
        read.append(path)
        return open_parquet(path)

    monkeypatch.setattr(sandbox.warehouse, "open_parquet", count)
    for number in range(3):
        write_day(sandbox, number)
    for _ in range(3):
        stale(sandbox)
    assert len(read) == 9
    sandbox.write_table(TABLES[0], day(1), [day(0)])
    find_stale_days(sandbox.index, LAYOUT)
    assert len(read) == 9, "until it looks again, it speaks of one moment"
    stale(sandbox)
    assert read[9:] == [sandbox.warehouse.table_path(TABLES[0], day(1))]


def test_reading_stops_when_its_time_is_over_and_goes_on_with_the_newest_days(sandbox: Sandbox) -> None:
    for number in range(3):
        write_day(sandbox, number)
    assert sandbox.index.footers.read_within(TABLES, 0) == 9
    assert sandbox.index.footers.read_within(TABLES, 60) == 0
    assert sandbox.index.footers.read_within(TABLES, 0) == 0


def test_what_is_no_parquet_file_is_damaged(sandbox: Sandbox) -> None:
    write_day(sandbox, 0)
    sandbox.score(day(0))
    sandbox.warehouse.write_bytes(sandbox.warehouse.table_path(ANSWER, day(0)), b"PAR1 and no more")
    assert stale(sandbox) == {0: ("scores/answer is damaged", f"scores/answer {day(0)}")}
    (damage,) = sandbox.index.footers.list_damage()
    assert sandbox.warehouse.table_path(ANSWER, day(0)) in damage
    sandbox.score(day(0))
    assert stale(sandbox) == {}
    assert sandbox.index.footers.list_damage() == []


def test_a_day_whose_scores_are_all_damaged_has_been_scored(sandbox: Sandbox) -> None:
    write_day(sandbox, 0)
    write_day(sandbox, 1)
    sandbox.score(day(0))
    for key in (ANSWER, ENGAGEMENT):
        sandbox.warehouse.write_bytes(sandbox.warehouse.table_path(key, day(0)), b"")
    sandbox.index.refresh()
    found = find_stale_days(sandbox.index, LAYOUT).stale
    assert [bool(found[day(number)].scores_fingerprint) for number in (0, 1)] == [True, False]


EARLIER, LATER = day(3), day(20)


def test_a_table_of_spoiled_pages_is_named_where_starts_are_looked_for_in_it_until_it_is_mended(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    write(warehouse, "engagement", EARLIER, at(3), [engagement("e1", start_time=at(9, day=EARLIER))])
    review_without_start = review(engagement_pid="e1", engagement_start_time=None)
    write(warehouse, "review", LATER, at(5), [review_without_start])
    path = warehouse.table_path(("tables", "engagement"), EARLIER)
    whole = warehouse.read_bytes(path)
    spoil(warehouse, path)
    footers = FooterCache(warehouse, "UTC")
    found = footers.find_affected_dates(("tables", "review"), LATER)
    assert EARLIER not in found
    (damage,) = footers.list_damage()
    assert path in damage
    warehouse.write_bytes(path, whole)
    footers.refresh()
    assert EARLIER in footers.find_affected_dates(("tables", "review"), LATER)
    assert footers.list_damage() == []


@pytest.mark.parametrize("zone", ["UTC", "Europe/Prague"])
def test_rows_that_do_not_tell_their_start_touch_the_day_of_their_engagement_and_no_other(
    tmp_path: Path, zone: str
) -> None:
    warehouse = Warehouse(str(tmp_path))
    write(warehouse, "engagement", EARLIER, at(3), [engagement("e1", start_time=at(9, day=EARLIER))])
    write(warehouse, "engagement", LATER, at(4), [engagement("e2", start_time=at(9, day=LATER))])
    without_starts = [review(engagement_pid=pid, engagement_start_time=None) for pid in ("e1", "nobody's")]
    write(
        warehouse,
        "review",
        LATER,
        at(4),
        [*without_starts, review("r3", engagement_pid="e2", engagement_start_time=None)],
    )
    write(warehouse, "turn", LATER, at(4), [turn(engagement_pid="e2", turn_time=None)])
    index = InputIndex(FooterCache(warehouse, zone), DATASETS)
    found = index.of_table_rows([EARLIER, DAY, LATER])
    assert {of for of, inputs in found.items() if inputs.files["tables/review"]} == {EARLIER, LATER}
    assert {of for of, inputs in found.items() if inputs.files["tables/turn"]} == {LATER}
    assert index.affected_dates() == {EARLIER, LATER}


@pytest.mark.parametrize(("new", "later"), [(day(4), LATER), (day(44), day(46))])
def test_an_engagement_whose_start_was_corrected_concerns_both_days_and_takes_its_reviews_along(
    tmp_path: Path, new: date, later: date
) -> None:
    """Whether the start was corrected by days or by weeks."""
    warehouse, old = Warehouse(str(tmp_path)), EARLIER
    write(warehouse, "engagement", old, at(3), [engagement(start_time=at(23, day=old))])
    write(warehouse, "review", old, at(3), [review(engagement_start_time=at(23, day=old))])
    index = InputIndex(FooterCache(warehouse, "UTC"), DATASETS)
    assert index.of_table_rows([new])[new].files == {"tables/engagement": {}, "tables/turn": {}, "tables/review": {}}
    write(warehouse, "engagement", later, at(4), [engagement(start_time=at(1, day=new))])
    index.refresh()
    assert index.of_table_rows([old])[old].files["tables/engagement"].keys() == {str(old), str(later)}
    assert index.of_table_rows([new])[new].files["tables/engagement"].keys() == {str(later)}
    assert index.of_table_rows([new])[new].files["tables/review"].keys() == {str(old)}, "from before its own day"
    assert index.possibly_stale_days(later, later) == {old, new}
    assert index.possibly_stale_days(old, old) == {old, new}


def test_a_days_own_partition_counts_even_if_no_row_of_it_is_of_the_day(sandbox: Sandbox) -> None:
    write_day(sandbox, 0)
    sandbox.score(day(0))
    sandbox.write_table(TABLES[2], day(0), [day(1)])
    assert stale(sandbox) == {0: (f"tables/review {day(0)}",)}
    sandbox.score(day(0))
    sandbox.write_table(TABLES[2], day(0), [])
    assert stale(sandbox) == {0: (f"tables/review {day(0)}",)}
    assert sandbox.index.of_table_rows([day(0)])[day(0)].files["tables/review"].keys() == {str(day(0))}
