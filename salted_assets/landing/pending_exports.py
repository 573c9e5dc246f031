"""The exports of a day that were requested and are not landed yet, as they are remembered beside its files."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from salted_assets.landing.exceptions import LandingDamaged
from salted_assets.landing.manifest import SCHEMA_VERSION
from salted_assets.landing.stored_records import from_stored, refuse_newer, to_stored
from salted_assets.landing.windows import Window
from salted_assets.salted_cx import parse_instant


@dataclass(frozen=True)
class PendingExport:
    """An export that was requested, kept until its landing is complete, so that any later run re-attaches to it.

    `export_id` is None between the decision to request and the vendor's response; `known_ids` are the exports that
    the vendor listed before, None where it could not be asked. `is_adopted` marks an id that was not in the response
    to the request but found in the vendor's history, `replaces` names an adopted export that did not fit, in whose
    place this one was requested.
    """

    start: str
    end: str
    datasets: tuple[str, ...]
    requested_at: str
    is_refresh: bool = False
    known_ids: tuple[str, ...] | None = None
    export_id: str | None = None
    is_adopted: bool = False
    replaces: str | None = None

    @property
    def window(self) -> Window:
        """The window as instants."""
        return Window(parse_instant(self.start), parse_instant(self.end))

    @property
    def known_id(self) -> str:
        """The export's id. Raises LandingDamaged while there is none."""
        if self.export_id is None:
            raise LandingDamaged(f"the export requested at {self.requested_at} has no id to be waited for")
        return self.export_id

    def seconds_since(self, now: datetime) -> float:
        """How long ago it was requested."""
        return (now - parse_instant(self.requested_at)).total_seconds()


@dataclass(frozen=True)
class PendingExports:
    """The pending exports of one day; of those of one window no two share a dataset.

    `given_up` are the ids of exports that were requested and dropped since: nothing came of them, unless a manifest
    names them.
    """

    open: tuple[PendingExport, ...] = field(default=())
    given_up: tuple[str, ...] = field(default=())

    def put(self, pending: PendingExport) -> Self:
        """The exports with `pending` in place of those of its window that it shares datasets with."""
        rest = self.without(pending.window, pending.datasets)
        given_up = tuple(export_id for export_id in rest.given_up if export_id != pending.export_id)
        return replace(rest, open=(*rest.open, pending), given_up=given_up)

    def without(self, window: Window, datasets: Iterable[str]) -> Self:
        """The exports but those of the window with any of the datasets, which are given up."""
        unwanted = set(datasets)
        dropped = [each for each in self.open if each.window == window and unwanted & set(each.datasets)]
        # an adopted export that came to nothing may have been another program's
        ids = [each.export_id for each in dropped if each.export_id is not None and not each.is_adopted]
        return replace(
            self,
            open=tuple(each for each in self.open if each not in dropped),
            given_up=tuple(dict.fromkeys((*self.given_up, *ids))),
        )

    def but_landed(self, export_ids: Collection[str]) -> Self:
        """The exports but these, which are landed: neither pending nor given up."""
        return replace(
            self,
            open=tuple(each for each in self.open if each.export_id not in export_ids),
            given_up=tuple(each for each in self.given_up if each not in export_ids),
        )

    def to_json(self) -> bytes:
        """Render as indented JSON with a schema version."""
        values = {"schema_version": SCHEMA_VERSION, **to_stored(self)}
        return json.dumps(values, indent=2).encode()

    @classmethod
    def from_json(cls, data: bytes, *, path: str) -> Self:
        """Parse what was stored. Raises LandingDamaged naming `path`."""
        try:
            values = json.loads(data)
            refuse_newer(values, SCHEMA_VERSION, path)
            return cls(tuple(_read(item) for item in values["open"]), tuple(values.get("given_up", ())))
        except (ValueError, KeyError, TypeError) as error:
            raise LandingDamaged(
                f"{path} holds no pending exports that this version can read; remove it to request new ones"
            ) from error


def _read(values: dict[str, Any]) -> PendingExport:
    known = values["known_ids"]
    lists = {"datasets": tuple(values["datasets"]), "known_ids": None if known is None else tuple(known)}
    return PendingExport(**{**from_stored(values), **lists})
