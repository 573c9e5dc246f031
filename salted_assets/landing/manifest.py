"""The record that makes a landing real, as JSON beside its files: what was delivered for a day, and by which exports.

It holds no address and no key.
"""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import blake2b
from typing import Any, Self

from salted_assets.landing.exceptions import LandingDamaged
from salted_assets.landing.stored_records import from_stored, refuse_newer, to_stored
from salted_assets.landing.window_fit import EngagementStarts, WindowFit, assess_fit
from salted_assets.landing.windows import Window
from salted_assets.salted_cx import parse_instant

SCHEMA_VERSION = 3
"""Of manifests and pending exports; files of earlier versions are read as they are.

2 added what was erased from a file; 3 adopted exports, where engagements start, and files that came encoded.
"""


@dataclass(frozen=True)
class LandedFile:
    """One CSV as delivered: `byte_count` and `sha256` are of the plain bytes, `path` is where they lie compressed.

    `row_count` counts data rows as RFC 4180 reads them (a quoted line end is no row), blank lines left out; `header` is
    the first record.
    `pruned_at` is when retention deleted the file; its record stays. Where records of erased customers were left out,
    `erased_row_count` says how many, `erased_at` when last, and `delivered_sha256` is of the bytes as delivered; all
    else is of the file as it is now. A file that was sent encoded is kept decoded: `content_coding` names how, and
    `encoded_byte_count` and `encoded_sha256` are of the bytes as they were sent.
    """

    dataset: str
    name: str
    path: str
    row_count: int
    byte_count: int
    stored_byte_count: int
    sha256: str
    header: tuple[str, ...]
    landed_at: str
    pruned_at: str | None = None
    erased_row_count: int = 0
    erased_at: str | None = None
    delivered_sha256: str | None = None
    content_coding: str | None = None
    encoded_byte_count: int | None = None
    encoded_sha256: str | None = None

    @property
    def name_and_hash(self) -> str:
        """A file name that no file of other content has, for one that takes the place of another.

        >>> LandedFile("turn", "turns.csv", "", 0, 0, 0, "5f1c09ab12cd34", (), "").name_and_hash
        'turns.csv.5f1c09ab12cd.zst'
        """
        return f"{self.name}.{self.sha256[:12]}.zst"


