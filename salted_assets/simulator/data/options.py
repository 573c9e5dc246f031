"""What a simulator is started with: the size of its account, and everything that can go wrong at the vendor."""

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from types import UnionType
from typing import Any, Literal, Self, get_args, get_origin

RequestKind = Literal["post", "status", "history", "download"]
BodyKind = Literal["json", "nested", "text", "html", "xml", "empty", "invalid", "huge"]


@dataclass(frozen=True)
class Refusal:
    """An answer given `times` times instead of the right one to requests of kind `on`.

    `status` 0 drops the connection without an answer. `code` is what the body names as the error; `body` is the shape:
    `json` {"code", "message"}, `nested` the code two levels down, `text` plain, `html` a proxy's page, `xml` as a
    store answers, `empty`, `invalid` (cut JSON), `huge` (64 MiB of JSON). `retry_after` and `location` become headers.
    `dataset` narrows downloads to one file.
    """

    on: RequestKind
    status: int
    times: int = 1
    body: BodyKind = "json"
    code: str = "SIMULATED"
    retry_after: str | None = None
    location: str | None = None
    dataset: str | None = None


@dataclass(frozen=True)
class DataFaults:
    """What is wrong in the files of an export, by dataset; fixed when the export is requested. Ratios are 0..1 of rows.

    A bad cell is text in a column of numbers or times (customers and agents have few or none). A conflicting duplicate
    repeats the pid with another external id (a review: another comment), after the right row.
    """

    added_columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    renamed_columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    missing_columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    bad_cells: Mapping[str, float] = field(default_factory=dict)
    null_pids: Mapping[str, float] = field(default_factory=dict)
    broken_records: Mapping[str, float] = field(default_factory=dict)
    identical_duplicates: Mapping[str, float] = field(default_factory=dict)
    conflicting_duplicates: Mapping[str, float] = field(default_factory=dict)
    header_only: tuple[str, ...] = ()
    zero_bytes: tuple[str, ...] = ()
    byte_order_mark: tuple[str, ...] = ()
    crlf: tuple[str, ...] = ()


@dataclass(frozen=True)
class Faults:
    """Every switch; the default is a vendor without faults. Whole numbers count down, one for each time it happened.

    Answers: `refusals`; `lost_posts` (the export is begun, its answer never comes); `slow_export_seconds` (added to
    the export's time).
    Status: `failed_exports` (of the next requests); `misplaced_windows` (of the next requests: their files are those of
    a day later); `unknown_statuses`; `statuses_without_addresses` (COMPLETED without the key `downloadUrls`);
    `missing_addresses` (datasets left out); `extra_addresses` (name to address, "" for an address of a real file);
    `absolute_status_url`; `foreign_status_url` (given instead of the right one).
    Addresses: `expired_downloads` (refused as expired though fresh); `dead_addresses` (statuses that give one and the
    same address, dead already); `expired_as_400` (a store that says 400 AccessDenied for 403).
    Downloads: `cut_downloads` (closed after `cut_at_byte` bytes of the answer); `truncated_downloads` (half the file,
    its length said to be right); `corrupt_downloads` (one byte differs); `wrong_lengths` (more bytes promised than
    come); `no_ranges`, `no_length`, `no_etag`, `foreign_etag` (not an MD5), `gzip_downloads` (kept and sent compressed)
    and `encoding_word` (a Content-Encoding that says nothing), for all downloads.
    `download_faults_on` narrows the counted faults of downloads to some datasets; empty means all.
    """

    refusals: tuple[Refusal, ...] = ()
    lost_posts: int = 0
    slow_export_seconds: float = 0.0
    failed_exports: int = 0
    misplaced_windows: int = 0
    unknown_statuses: int = 0
    statuses_without_addresses: int = 0
    missing_addresses: tuple[str, ...] = ()
    extra_addresses: Mapping[str, str] = field(default_factory=dict)
    absolute_status_url: bool = False
    foreign_status_url: str | None = None
    expired_downloads: int = 0
    dead_addresses: int = 0
    expired_as_400: bool = False
    cut_downloads: int = 0
    cut_at_byte: int = 1000
    truncated_downloads: int = 0
    corrupt_downloads: int = 0
    wrong_lengths: int = 0
    no_ranges: bool = False
    no_length: bool = False
    no_etag: bool = False
    foreign_etag: bool = False
    gzip_downloads: bool = False
    encoding_word: str = ""
    download_faults_on: tuple[str, ...] = ()
    data: DataFaults = DataFaults()

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Self:
        """The faults that a JSON object names; the rest keep their defaults.

        Raises ValueError for a name that is no switch, a value of the wrong JSON type or a body that is not known.
        """
        values = _checked(cls, given)
        values["refusals"] = tuple(Refusal(**_checked(Refusal, item)) for item in given.get("refusals", ()))
        values["data"] = data_faults_from_json(given.get("data", {}))
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return asdict(self)


