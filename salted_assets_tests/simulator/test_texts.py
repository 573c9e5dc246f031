"""Text columns of the simulator against Python's own formatting, and chance that hangs on names alone."""

import csv
import io
from datetime import UTC, datetime, timedelta
from statistics import mean, stdev
from uuid import UUID

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.simulator import SimulatorOptions
from salted_assets.simulator.data.batches import NEVER, Groups, indices_within
from salted_assets.simulator.data.columns import (
    Rows,
    chosen,
    coded,
    digit_texts,
    hex_texts,
    iso_ms_texts,
    iso_second_texts,
    joined,
    plain,
    uuid_texts,
)
from salted_assets.simulator.data.csv_files import CsvFile, csv_record
from salted_assets.simulator.data.randomness import Dice, child_keys, keys_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENTS = st.lists(st.integers(0, 4_102_444_800_000), min_size=1, max_size=20)
NASTY = st.none() | st.text('a",;\r\n\t🙂 ', max_size=6)


@given(MOMENTS)
def test_moments_are_written_as_iso_8601(moments: list[int]) -> None:
    expected = [(EPOCH + timedelta(milliseconds=each)).isoformat(timespec="milliseconds") for each in moments]

    assert iso_ms_texts(np.array(moments)).to_pylist() == [text.replace("+00:00", "Z") for text in expected]
    assert iso_second_texts(np.array(moments)).to_pylist() == [f"{text[:19]}Z" for text in expected]


@given(MOMENTS, st.data())
def test_a_moment_that_is_not_wanted_is_null_and_may_lie_anywhere(moments: list[int], data: st.DataObject) -> None:
    wanted = np.array(data.draw(st.lists(st.booleans(), min_size=len(moments), max_size=len(moments))))
    alone = iso_second_texts(np.array(moments)).to_pylist()

    found = iso_second_texts(np.where(wanted, moments, NEVER), wanted).to_pylist()

    assert found == [text if is_wanted else None for text, is_wanted in zip(alone, wanted, strict=True)]


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=10), st.integers(-3_000, 3_000))
def test_keys_are_written_in_hexadecimal_and_as_uuids(keys: list[int], child: int) -> None:
    numbers = np.array(keys, np.uint64)

    texts = uuid_texts(numbers, child).to_pylist()

    assert hex_texts(numbers).to_pylist() == [f"{key:016x}" for key in keys]
    assert [str(UUID(text)) for text in texts] == texts
    assert {UUID(text).version for text in texts} == {4}
    assert texts == uuid_texts(numbers, np.full(len(keys), child)).to_pylist()


def test_no_two_children_have_the_same_uuid() -> None:
    assert len(set(uuid_texts(np.full(5_000, 7, np.uint64), np.arange(-2_500, 2_500)).to_pylist())) == 5_000


def test_small_pieces_of_text() -> None:
    flags = np.array([True, False, True])
    letters = coded(np.array([1, 0, -1]), ("a", None))

    assert letters.to_pylist() == [None, "a", None]
    assert digit_texts(np.array([1, 23, 4567]), 3, flags).to_pylist() == ["001", None, "4567"]
    assert joined("<", letters, ">").to_pylist() == [None, "<a>", None]
    assert chosen(flags, "yes", letters).to_pylist() == ["yes", "a", "yes"]
    assert plain(np.array([1, 2, 3]), flags).to_pylist() == [1, None, 3]


@given(st.lists(st.tuples(NASTY, NASTY, st.none() | st.integers()), min_size=1, max_size=6), st.booleans())
def test_a_file_holds_the_records_that_the_standard_library_reads(
    cells: list[tuple[str | None, str | None, int | None]], is_coded: bool
) -> None:
    contents, comments, lengths = (list(column) for column in zip(*cells, strict=True))
    texts = pa.array(contents, pa.string())
    columns = {
        "content": texts.dictionary_encode() if is_coded else texts,
        "external_id": pa.array(comments, pa.string()),
        "length": pa.array([None if each is None else each % 2**31 for each in lengths], pa.int64()),
    }
    out = io.BytesIO()
    file = CsvFile("turn", out, SimulatorOptions())

    file.write(Rows(columns, np.zeros(len(cells), np.int64)))

    found = list(csv.DictReader(io.StringIO(out.getvalue().decode(), newline="")))
    assert file.row_count == len(found) == len(cells)
    for row, content, comment, length in zip(found, contents, comments, lengths, strict=True):
        assert (row["content"], row["external_id"]) == (content or "", comment or "")
        assert row["length"] == ("" if length is None else str(length % 2**31))
    expected = [csv_record([cell or None for cell in row.values()]) for row in found]
    assert out.getvalue().decode() == "\n".join([csv_record(list(found[0])), *expected]) + "\n"


def test_a_draw_hangs_on_key_and_name_alone() -> None:
    keys = keys_of("test", indices=np.arange(1_000))
    every_third = np.arange(0, 1_000, 3)

    assert (Dice(keys).uniform("a")[every_third] == Dice(keys[every_third]).uniform("a")).all()
    assert not np.intersect1d(Dice(keys).number("a"), Dice(keys).number("b")).size
    assert len(np.unique(child_keys(keys, 0))) == len(keys)


def test_draws_are_spread_as_they_say() -> None:
    dice = Dice(keys_of("test", indices=np.arange(50_000)))
    uniform, normal, whole = dice.uniform("u"), dice.normal("n"), dice.between("w", -2, 3)

    assert (uniform >= 0).all()
    assert (uniform < 1).all()
    assert mean(uniform) == pytest.approx(0.5, abs=0.01)
    assert (mean(normal), stdev(normal)) == (pytest.approx(0, abs=0.02), pytest.approx(1, abs=0.02))
    assert dict(zip(*np.unique(whole, return_counts=True), strict=True)) == {
        value: pytest.approx(10_000, rel=0.05) for value in range(-2, 3)
    }
    assert np.corrcoef(uniform, dice.uniform("other"))[0, 1] == pytest.approx(0, abs=0.02)


def test_groups_lie_end_to_end() -> None:
    groups = Groups(["ab", "", "cde"])

    owners, within, members = groups.spread(np.array([2, 1, 0]))

    assert owners.tolist() == [0, 0, 0, 2, 2]
    assert within.tolist() == [0, 1, 2, 0, 1]
    assert members.tolist() == [2, 3, 4, 0, 1]
    assert Groups(["ab", "", "cde"], "edcba").members.tolist() == [4, 3, 2, 1, 0]
    assert groups.pick(np.array([0, 2, 2]), np.array([0.99, 0.0, 0.5])).tolist() == [1, 2, 3]
    assert indices_within(np.array([2, 0, 3])).tolist() == [0, 1, 0, 1, 2]
