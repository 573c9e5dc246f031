"""The check `referential`: which rows point at rows that came with the same export. Measured, never enforced.

An export brings a row when its engagement started in the day, or when the row itself changed in it. So a row that
changed late may come alone; but of an engagement of the day itself everything should be there, and a row that belongs
to one and points at nothing says that something is missing. Both are counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from salted_assets.defs.asset_checks.outcome import CheckOutcome, build_record, explain, table_metadata
from salted_assets.history.affected_dates import START_COLUMNS, day_bounds, row_starts
from salted_assets.ingest import Statistics
from salted_assets.ingest.contract import FIRST_CASES_COUNT, SELF_REFERENCE, SELF_REFERENCE_RULE
from salted_assets.ingest.keys import Keys, hash_texts
from salted_assets.schemas.references import REFERENCES, Reference
from salted_assets.warehouse import Warehouse, WarehouseDamaged
from salted_assets.warehouse.scans import damage_named

_ALONE_RATIO = 0.1
"""Rows of the day itself whose counterpart is not there are few; above this share something else is wrong."""


@dataclass
class MeasuredReference:
    """How many rows name another (`count`), and how many of those name one that is not there (`alone_count`).

    `own_count` and `own_alone_count` are those of engagements that started on the partition's day; `first_keys` are
    the first of the latter. Nothing is counted where the target's table of the day is not there or, as `damage` says,
    cannot be read.
    """

    reference: Reference
    is_measured: bool = True
    count: int = 0
    alone_count: int = 0
    own_count: int = 0
    own_alone_count: int = 0
    first_keys: list[str] = field(default_factory=list)
    damage: str = ""

    def add(self, is_named: pa.Array, is_alone: pa.Array, is_own: pa.Array) -> None:
        """Count the rows of a row group."""
        self.count += is_named.true_count
        self.alone_count += is_alone.true_count
        self.own_count += pc.and_(is_named, is_own).true_count
        self.own_alone_count += pc.and_(is_alone, is_own).true_count


def measure_references(warehouse: Warehouse, dataset: str, day: date, zone: str) -> list[MeasuredReference]:
    """Every reference of the day's table, against the day's other tables as they are now; a day is one of `zone`.

    Held in memory are 64-bit hashes of the targets' keys, 8 bytes a row, and one row group. Raises FileNotFoundError
    where the table itself is not there.
    """
    references = REFERENCES.get(dataset, ())
    if not references:
        return []
    keys: dict[str, Keys] = {}
    damage: dict[str, str] = {}
    for target in dict.fromkeys(each.target for each in references):
        try:
            keys[target] = _read_keys(warehouse, target, day)
        except FileNotFoundError:
            continue
        except WarehouseDamaged as error:
            damage[target] = str(error)
    measured = [
        MeasuredReference(each, is_measured=each.target in keys, damage=damage.get(each.target, ""))
        for each in references
    ]
    with warehouse.open_parquet(_path(warehouse, dataset, day)) as file:
        pairs = [(one, keys[one.reference.target]) for one in measured if one.is_measured]
        columns = [*START_COLUMNS[dataset], *(one.reference.column for one, _ in pairs)]
        for number in range(file.metadata.num_row_groups if pairs else 0):
            rows = file.read_row_group(number, columns=columns)
            is_own = _is_of(day_bounds(day, zone), row_starts(dataset, rows))
            for one, known in pairs:
                is_named, is_alone = _look_up(rows[one.reference.column].combine_chunks(), known)
                one.add(is_named, is_alone, is_own)
                _note_keys(one, file, number, pc.indices_nonzero(pc.and_(is_alone, is_own)))
    return measured


def count_named(file: pq.ParquetFile, column: str) -> int:
    """Rows of a file whose column is not null."""
    batches = (batch.column(0) for batch in file.iter_batches(columns=[column]))
    return sum(len(values) - values.null_count for values in batches)


def measure_answers(
    dataset: str, statistics: Statistics, answer_count: int | None, late_row_count: int
) -> list[MeasuredReference]:
    """What the file's rows name within the file, as it was counted while the file was read; none without such a column.

    `answer_count` are the rows that name another, None where the dataset has no such column; `late_row_count` are the
    rows whose engagement started before the day. A late row may answer one that came with another export. Which rows
    are late was not noted while reading, so of those that are alone only as many are held against the day as its late
    rows cannot explain.
    """
    if answer_count is None:
        return []
    failures = [failure for failure in statistics.check_failures if failure.rule == SELF_REFERENCE_RULE]
    alone_count = sum(failure.count for failure in failures)
    return [
        MeasuredReference(
            Reference(SELF_REFERENCE, dataset),
            count=answer_count,
            alone_count=alone_count,
            own_count=answer_count,
            own_alone_count=max(alone_count - late_row_count, 0),
            first_keys=[pid for failure in failures for pid, _ in failure.first_cases if pid],
        )
    ]


def check_references(references: Sequence[MeasuredReference]) -> CheckOutcome:
    """Whether few of the day's own rows point at rows that did not come with them."""
    too_many = [one for one in references if one.reference.is_certain and _is_mostly_alone(one)]
    counted = {one.reference.column: one for one in references if one.is_measured}
    return CheckOutcome(
        "referential",
        passed=not too_many,
        metadata={
            "rows_alone": sum(one.alone_count for one in counted.values()),
            **{f"{column}_alone": one.alone_count for column, one in counted.items()},
            **{
                f"{column}_found_ratio": round(1 - one.alone_count / one.count, 6)
                for column, one in counted.items()
                if one.count
            },
            **table_metadata("references", [_describe_reference(one) for one in references]),
            **explain(
                bool(too_many),
                ", ".join(
                    f"{one.reference.column} of {one.own_alone_count} in {one.own_count} rows points at nothing"
                    for one in too_many
                ),
                f"More than {_ALONE_RATIO:.0%} of the day's own rows point at rows that its export did not bring. See "
                "whether the table that they point at is short (its checks volume and rejects); then materialize "
                "raw/export with refresh set, or ask the vendor, naming the first keys.",
            ),
        },
    )