def data_faults_from_json(given: Mapping[str, Any]) -> DataFaults:
    """The faults in files that a JSON object names. Raises ValueError as `Faults.from_json` does."""
    return DataFaults(**_checked(DataFaults, given))


class FaultSwitches:
    """The faults of a running simulator: read, set and counted down from any thread."""

    def __init__(self, faults: Faults) -> None:
        self._lock = threading.Lock()
        self._faults = faults

    @property
    def current(self) -> Faults:
        """The faults still to come."""
        with self._lock:
            return self._faults

    def set(self, faults: Faults) -> None:
        """Replace all switches."""
        with self._lock:
            self._faults = faults

    def take(self, name: str, dataset: str | None = None) -> bool:
        """True, and one less to come, while the counter `name` stands above 0 (and concerns `dataset`)."""
        with self._lock:
            left = int(getattr(self._faults, name))
            only = self._faults.download_faults_on
            if left <= 0 or (dataset is not None and only and dataset not in only):
                return False
            changes: dict[str, Any] = {name: left - 1}
            self._faults = replace(self._faults, **changes)
            return True

    def take_refusal(self, on: RequestKind, dataset: str | None = None) -> Refusal | None:
        """The first refusal due for this request, counted down; None when the right answer is due."""
        with self._lock:
            for position, refusal in enumerate(self._faults.refusals):
                if refusal.on == on and refusal.dataset in (None, dataset) and refusal.times > 0:
                    left = list(self._faults.refusals)
                    left[position] = replace(refusal, times=refusal.times - 1)
                    self._faults = replace(self._faults, refusals=tuple(left))
                    return refusal
        return None


def _checked(kind: type[Any], given: Any) -> dict[str, Any]:
    """The values of `given`, lists as tuples, without the switches that are objects of their own."""
    known = {item.name: item.type for item in fields(kind)}
    if not _fits(given, Mapping[str, Any]):
        raise ValueError(f"{kind.__name__} is given as a JSON object")
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ValueError(f"{kind.__name__} has no switch {', '.join(unknown)}; there are {', '.join(known)}")
    wrong = sorted(name for name, value in given.items() if not _fits(value, known[name]))
    if wrong:
        raise ValueError(f"{kind.__name__} got a value of the wrong kind for {', '.join(wrong)}")
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in given.items()
        if name not in ("refusals", "data")
    }


def _fits(value: Any, annotation: Any) -> bool:
    """Whether a JSON value is of the annotated kind; a list stands for a tuple, an object for a class of switches."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return value in arguments
    if origin is UnionType:
        return any(_fits(value, each) for each in arguments)
    if origin is tuple:
        return isinstance(value, list | tuple) and all(_fits(each, arguments[0]) for each in value)
    if origin is Mapping:
        return isinstance(value, Mapping) and all(_fits(each, arguments[1]) for each in value.values())
    if annotation in (int, float):
        return isinstance(value, int | annotation) and not isinstance(value, bool)
    return annotation is Any or isinstance(value, Mapping if annotation in (Refusal, DataFaults) else annotation)


SIMULATOR_KEY = "simulator"
"""The bearer key of the built-in account: no secret, it opens nothing but simulated data."""


@dataclass(frozen=True)
class SimulatorOptions:
    """The account's size and seed, and the manners of its export.

    `agent_count` and `engagements_per_agent` set the size of a full working day (weekends are smaller). `as_of`:
    "window" delivers a window as it stood two hours after its end when it is exported for the first time, and as it
    stands now when it is exported again after its files were fetched; "now" always as it stands now; the rows of agents
    are as of now in both. `export_seconds` is how long an export is PROCESSING, `address_seconds` how long a download
    address lives.
    `with_updated_at` adds the column that the vendor's newer page names, `integer_ids` gives export ids as that page
    shows them.
    """

    seed: int = 1
    agent_count: int = 42
    engagements_per_agent: int = 12
    as_of: Literal["window", "now"] = "window"
    export_seconds: float = 0.0
    address_seconds: int = 3600
    with_updated_at: bool = False
    integer_ids: bool = False
    key: str = SIMULATOR_KEY
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        if self.agent_count < 1 or self.engagements_per_agent < 1:
            raise ValueError("agent_count and engagements_per_agent are at least 1")
        if not self.key:
            raise ValueError("key is empty; a bearer key has at least one character")
