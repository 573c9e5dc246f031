"""The resources that assets share: the warehouse and the vendor's export.

The fields of each are what the UI shows, its methods open the object that does the work.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

import dagster as dg
from pydantic import Field, PrivateAttr

from salted_assets.defs.instance.orphaned_runs import marked_as_live
from salted_assets.defs.instance.own_records import refuse_foreign_records
from salted_assets.explain import prune_changes
from salted_assets.history import FooterCache, HistoryReader, read_requested_at
from salted_assets.ingest import Batch, IngestError, RawFile, count_starts
from salted_assets.landing import (
    ContactDelivery,
    ContactExports,
    ContactManifest,
    ContactRequest,
    EngagementStarts,
    Landing,
    ListedExport,
    Manifest,
)
from salted_assets.landing.retention import RawRetention, RejectsReport, RejectsRetention, RetentionReport
from salted_assets.landing.windows import Calendar, Window
from salted_assets.privacy import open_ingest_filter, open_landing_rewrite, open_pseudonyms
from salted_assets.salted_cx import ClientConfig, ExportClient
from salted_assets.salted_cx.key_secret import KeySecret
from salted_assets.schemas import FILE_NAMES
from salted_assets.settings import KEY_VARIABLE, Settings
from salted_assets.simulator import SimulatorOptions, running_simulator
from salted_assets.warehouse import ObjectOptions, Warehouse

SIMULATOR_FOLDER = ".simulator"


@contextmanager
def connect_vendor(
    api_url: str, key_variable: str, config: ClientConfig, *, key_secret: str = ""
) -> Iterator[ExportClient]:
    """A client of the vendor, whose key is read at each request and kept nowhere.

    It is read from the secret, such as `secretsmanager:NAME` or `ssm:NAME`, where one is named, else from the variable.
    """
    secret = KeySecret(key_secret)

    def read_key() -> str:
        return secret.read() if key_secret else os.environ.get(key_variable, "")

    with ExportClient(api_url, read_key, config=config, key_name=key_secret or key_variable) as client:
        yield client


@contextmanager
def connect_simulator(folder: Path, config: ClientConfig) -> Iterator[ExportClient]:
    """A client of a simulator that runs on loopback for as long as the context, its exports kept below `folder`."""
    for path in (folder.parent, folder):
        # it lies in the warehouse, which nobody else may read; a mode is not that of the parents that are made with it
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (
        running_simulator(folder / "exports.sqlite", SimulatorOptions()) as simulator,
        ExportClient(simulator.url, lambda: simulator.key, config=config) as client,
    ):
        yield client


_BYTES_PER_GB = 10**9


def count_engagement_starts(open_plain: Callable[[], BinaryIO], window: Window) -> EngagementStarts | None:
    """Where the engagements of a raw file start; None for a file that cannot be loaded, which its table will say."""
    try:
        return EngagementStarts(*count_starts(RawFile("engagements", open_plain), window.start, window.end))
    except IngestError:
        return None


class WarehouseResource(dg.ConfigurableResource["WarehouseResource"]):
    """The folder or S3 prefix under which everything is persisted.

    Every asset uses it, so it also marks the run as live for as long as its process lives, and lets no run of the
    simulator be recorded beside those of a real vendor, nor the other way round.
    """

    address: str = Field(description="A folder, or s3://bucket/prefix.")
    simulated: bool = Field(description="Whether the data are made up by the built-in simulator.")
    timezone: str = Field(description="Time zone whose calendar day is a partition.")
    s3_encryption: str = Field(default="", description="Server-side encryption of what is written to S3.")
    s3_kms_key: str = Field(default="", description="KMS key of that encryption.")
    s3_storage_class: str = Field(default="", description="Storage class of files on S3.")
    account: str = Field(default="", description="Name of the account, which goes before the keys of its assets.")
    _opened: Warehouse | None = PrivateAttr(default=None)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["WarehouseResource"]:
        """Hold the run's mark while the run goes on."""
        if context.instance is None or context.run is None:
            yield self
            return
        refuse_foreign_records(context.instance, simulated=self.simulated, account=self.account)
        with marked_as_live(context.instance, context.run.run_id):
            yield self

    def open(self) -> Warehouse:
        """The warehouse, the same one for all steps of a run, which share what is known of its files."""
        if self._opened is None:
            options = ObjectOptions(self.s3_encryption, self.s3_kms_key, self.s3_storage_class)
            self._opened = Warehouse(self.address, simulated=self.simulated, options=options)
        return self._opened

    def open_reader(self) -> HistoryReader:
        """The reader of newest versions."""
        return HistoryReader(self.open(), self.timezone)

    def open_footers(self) -> FooterCache:
        """What the footers of its files say."""
        return FooterCache(self.open(), self.timezone)

    def prune_rejects(self, datasets: Sequence[str], keep_days: int) -> RejectsReport:
        """Delete rejects whose export was requested more than so many days ago; see `RejectsRetention`."""
        warehouse = self.open()
        return RejectsRetention(warehouse, datasets, keep_days, partial(read_requested_at, warehouse)).prune()

    def prune_changes(self, keep_days: int) -> dict[str, int]:
        """Delete figures that were replaced more than so many days ago; gives their number by file."""
        return prune_changes(self.open(), datetime.now(UTC) - timedelta(days=keep_days))


