"""A day's records on disk: its manifest and its tickets, beside the files. Not here: what is written when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from salted_assets.landing.manifest import Delivery, Manifest, Ticket, Tickets
from salted_assets.warehouse import Warehouse, day_of_path, landing_folder


@dataclass(frozen=True)
class OwnExport:
    """An export ordered for a day: whether a manifest names it, else whether a ticket does, to be attached to."""

    day: date
    is_landed: bool = False
    has_ticket: bool = False


@dataclass(frozen=True)
class Records:
    """The manifests and tickets of one warehouse. Every write is whole or absent."""

    warehouse: Warehouse

    def find_manifest(self, day: date) -> Manifest | None:
        """What the day's landing is made of, or None where there is none. Raises LandingDamaged."""
        path = _manifest_path(day)
        try:
            return Manifest.from_json(self.warehouse.read_bytes(path), place=path)
        except FileNotFoundError:
            return None

    def write_manifest(self, manifest: Manifest) -> None:
        """Make the landing what the manifest says."""
        self.warehouse.write_bytes(_manifest_path(manifest.day), manifest.to_json())

    def read_tickets(self, day: date) -> Tickets:
        """The exports of the day that were ordered and are not landed yet. Raises LandingDamaged."""
        path = _tickets_path(day)
        try:
            return Tickets.from_json(self.warehouse.read_bytes(path), place=path)
        except FileNotFoundError:
            return Tickets()

    def keep_ticket(self, day: date, ticket: Ticket) -> None:
        """Keep the ticket, in place of those of its window that it shares datasets with."""
        self._write_tickets(day, self.read_tickets(day).put(ticket))

    def drop_ticket(self, day: date, ticket: Ticket) -> None:
        """Forget a ticket that nothing can come of."""
        self._write_tickets(day, self.read_tickets(day).without(ticket.window, ticket.datasets))

    def drop_delivered(self, day: date, deliveries: Sequence[Delivery]) -> None:
        """Forget the tickets of what was delivered."""
        tickets = self.read_tickets(day)
        for delivery in deliveries:
            tickets = tickets.without(delivery.window, delivery.datasets)
        self._write_tickets(day, tickets.but_landed({delivery.export_id for delivery in deliveries}))

    def list_known_exports(self) -> set[str]:
        """The ids of all exports that tickets and manifests of any day name."""
        return set(self.list_own_exports())

    def list_own_exports(self) -> dict[str, OwnExport]:
        """All exports that tickets and manifests of any day name, by id. Raises LandingDamaged."""
        own: dict[str, OwnExport] = {}
        days = {day for path in self.warehouse.list_files("raw/export") if (day := day_of_path(path))}
        for day in sorted(days):
            tickets, manifest = self.read_tickets(day), self.find_manifest(day)
            own |= dict.fromkeys(tickets.given_up, OwnExport(day))
            own |= {t.export_id: OwnExport(day, has_ticket=True) for t in tickets.open if t.export_id is not None}
            own |= dict.fromkeys(manifest.export_ids if manifest else (), OwnExport(day, is_landed=True))
        return own

    def _write_tickets(self, day: date, tickets: Tickets) -> None:
        if tickets.open or tickets.given_up:
            self.warehouse.write_bytes(_tickets_path(day), tickets.to_json())
        else:
            self.warehouse.delete(_tickets_path(day))


def _manifest_path(day: date) -> str:
    return f"{landing_folder(day)}/manifest.json"


def _tickets_path(day: date) -> str:
    return f"{landing_folder(day)}/tickets.json"