def _is_mostly_alone(one: MeasuredReference) -> bool:
    return one.own_alone_count > _ALONE_RATIO * one.own_count


def _describe_reference(one: MeasuredReference) -> dg.TableRecord:
    target = "the same file" if one.reference.column == SELF_REFERENCE else f"tables/{one.reference.target}"
    note = "" if one.reference.is_certain else "shown, not checked: the vendor's pages only suggest it"
    if not one.is_measured:
        note = f"not measured: {one.damage or f'{target} of this day is not there'}"
    return build_record(
        column=one.reference.column,
        points_at=target,
        rows=one.count,
        alone=one.alone_count,
        of_the_day_itself=f"{one.own_alone_count} of {one.own_count}",
        first_keys=", ".join(one.first_keys),
        note=note,
    )


def _path(warehouse: Warehouse, dataset: str, day: date) -> str:
    return warehouse.table_path(("tables", dataset), day)


def _read_keys(warehouse: Warehouse, dataset: str, day: date) -> Keys:
    keys, path = Keys(), _path(warehouse, dataset, day)
    with damage_named(warehouse, [path]), warehouse.open_parquet(path) as file:
        for batch in file.iter_batches(columns=["pid"]):
            keys.add(hash_texts(batch.column("pid").drop_null()))
    return keys


def _is_of(bounds: tuple[int, int], starts: pa.Array) -> pa.Array:
    first, end = bounds
    return pc.and_(pc.greater_equal(starts, first), pc.less(starts, end)).fill_null(False)


def _look_up(names: pa.Array, known: Keys) -> tuple[pa.Array, pa.Array]:
    """For each row whether it names something, and whether that is not among the known keys."""
    encoded = names.dictionary_encode()
    is_lost = pa.array(~known.contain(hash_texts(encoded.dictionary)))
    return names.is_valid(), is_lost.take(encoded.indices).fill_null(False)


def _note_keys(one: MeasuredReference, file: pq.ParquetFile, row_group: int, indices: pa.Array) -> None:
    indices = indices[: FIRST_CASES_COUNT - len(one.first_keys)]
    if len(indices):
        pids = file.read_row_group(row_group, columns=["pid"])["pid"]
        one.first_keys += [str(pid) for pid in pids.take(indices).to_pylist()]
