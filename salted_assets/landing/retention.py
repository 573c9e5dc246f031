"""How long raw files and rejects are kept: which are due, and which raw files must wait.

A day's raw files are what its tables can be made from again. So they go only when every table of the day is there and
was made from the delivery that is in force; until then the day is held back, and the reason reported.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from salted_assets.landing import LandedFile, Landing, LandingBusy, LandingDamaged, Manifest
from salted_assets.warehouse import Warehouse, WarehouseDamaged, rejects_key


@dataclass
class RetentionReport:
    """What was deleted, by day, and why other days that are due still have their raw files."""

    pruned: dict[date, list[LandedFile]] = field(default_factory=dict)
    held_back: dict[date, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RejectsReport:
    """The datasets whose rejects were deleted, by day, and what is wrong with files that cannot be read."""

    pruned: dict[date, list[str]]
    damaged: list[str]


@dataclass(frozen=True)
class RawRetention:
    """Deletes raw files `keep_days` days (from 1 on) after they landed. `datasets` are those that are configured.

    `read_requested_at` gives when the export behind the table file at a path was requested, None for a file that is not
    there or does not say, and raises WarehouseDamaged for one that cannot be read.
    """

    warehouse: Warehouse
    landing: Landing
    datasets: Sequence[str]
    keep_days: int
    read_requested_at: Callable[[str], datetime | None]

    def prune(self) -> RetentionReport:
        """Delete what is due on all days, and say what was done. Raises WarehouseError.

        A run that is cut off is made good by the next one.
        """
        report = RetentionReport()
        landed_before = self.landing.now() - timedelta(days=self.keep_days)
        for day, paths in self.landing.list_raw_files().items():
            try:
                self._prune_day(day, paths, landed_before, report)
            except (LandingBusy, LandingDamaged) as error:
                report.held_back[day] = str(error)
        return report

    def _prune_day(self, day: date, paths: set[str], landed_before: datetime, report: RetentionReport) -> None:
        manifest = self.landing.find_manifest(day)
        if manifest is None:
            return
        due = manifest.list_landed_before(landed_before)
        if due and (missing := self._find_missing(manifest)):
            report.held_back[day] = missing
            due = []
        # what a run that was cut off marked as deleted and did not get to
        files = [*due, *(file for file in manifest.list_pruned() if file.path in paths)]
        if files:
            self.landing.prune(day, {file.path for file in files})
            report.pruned[day] = files

    def _find_missing(self, manifest: Manifest) -> str:
        """Why the day's tables are not whole, or nothing: of what is configured, and of all else that was delivered."""
        delivered = {file.dataset for delivery in manifest.deliveries for file in delivery.files}
        datasets = sorted({*self.datasets, *delivered})
        if not self.landing.is_landed(manifest.day, datasets):
            return "raw/export of the day is not complete"
        reasons = (
            self._find_fault(manifest, dataset) if dataset in delivered else f"the vendor gave no file for {dataset}"
            for dataset in datasets
        )
        return "; ".join(filter(None, reasons))

    def _find_fault(self, manifest: Manifest, dataset: str) -> str:
        try:
            made_from = self.read_requested_at(self.warehouse.table_path(("tables", dataset), manifest.day))
        except WarehouseDamaged as error:
            return str(error)
        if made_from is None:
            return f"tables/{dataset} is not there, or was changed by another program"
        if made_from != manifest.requested_at(dataset):
            return f"tables/{dataset} was made from an earlier delivery"
        return ""


@dataclass(frozen=True)
class RejectsRetention:
    """Deletes rejects `keep_days` days (from 1 on) after the export behind them was requested.

    Those of a day that is loaded again from an old export are due again at once. `read_requested_at` is as in
    `RawRetention`.
    """

    warehouse: Warehouse
    datasets: Sequence[str]
    keep_days: int
    read_requested_at: Callable[[str], datetime | None]
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def prune(self) -> RejectsReport:
        """Delete what is due of all days. Raises WarehouseError.

        A file that does not tell when its export was requested stays, and so does one that cannot be read.
        """
        requested_before = self.now() - timedelta(days=self.keep_days)
        pruned: dict[date, list[str]] = {}
        damaged: list[str] = []
        for dataset in self.datasets:
            for day in self.warehouse.list_days(rejects_key(dataset)):
                path = self.warehouse.table_path(rejects_key(dataset), day)
                try:
                    requested_at = self.read_requested_at(path)
                except WarehouseDamaged as error:
                    damaged.append(str(error))
                    continue
                if requested_at is not None and requested_at < requested_before:
                    self.warehouse.delete(path)
                    pruned.setdefault(day, []).append(dataset)
        return RejectsReport(dict(sorted(pruned.items())), damaged)
