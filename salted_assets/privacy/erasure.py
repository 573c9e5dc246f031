"""One run of an erasure over a whole warehouse.

First the customers go to the register, so that whatever is landed or loaded from then on comes without them. Then their
engagements are learned from all versions in tables and raw files, and registered. Then every kind of file is rewritten,
those that are made of others first: pages, archives, scores, rejects and tables, raw files. Each step finds again what
an earlier run left undone, so a run that was cut off is made good by repeating it.
"""

import html
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from uuid import uuid4

from salted_assets.landing import ContactRecords, LandingError, RawRewrite, archive_path, format_instant
from salted_assets.privacy.erasure_filter import KEY_COLUMNS, ErasureFilter
from salted_assets.privacy.file_rewrite import build_rewrite
from salted_assets.privacy.receipt import Erased, Find, Receipt
from salted_assets.privacy.register import Register
from salted_assets.privacy.table_rewrite import ScoreHook, TableRewrite, Traces
from salted_assets.schemas import FILE_NAMES
from salted_assets.warehouse import Warehouse, day_of_path

_LOCK_SECONDS = 60.0


@dataclass(frozen=True)
class Erasure:
    """Erases customers from one warehouse; `zone` is the time zone of its tables.

    `before_score` is called with each score that is rewritten, before it is replaced: what agents' figures lose by it
    is to be told later.

    No other run should write there meanwhile: tables and scores have no lock. `lock_wait_seconds` is how long it waits
    for a run that is landing a day.
    """

    warehouse: Warehouse
    zone: str
    lock_wait_seconds: float = _LOCK_SECONDS
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    before_score: ScoreHook | None = None

    def erase(self, pids: Sequence[str], *, is_dry_run: bool = False) -> Receipt:
        """Erase the customers with these pids, and all that were erased before wherever they have come back.

        The receipt has a find for each of these pids, in their order, repeated ones left out. A dry run finds the same
        and changes nothing. Raises WarehouseError, RegisterDamaged.
        """
        with self.warehouse.lock("erasing"):
            return self._erase(pids, is_dry_run=is_dry_run)

    def _erase(self, pids: Sequence[str], *, is_dry_run: bool) -> Receipt:
        register, known = Register(self.warehouse), Register(self.warehouse).read_or_create()
        customers = tuple(dict.fromkeys(map(known.hash_pid, pids)))
        known = replace(known, customers=known.customers.union(customers))
        if not is_dry_run and known.customers:
            known = register.add(known)
        erasure_filter, problems = ErasureFilter(known), list[str]()
        tables = TableRewrite(self.warehouse, erasure_filter, self.zone, is_dry_run, problems.append)
        if self.before_score is not None:
            tables = replace(tables, before_score=self.before_score)
        raw = RawRewrite(self.warehouse, FILE_NAMES, self.lock_wait_seconds, self.now)
        # problems of a file are reported when it is rewritten for good
        list(self._rewrite_raw(raw, ["engagement", "customer"], erasure_filter, list[str]().append, is_dry_run=True))
        traces = tables.learn()
        if not is_dry_run and known.customers:
            register.add(erasure_filter.learned)
        files = list(self._erase_files(tables, raw, traces, problems.append))
        if not is_dry_run and known.customers:
            register.add(erasure_filter.learned)
        receipt = self._build_receipt(erasure_filter, customers, files, traces, problems, is_dry_run=is_dry_run)
        if not is_dry_run:
            self.warehouse.write_bytes(receipt.path, receipt.to_json())
        return receipt

    def _erase_files(
        self, tables: TableRewrite, raw: RawRewrite, traces: Traces, on_problem: Callable[[str], None]
    ) -> Iterator[Erased]:
        erasure_filter, is_dry_run = tables.erasure_filter, tables.is_dry_run
        yield from self._delete_pages(erasure_filter, traces, is_dry_run=is_dry_run)
        yield from self._delete_archives(erasure_filter, on_problem, is_dry_run=is_dry_run)
        yield from tables.erase_scores()
        yield from tables.erase_kept_rows()
        for dataset in KEY_COLUMNS:
            yield from tables.erase_tables(dataset)
        yield from self._rewrite_raw(raw, list(KEY_COLUMNS), erasure_filter, on_problem, is_dry_run=is_dry_run)

    def _rewrite_raw(
        self,
        raw: RawRewrite,
        datasets: Sequence[str],
        erasure_filter: ErasureFilter,
        on_problem: Callable[[str], None],
        *,
        is_dry_run: bool,
    ) -> Iterator[Erased]:
        rewrite = build_rewrite(erasure_filter, on_problem)
        for day in raw.list_days():
            try:
                found = raw.rewrite_day(day, datasets, rewrite, is_dry_run=is_dry_run, on_problem=on_problem)
            except LandingError as error:
                on_problem(f"the raw files of {day} were not rewritten: {error}")
                continue
            yield from (Erased(each.path, each.erased_count, each.is_deleted) for each in found)

    def _delete_pages(self, erasure_filter: ErasureFilter, traces: Traces, *, is_dry_run: bool) -> Iterator[Erased]:
        """Delete the reports that name an engagement of theirs, by its id or by its link."""
        for path in self.warehouse.list_files("report"):
            page = html.unescape(self.warehouse.read_bytes(path).decode(errors="replace"))
            if erasure_filter.is_named_in(page) or any(link in page for link in traces.links):
                if not is_dry_run:
                    self.warehouse.delete(path)
                yield Erased(path, 1, is_deleted=True)

    def _delete_archives(
        self, erasure_filter: ErasureFilter, on_problem: Callable[[str], None], *, is_dry_run: bool
    ) -> Iterator[Erased]:
        """Delete the archives of contact exports that hold a row of theirs: such an archive is about one person."""
        records = ContactRecords(self.warehouse)
        for request_id in records.list_archives():
            path = archive_path(request_id)
            try:
                count = self._count_in_archive(path, erasure_filter, on_problem)
                if count and not is_dry_run:
                    records.erase_archive(request_id, format_instant(self.now()))
            except (zipfile.BadZipFile, zlib.error, EOFError, LandingError) as error:
                on_problem(f"{path} may hold rows of erased customers and cannot be read ({error}); remove it")
                continue
            if count:
                yield Erased(path, count, is_deleted=True)

    def _count_in_archive(self, path: str, erasure_filter: ErasureFilter, on_problem: Callable[[str], None]) -> int:
        rewrite = build_rewrite(erasure_filter, on_problem)
        with self.warehouse.open(path) as file, zipfile.ZipFile(file) as archive:
            count = 0
            for dataset in KEY_COLUMNS:
                for name in archive.namelist():
                    if name.endswith(f"/{FILE_NAMES[dataset]}"):
                        with archive.open(name) as plain:
                            count += rewrite(dataset, plain, _forget, f"{path}/{name}")
            return count

    def _build_receipt(
        self,
        erasure_filter: ErasureFilter,
        customers: Sequence[str],
        files: list[Erased],
        traces: Traces,
        problems: list[str],
        *,
        is_dry_run: bool,
    ) -> Receipt:
        return Receipt(
            receipt_id=f"{self.now():%Y%m%dT%H%M%SZ}-{uuid4().hex[:8]}",
            erased_at=format_instant(self.now()),
            simulated=self.warehouse.simulated,
            was_dry_run=is_dry_run,
            customers=tuple(sorted(customers or erasure_filter.erased.customers)),
            finds=tuple(
                Find(
                    customer,
                    is_found=erasure_filter.is_found(customer),
                    was_found_before=customer in erasure_filter.erased.found_customers,
                    engagement_count=erasure_filter.count_engagements(customer),
                )
                for customer in customers
            ),
            engagement_count=len(erasure_filter.learned.engagements),
            files=tuple(files),
            days_to_restate=tuple(sorted(traces.start_days & self._list_scored_days())),
            problems=tuple(dict.fromkeys(problems)),
        )

    def _list_scored_days(self) -> set[date]:
        return {day for path in self.warehouse.list_files("scores") if (day := day_of_path(path))}


def _forget(_: bytes) -> None:
    """What a count alone is made of."""
