"""A day's records on disk: its manifest and its pending exports, beside the files."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from salted_assets.landing.exceptions import LandingDamaged
from salted_assets.landing.manifest import Delivery, Manifest
from salted_assets.landing.pending_exports import PendingExport, PendingExports
from salted_assets.warehouse import Warehouse, day_of_path, landing_folder


@dataclass(frozen=True)
class OwnExport:
    """An export requested for a day: whether it is landed, else whether it is pending, to be re-attached to."""

    day: date
    is_landed: bool = False
    is_pending: bool = False


@dataclass(frozen=True)
class Records:
    """The manifests and pending exports of one warehouse. Every write is whole or absent."""

    warehouse: Warehouse

    def find_manifest(self, day: date) -> Manifest | None:
        """What the day's landing is made of, or None where there is none. Raises LandingDamaged."""
        path = _manifest_path(day)
        try:
            return Manifest.from_json(self.warehouse.read_bytes(path), path=path)
        except FileNotFoundError:
            return None

    def list_landed_days(self) -> list[date]:
        """The days that have a manifest, in order; manifests are not read."""
        paths = (path for path in self.warehouse.list_files("raw/export") if path.endswith("/manifest.json"))
        return sorted(day for path in paths if (day := day_of_path(path)))

    def write_manifest(self, manifest: Manifest) -> None:
        """Make the landing what the manifest says."""
        self.warehouse.write_bytes(_manifest_path(manifest.day), manifest.to_json())

    def read_pending_exports(self, day: date) -> PendingExports:
        """The exports of the day that were requested and are not landed yet. Raises LandingDamaged."""
        path = _pending_exports_path(day)
        try:
            return PendingExports.from_json(self.warehouse.read_bytes(path), path=path)
        except FileNotFoundError:
            return PendingExports()

    def keep_pending(self, day: date, pending: PendingExport) -> None:
        """Keep the pending export, in place of those of its window that it shares datasets with."""
        self._write_pending_exports(day, self.read_pending_exports(day).put(pending))

    def drop_pending(self, day: date, pending: PendingExport) -> None:
        """Forget a pending export that nothing can come of."""
        self._write_pending_exports(day, self.read_pending_exports(day).without(pending.window, pending.datasets))

    def drop_delivered(self, day: date, deliveries: Sequence[Delivery]) -> None:
        """Forget the pending exports of what was delivered."""
        pending_exports = self.read_pending_exports(day)
        for delivery in deliveries:
            pending_exports = pending_exports.without(delivery.window, delivery.datasets)
        self._write_pending_exports(day, pending_exports.but_landed({delivery.export_id for delivery in deliveries}))

    def drop_landed(self, manifest: Manifest) -> None:
        """Forget the pending exports that the manifest names: a run that was killed after it wrote it left them.

        A damaged record is left for `salted doctor` to name: the day itself is whole.
        """
        try:
            pending_exports = self.read_pending_exports(manifest.day)
        except LandingDamaged:
            return
        if (rest := pending_exports.but_landed(manifest.export_ids)) != pending_exports:
            self._write_pending_exports(manifest.day, rest)

    def list_known_exports(self) -> set[str]:
        """The ids of all exports that pending exports and manifests of any day name."""
        return set(self.list_own_exports())

    def list_own_exports(self) -> dict[str, OwnExport]:
        """All exports that pending exports and manifests of any day name, by id. Raises LandingDamaged."""
        own: dict[str, OwnExport] = {}
        days = {day for path in self.warehouse.list_files("raw/export") if (day := day_of_path(path))}
        for day in sorted(days):
            pending_exports, manifest = self.read_pending_exports(day), self.find_manifest(day)
            own |= dict.fromkeys(pending_exports.given_up, OwnExport(day))
            own |= {
                t.export_id: OwnExport(day, is_pending=True) for t in pending_exports.open if t.export_id is not None
            }
            own |= dict.fromkeys(manifest.export_ids if manifest else (), OwnExport(day, is_landed=True))
        return own

    def _write_pending_exports(self, day: date, pending_exports: PendingExports) -> None:
        if pending_exports.open or pending_exports.given_up:
            self.warehouse.write_bytes(_pending_exports_path(day), pending_exports.to_json())
        else:
            self.warehouse.delete(_pending_exports_path(day))


def _manifest_path(day: date) -> str:
    return f"{landing_folder(day)}/manifest.json"


def _pending_exports_path(day: date) -> str:
    return f"{landing_folder(day)}/tickets.json"
