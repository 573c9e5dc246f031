"""A reader of what a score was made of when it was made, for as long as those files are there as they were."""

from datetime import date

from salted_assets.history.footers import Footer, FooterCache, Partition
from salted_assets.history.input_versions import PLANNED, InputVersions
from salted_assets.history.reader import HistoryReader
from salted_assets.history.review_plans import PlanFiles
from salted_assets.warehouse import Warehouse, WarehouseDamaged

_TABLES = "tables/"


def open_past_reader(warehouse: Warehouse, zone: str, day: date, made: Footer) -> HistoryReader | None:
    """A reader of the day's rows that sees the tables and plans of which the score with this footer was made.

    None where one of them is not there any more or was replaced, or the footer does not say what they were.
    Of partitions that have no rows of the day it sees those whose exports had been requested by then: they may tell
    that an engagement had moved.
    """
    if made.inputs is None or made.scored_at is None:
        return None
    files = InputVersions.from_json(made.inputs).files
    tables = {name: ids for name, ids in files.items() if name.startswith(_TABLES)}
    footers = FooterCache(warehouse, zone)
    is_whole = all(
        (found := footers.partition(tuple(name.split("/")), date.fromisoformat(partition))) is not None
        and found.file_id == file_id
        for name, ids in tables.items()
        for partition, file_id in ids.items()
    )
    plans = frozenset(PlanFiles.split_id(files.get(PLANNED, {}).get(day.isoformat(), "")))
    if not (tables and is_whole and plans <= PlanFiles(warehouse, zone).list_ids()):
        return None

    def was_there(partition: Partition) -> bool:
        recorded = tables.get("/".join(partition.key), {})
        return partition.day.isoformat() in recorded or _is_older_of_others(partition, day, made)

    return HistoryReader(warehouse, zone, was_there, plans=plans)


def _is_older_of_others(partition: Partition, day: date, made: Footer) -> bool:
    try:
        is_older = made.scored_at is not None and partition.requested_at < made.scored_at
    except WarehouseDamaged:
        return False
    return is_older and not partition.is_affecting(frozenset({day}))
