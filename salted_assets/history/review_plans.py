"""Review plans as stored: `plans/review/plan=<id>/part-0.parquet`, one file for each, which erasures alone rewrite.

A plan's footer says of which days engagements were drawn. A score names the plans that it read by the ids of their
files, so that a new plan puts the scores of these days out of date, and no other.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from salted_assets.history.affected_dates import parse_affected_dates
from salted_assets.history.footers import Footer
from salted_assets.history.input_versions import PLANNED
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.review_plan import ReviewPlan
from salted_assets.warehouse import Warehouse, WarehouseDamaged

_FILE = "part-0.parquet"
_AND = "+"
_PLANNED = pa.schema({"start_date": pa.date32(), "engagement_pid": pa.string()})


@dataclass(frozen=True)
class StoredPlan:
    """A plan's file: its id and that of the plan, and of which days engagements were drawn; None in another zone."""

    plan_id: str
    path: str
    file_id: str
    days: frozenset[date] | None

    def is_of(self, day: date) -> bool:
        """Whether engagements of the day may have been drawn."""
        return self.days is None or day in self.days


def plan_path(plan_id: str) -> str:
    """Where a plan is stored.

    >>> plan_path("20240131T080000Z-0123abcd")
    'plans/review/plan=20240131T080000Z-0123abcd/part-0.parquet'
    """
    return f"{PLANNED}/plan={plan_id}/{_FILE}"


class PlanFiles:
    """The plans of a warehouse, the footer of each read once for as long as its file stays the same.

    `zone` is that of the calendar of days. Until `refresh` it speaks of one moment. A file that cannot be read raises
    WarehouseDamaged.
    """

    def __init__(self, warehouse: Warehouse, zone: str) -> None:
        self._warehouse = warehouse
        self._zone = zone
        self._listed: list[StoredPlan] | None = None
        self._known: dict[tuple[str, str], StoredPlan] = {}

    @staticmethod
    def split_id(joined: str) -> list[str]:
        """The ids of files that `id_of` joined."""
        return joined.split(_AND) if joined else []

    def refresh(self) -> None:
        """See the plans that have been drawn since."""
        self._listed = None

    def list_plans(self) -> list[StoredPlan]:
        """All plans, the oldest first."""
        if self._listed is None:
            found = self._warehouse.list_fingerprints(PLANNED)
            kept = [self._know(path, fingerprint) for path, fingerprint in found.items() if path.endswith(f"/{_FILE}")]
            self._listed = [plan for plan in kept if plan is not None]
        return self._listed

    def list_ids(self) -> frozenset[str]:
        """The ids of all plans' files."""
        return frozenset(plan.file_id for plan in self.list_plans())

    def id_of(self, day: date) -> str | None:
        """The ids of the files of the plans that drew engagements of the day, as one text; None where none did."""
        return _AND.join(sorted(plan.file_id for plan in self.list_plans() if plan.is_of(day))) or None

    def read_planned(self, days: Sequence[date], file_ids: Collection[str] | None = None) -> pa.Table:
        """The engagements of the days that plans drew, `start_date` and `engagement_pid`, each once.

        `file_ids` are those of the plans that count, all by default.
        """
        found = [_PLANNED.empty_table()]
        for plan in self.list_plans():
            own = [day for day in days if plan.is_of(day)]
            if own and (file_ids is None or plan.file_id in file_ids):
                rows = read_plan(self._warehouse, plan.path, _PLANNED.names)
                found += [_of_days(rows, own)] if plan.days is not None else _of_any_day(rows, own)
        return pa.concat_tables(found).group_by(_PLANNED.names).aggregate([]).sort_by("engagement_pid")

    def _know(self, path: str, fingerprint: str) -> StoredPlan | None:
        if (path, fingerprint) not in self._known:
            try:
                with _open(self._warehouse, path) as file:
                    footer = Footer.of(file)
            except FileNotFoundError:
                return None
            plan_id = path.split("/")[-2].removeprefix("plan=")
            days = parse_affected_dates(footer.affected_dates, self._zone)
            self._known[path, fingerprint] = StoredPlan(plan_id, path, footer.file_id or fingerprint, days)
        return self._known[path, fingerprint]


def write_plan(warehouse: Warehouse, rows: pa.Table, footer: Footer, zone: str) -> str:
    """Store a plan, whole or not at all, in the columns of `ReviewPlan`; gives its path.

    Raises FileExistsError where there is one of its id: no plan takes the place of another.
    """
    path = plan_path(rows["plan_id"][0].as_py())
    if warehouse.exists(path):
        raise FileExistsError(f"{path} is there already: no plan takes the place of another")
    days = sorted(day.isoformat() for day in pc.unique(rows["start_date"]).to_pylist())
    affected = json.dumps({"zone": zone, "days": days, "unknown": False})
    said = {**footer.to_metadata(), **Footer(affected_dates=affected, file_id=uuid4().hex[:12]).to_metadata()}
    with warehouse.create(path) as file:
        pq.write_table(rows.cast(stored_schema()).replace_schema_metadata(said), file, compression="zstd")
    return path


def read_plan(warehouse: Warehouse, path: str, columns: Iterable[str] | None = None) -> pa.Table:
    """The rows of a plan, or these columns of them, null where the file is of before there was one.

    Raises FileNotFoundError, and WarehouseDamaged for a file that cannot be read.
    """
    schema = stored_schema()
    names = schema.names if columns is None else list(columns)
    with _open(warehouse, path) as file:
        there = file.read(columns=[name for name in names if name in file.schema_arrow.names])
    arrays = [
        there[name].cast(schema.field(name).type)
        if name in there.column_names
        else pa.nulls(there.num_rows, schema.field(name).type)
        for name in names
    ]
    return pa.table(arrays, names=names)


@contextmanager
def _open(warehouse: Warehouse, path: str) -> Iterator[pq.ParquetFile]:
    try:
        with warehouse.open_parquet(path) as file:
            yield file
    except (WarehouseDamaged, pa.ArrowException, OSError, ValueError, LookupError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise _unreadable(path, error) from error


def _unreadable(path: str, error: Exception) -> WarehouseDamaged:
    return WarehouseDamaged(
        f"{path}, a review plan, cannot be read ({type(error).__name__}), so it is not known which engagements were "
        "drawn. Restore it from a copy; where there is none, delete it, and what it drew counts by the vendor's "
        "sampling again."
    )


def stored_schema() -> pa.Schema:
    """The columns of plans as stored, without what is said of them."""
    return pa.schema([field.remove_metadata() for field in arrow_schema(ReviewPlan)])


def _of_days(rows: pa.Table, days: Sequence[date]) -> pa.Table:
    return rows.filter(pc.is_in(rows["start_date"], pa.array(days, pa.date32())))


def _of_any_day(rows: pa.Table, days: Sequence[date]) -> list[pa.Table]:
    """The rows for each of the days: in another zone's calendar an engagement may be of another day."""
    pids = rows["engagement_pid"]
    return [pa.table([pa.repeat(pa.scalar(day, pa.date32()), len(pids)), pids], schema=_PLANNED) for day in days]