class SaltedExportResource(dg.ConfigurableResource["SaltedExportResource"]):
    """The vendor's export: lands a day once, and opens what was landed as often as needed.

    `land` is for `raw/export` alone, `export_contact` for the job of that name. `open` never exports and needs neither
    vendor nor key.
    The key is not a field: only the name of its variable or secret is, and it is read at each request.
    """

    warehouse: dg.ResourceDependency[WarehouseResource]
    api_url: str = Field(description="Origin of the vendor's API, or that there is none: data are simulated.")
    api_key_variable: str = Field(description="Environment variable that holds the API key.")
    api_key_secret: str = Field(description="Where AWS keeps the API key, if not in the variable.")
    export_lag_minutes: int = Field(description="Minutes after the end of a day before it can be exported.")
    max_wait_minutes: int = Field(description="Minutes to wait for one export.")
    max_export_retries: int = Field(description="New exports requested after the vendor reported one as FAILED.")
    keep_superseded: int | None = Field(description="Superseded versions of each raw file kept on disk; null for all.")
    min_export_interval_seconds: float = Field(description="Least seconds between two requests of exports.")
    max_download_gb: float = Field(description="Largest file that is accepted, in GB.")

    _client: ExportClient | None = PrivateAttr(default=None)
    _connections: ExitStack = PrivateAttr(default_factory=ExitStack)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["SaltedExportResource"]:  # noqa: ARG002 - Dagster's signature
        """Keep one connection for all days of a run, so that pauses between exports hold across them."""
        with self._connections:
            yield self

    def land(self, day: date, datasets: Sequence[str], *, refresh: bool = False) -> Manifest:
        """Make sure that the day's landing holds the datasets; see `Landing.land`."""
        return self._landing().land(day, datasets, refresh=refresh)

    def find_manifest(self, day: date) -> Manifest | None:
        """What the day's landing is made of; None where there is none. Raises LandingDamaged."""
        return self._landing().find_manifest(day)

    def list_missing(self, day: date, datasets: Sequence[str]) -> list[Window]:
        """The windows of the day that were not delivered for all the datasets. Raises LandingDamaged."""
        return self._landing().list_missing(day, datasets)

    def list_windows(self, day: date) -> Sequence[Window]:
        """The windows of the day, an export each."""
        return self._calendar().windows_of(day)

    def open(self, day: date, dataset: str) -> tuple[Manifest, list[RawFile]]:
        """The landed files of a dataset, with the manifest that lists them; see `Landing.files_of`.

        They are read without the records of erased customers.
        """
        landing = self._landing()
        manifest, files = landing.files_of(day, dataset)
        filter_of = open_ingest_filter(landing.warehouse)
        return manifest, [
            RawFile(file.path, partial(landing.open_file, file), filter_of(dataset, file.path)) for file in files
        ]

    def open_pseudonyms(self, dataset: str) -> Callable[[Batch], Batch] | None:
        """What the dataset's rows are loaded through where agents were erased; see `open_pseudonyms`."""
        return open_pseudonyms(self.warehouse.open())(dataset)

    def prune_raw(self, datasets: Sequence[str], keep_days: int) -> RetentionReport:
        """Delete raw files that landed more than so many days ago, where the tables are made; see `RawRetention`."""
        warehouse = self.warehouse.open()
        requested_at = partial(read_requested_at, warehouse)
        return RawRetention(warehouse, self._landing(), datasets, keep_days, requested_at).prune()

    def list_history(self) -> list[ListedExport]:
        """The vendor's most recent exports held against our records; see `Landing.list_history`."""
        return self._landing().list_history()

    def try_history(self, seconds: float) -> list[ListedExport]:
        """The same for one who waits: asked once, and given so many seconds to be reached."""
        bounds = {"request_timeout_seconds": seconds, "retry_seconds": seconds, "retry_attempts": 1}
        return replace(self._landing(), connect=lambda: nullcontext(self._connect(**bounds))).list_history()

    def export_contact(
        self, request: ContactRequest, contact: str, on_delivery: Callable[[ContactDelivery], None]
    ) -> ContactManifest:
        """Export all that the vendor holds under a contact; see `ContactExports.export`."""
        exports = ContactExports(
            warehouse=self.warehouse.open(),
            calendar=self._calendar(),
            connect=lambda: nullcontext(self._connect()),
            file_names=FILE_NAMES,
            max_export_retries=self.max_export_retries,
        )
        return exports.export(request, contact, on_delivery)

    def _landing(self) -> Landing:
        warehouse = self.warehouse.open()
        return Landing(
            warehouse=warehouse,
            calendar=self._calendar(),
            connect=lambda: nullcontext(self._connect()),
            file_names=FILE_NAMES,
            max_export_retries=self.max_export_retries,
            keep_superseded=self.keep_superseded,
            open_rewrite=partial(open_landing_rewrite, warehouse),
            count_starts=count_engagement_starts,
        )

    def _calendar(self) -> Calendar:
        return Calendar(ZoneInfo(self.warehouse.timezone), timedelta(minutes=self.export_lag_minutes))

    def _connect(self, **bounds: Any) -> ExportClient:
        if self._client is None:
            config = ClientConfig(
                **bounds,
                wait_seconds=self.max_wait_minutes * 60,
                min_export_interval_seconds=0 if self.warehouse.simulated else self.min_export_interval_seconds,
                poll_first_seconds=0.05 if self.warehouse.simulated else ClientConfig.poll_first_seconds,
                download_bytes=int(self.max_download_gb * _BYTES_PER_GB),
            )
            connection = (
                connect_simulator(Path(self.warehouse.address) / SIMULATOR_FOLDER, config)
                if self.warehouse.simulated
                else connect_vendor(self.api_url, self.api_key_variable, config, key_secret=self.api_key_secret)
            )
            self._client = self._connections.enter_context(connection)
        return self._client