@dataclass(frozen=True)
class Delivery:
    """What one export delivered for one window.

    `retry_count` counts what had to be done again to have it: exports that came to nothing, requests, downloads.
    `is_adopted` marks an export that was found in the vendor's history after its request got no response, `replaces`
    names the adopted one that was given up for it because it did not fit. `engagement_starts` is None where it was not
    looked at: no engagements were asked for, or an earlier version landed them.
    """

    export_id: str
    start: str
    end: str
    datasets: tuple[str, ...]
    requested_at: str
    files: tuple[LandedFile, ...]
    not_delivered: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()
    retry_count: int = 0
    is_adopted: bool = False
    replaces: str | None = None
    engagement_starts: EngagementStarts | None = None

    @property
    def window(self) -> Window:
        """The window as instants."""
        return Window(parse_instant(self.start), parse_instant(self.end))

    @property
    def seconds(self) -> float:
        """From the request to the last file landed; 0 where the export delivered none."""
        landed = [parse_instant(file.landed_at) for file in self.files]
        return (max(landed) - parse_instant(self.requested_at)).total_seconds() if landed else 0.0

    @property
    def window_fit(self) -> WindowFit:
        """Whether the export is that of its window, as far as its engagements show."""
        starts = self.engagement_starts
        return assess_fit(self.export_id, starts, is_adopted=self.is_adopted, replaces=self.replaces)

    def narrow(self, datasets: Collection[str]) -> Self:
        """The part of it that concerns some datasets."""
        return replace(
            self,
            datasets=tuple(name for name in self.datasets if name in datasets),
            files=tuple(file for file in self.files if file.dataset in datasets),
            not_delivered=tuple(name for name in self.not_delivered if name in datasets),
            engagement_starts=self.engagement_starts if "engagement" in datasets else None,
        )

    def mark_pruned(self, paths: Collection[str], pruned_at: str) -> Self:
        """The delivery with the files under these paths marked as deleted, unless they are already."""
        files = (
            replace(file, pruned_at=file.pruned_at or pruned_at) if file.path in paths else file for file in self.files
        )
        return replace(self, files=tuple(files))

    def with_files_replaced(self, by_path: Mapping[str, LandedFile]) -> Self:
        """The delivery with what the files under these paths have become."""
        return replace(self, files=tuple(by_path.get(file.path, file) for file in self.files))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Build from what JSON holds."""
        files = tuple(LandedFile(**{**file, "header": tuple(file["header"])}) for file in values["files"])
        lists = {name: tuple(values[name]) for name in ("datasets", "not_delivered", "unasked")}
        starts = values.get("engagement_starts")
        counted = {"engagement_starts": None if starts is None else EngagementStarts(**starts)}
        return cls(**{**from_stored(values), **lists, **counted, "files": files})


@dataclass(frozen=True)
class Manifest:
    """What a day's landing is made of now (`deliveries`), and what it was made of before (`superseded`)."""

    day: date
    simulated: bool
    deliveries: tuple[Delivery, ...] = ()
    superseded: tuple[Delivery, ...] = ()

    def missing(self, window: Window, datasets: Sequence[str]) -> tuple[str, ...]:
        """The datasets that no delivery was asked for in this window."""
        asked = {name for delivery in self._of(window) for name in delivery.datasets}
        return tuple(name for name in datasets if name not in asked)

    def files(self, dataset: str) -> list[LandedFile]:
        """The dataset's files in the order of their windows."""
        in_order = sorted(self.deliveries, key=lambda delivery: (delivery.window.start, delivery.requested_at))
        return [file for delivery in in_order for file in delivery.files if file.dataset == dataset]

    def requested_at(self, dataset: str) -> datetime:
        """When the newest export that delivered the dataset was requested. Raises ValueError if none did."""
        return max(
            parse_instant(delivery.requested_at)
            for delivery in self.deliveries
            if any(file.dataset == dataset for file in delivery.files)
        )

    def content_id(self, dataset: str) -> str:
        """An id of the dataset's files in force: another one for other bytes, or for those of another export."""
        in_force = [
            f"{delivery.export_id} {file.sha256}"
            for delivery in self.deliveries
            for file in delivery.files
            if file.dataset == dataset
        ]
        return blake2b("\n".join(sorted(in_force)).encode(), digest_size=6).hexdigest()

    @property
    def export_ids(self) -> set[str]:
        """The ids of all exports that the landing is or was made of."""
        return {delivery.export_id for delivery in (*self.deliveries, *self.superseded)}

    def with_delivery(self, new: Delivery) -> Self:
        """The manifest in which `new` takes the place of what earlier deliveries of its window held of its datasets.

        Of an earlier delivery that is replaced in part, one part stays in force and the other is superseded: each file
        is listed once.
        """
        kept, superseded = [], list(self.superseded)
        for old in self.deliveries:
            replaced = set(old.datasets) & set(new.datasets) if old.window == new.window else set()
            if replaced:
                superseded.append(old.narrow(replaced))
            if set(old.datasets) - replaced:
                kept.append(old.narrow(set(old.datasets) - replaced))
        return replace(self, deliveries=(*kept, new), superseded=tuple(superseded))

    def list_beyond(self, keep: int) -> set[str]:
        """Paths of superseded files that are older than the newest `keep` of their window and dataset, and not pruned.

        No path of a file in force is among them.
        """
        versions: Counter[tuple[str, str, str]] = Counter()
        beyond = set()
        for delivery in reversed(self.superseded):
            for file in delivery.files:
                versions[delivery.start, delivery.end, file.dataset] += 1
                if versions[delivery.start, delivery.end, file.dataset] > keep and file.pruned_at is None:
                    beyond.add(file.path)
        return beyond - {file.path for delivery in self.deliveries for file in delivery.files}

    def list_landed_before(self, instant: datetime) -> list[LandedFile]:
        """The files, in force or superseded, that landed before the instant and are not pruned."""
        kept = [file for file in self.list_files() if file.pruned_at is None]
        later_paths = {file.path for file in kept if parse_instant(file.landed_at) >= instant}
        return [file for file in kept if file.path not in later_paths]

    def list_pruned(self) -> list[LandedFile]:
        """The files, in force or superseded, that retention deleted, or was about to delete."""
        kept_paths = {file.path for file in self.list_files() if file.pruned_at is None}
        return [file for file in self.list_files() if file.pruned_at and file.path not in kept_paths]

    def with_pruned(self, paths: Collection[str], pruned_at: str) -> Self:
        """The manifest in which the files under these paths, in force or superseded, are marked as deleted."""
        return replace(
            self,
            deliveries=tuple(delivery.mark_pruned(paths, pruned_at) for delivery in self.deliveries),
            superseded=tuple(delivery.mark_pruned(paths, pruned_at) for delivery in self.superseded),
        )

    def with_files_replaced(self, by_path: Mapping[str, LandedFile]) -> Self:
        """The manifest with what the files under these paths, in force or superseded, have become."""
        return replace(
            self,
            deliveries=tuple(delivery.with_files_replaced(by_path) for delivery in self.deliveries),
            superseded=tuple(delivery.with_files_replaced(by_path) for delivery in self.superseded),
        )

    def list_files(self) -> list[LandedFile]:
        """All files, superseded ones first, pruned ones included."""
        return [file for delivery in (*self.superseded, *self.deliveries) for file in delivery.files]

    def to_json(self) -> bytes:
        """Render as indented JSON with a schema version."""
        values = {"schema_version": SCHEMA_VERSION, **to_stored(self), "day": self.day.isoformat()}
        return json.dumps(values, indent=2, ensure_ascii=False).encode()

    @classmethod
    def from_json(cls, data: bytes, *, path: str) -> Self:
        """Parse a stored manifest. Raises LandingDamaged naming `path`."""
        try:
            values = json.loads(data)
            refuse_newer(values, SCHEMA_VERSION, path)
            return cls(
                day=date.fromisoformat(values["day"]),
                simulated=values["simulated"],
                deliveries=tuple(Delivery.from_dict(item) for item in values["deliveries"]),
                superseded=tuple(Delivery.from_dict(item) for item in values["superseded"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise LandingDamaged(
                f"{path} is no manifest this version can read ({type(error).__name__}). Restore it, or remove it and "
                "materialize raw/export for its day, which requests a new export."
            ) from error

    def _of(self, window: Window) -> list[Delivery]:
        return [delivery for delivery in self.deliveries if delivery.window == window]
