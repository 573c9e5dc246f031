"""Raw files rewritten without some of their records, and the manifest that follows.

A file is not changed in place: the rewritten one lies beside it under a name of its own, then the manifest names that,
then the old one is deleted. A reader finds files that are what their manifest says at any moment, and a run that is
cut off leaves what the next one rewrites again.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, BinaryIO, Protocol

from salted_assets.landing.day_lock import lock_day
from salted_assets.landing.exceptions import LandingDamaged
from salted_assets.landing.manifest import LandedFile, Manifest
from salted_assets.landing.raw_files import RawFileWriter, open_raw
from salted_assets.landing.records import Records
from salted_assets.salted_cx import format_instant
from salted_assets.warehouse import Warehouse, day_of_path, landing_folder


class FileRewrite(Protocol):
    """What leaves records out of a file."""

    def __call__(self, dataset: str, plain: IO[bytes], write: Callable[[bytes], object], name: str) -> int:
        """Copy a file but for some of its records, and give their number: 0 means that the file stays as it is."""
        ...


@dataclass(frozen=True)
class RewrittenFile:
    """A raw file that had records to be left out: how many, and whether it was deleted, since no manifest lists it."""

    path: str
    dataset: str
    erased_count: int
    is_deleted: bool = False


def copy_rewritten(
    file: LandedFile, stored: BinaryIO, rewrite: FileRewrite, target: Path, now: str
) -> LandedFile | None:
    """Write a landed file's rewritten copy to a local path, and give its record; None where nothing is left out.

    Raises LandingDamaged where the stored file is not what its record says.
    """
    with (
        open_raw(stored, byte_count=file.byte_count, path=file.path) as plain,
        RawFileWriter(target) as writer,
    ):
        erased_count = rewrite(file.dataset, plain, writer.write, file.path)
    if not erased_count:
        return None
    return replace(
        file,
        row_count=writer.row_count,
        byte_count=writer.byte_count,
        stored_byte_count=target.stat().st_size,
        sha256=writer.sha256,
        erased_row_count=file.erased_row_count + erased_count,
        erased_at=now,
        delivered_sha256=file.delivered_sha256 or file.sha256,
    )


@dataclass(frozen=True)
class RawRewrite:
    """Rewrites what was landed before; `lock_wait_seconds` is how long it waits for a run that is landing a day."""

    warehouse: Warehouse
    file_names: dict[str, str]
    lock_wait_seconds: float = 0
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def list_days(self) -> list[date]:
        """The days that have files or records of any kind, in order."""
        return sorted({day for path in self.warehouse.list_files("raw/export") if (day := day_of_path(path))})

    def rewrite_day(
        self,
        day: date,
        datasets: Collection[str],
        rewrite: FileRewrite,
        *,
        is_dry_run: bool,
        on_problem: Callable[[str], None],
    ) -> list[RewrittenFile]:
        """Rewrite the day's files of the datasets, those first that come first in `datasets`.

        Files that no manifest lists, as a landing that was cut off leaves them, are deleted where they hold what is to
        be left out: the next landing brings them again. What cannot be read is left as it is, and reported to
        `on_problem`.
        Raises LandingBusy or LandingDamaged.
        """
        with lock_day(self.warehouse, day, self.lock_wait_seconds) as ensure_held:
            manifest = Records(self.warehouse).find_manifest(day)
            listed = {file.path: file for file in manifest.list_files() if not file.pruned_at} if manifest else {}
            replaced: dict[str, LandedFile] = {}
            found: list[RewrittenFile] = []
            for file in (file for dataset in datasets for file in listed.values() if file.dataset == dataset):
                try:
                    copy = self._copy(file, rewrite, is_dry_run=is_dry_run)
                except LandingDamaged as error:
                    on_problem(str(error))
                    continue
                if copy is not None:
                    replaced[file.path] = copy
                    found.append(RewrittenFile(copy.path, file.dataset, copy.erased_row_count - file.erased_row_count))
            if replaced and manifest is not None and not is_dry_run:
                ensure_held()
                self._put_in_force(manifest, replaced)
            known = {*listed, *(file.path for file in replaced.values())}
            return found + self._delete_unlisted(day, known, datasets, rewrite, is_dry_run, on_problem)

    def _copy(self, file: LandedFile, rewrite: FileRewrite, *, is_dry_run: bool) -> LandedFile | None:
        with self.warehouse.scratch() as scratch:
            try:
                stored = self.warehouse.open(file.path)
            except FileNotFoundError:
                raise LandingDamaged(
                    f"{file.path} is listed in its manifest but is not there, so nothing could be erased from it."
                ) from None
            copy = copy_rewritten(file, stored, rewrite, scratch, format_instant(self.now()))
            if copy is None:
                return None
            copy = replace(copy, path=f"{file.path.rpartition('/')[0]}/{copy.name_and_hash}")
            if not is_dry_run:
                self.warehouse.publish(scratch, copy.path)
            return copy

    def _put_in_force(self, manifest: Manifest, replaced: dict[str, LandedFile]) -> None:
        manifest = manifest.with_files_replaced(replaced)
        Records(self.warehouse).write_manifest(manifest)
        in_use = {file.path for file in manifest.list_files()}
        for path in sorted(set(replaced) - in_use):
            self.warehouse.delete(path)

    def _delete_unlisted(  # noqa: PLR0917 - each of its own type
        self,
        day: date,
        known: Collection[str],
        datasets: Collection[str],
        rewrite: FileRewrite,
        is_dry_run: bool,
        on_problem: Callable[[str], None],
    ) -> list[RewrittenFile]:
        found = []
        for path in self.warehouse.list_files(landing_folder(day)):
            name = path.rpartition("/")[2]
            dataset = next((each for each in datasets if name.startswith(f"{self.file_names[each]}.")), None)
            if dataset is None or path in known:
                continue
            try:
                with open_raw(self.warehouse.open(path), byte_count=None, path=path) as plain:
                    erased_count = rewrite(dataset, plain, lambda _: None, path)
            except LandingDamaged as error:
                on_problem(str(error))
                continue
            if erased_count:
                found.append(RewrittenFile(path, dataset, erased_count, is_deleted=True))
                if not is_dry_run:
                    self.warehouse.delete(path)
        return found