_SIMULATOR = "none: the vendor is the built-in simulator"


def build_warehouse(settings: Settings) -> WarehouseResource:
    """The warehouse of one deployment."""
    return WarehouseResource(
        address=settings.warehouse,
        simulated=settings.simulated,
        timezone=settings.timezone,
        s3_encryption=settings.s3_encryption,
        s3_kms_key=settings.s3_kms_key,
        s3_storage_class=settings.s3_storage_class,
        account=settings.account,
    )


def build_export(settings: Settings, warehouse: WarehouseResource) -> SaltedExportResource:
    """The export of one deployment, landing in its warehouse."""
    return SaltedExportResource(
        warehouse=warehouse,
        # the launchpad shows it: nobody there should take a demo for the vendor
        api_url=_SIMULATOR if settings.simulated else settings.api_url,
        api_key_variable=KEY_VARIABLE,
        api_key_secret=settings.api_key_secret,
        export_lag_minutes=settings.export_lag_minutes,
        max_wait_minutes=settings.max_wait_minutes,
        max_export_retries=settings.max_export_retries,
        keep_superseded=None if settings.keep_superseded == "all" else settings.keep_superseded,
        min_export_interval_seconds=settings.min_export_interval_seconds,
        max_download_gb=settings.max_download_gb,
    )
