"""What a simulator is started with: the size of its account, and everything that can go wrong at the vendor."""

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, Self, get_args, get_origin

RequestKind = Literal["post", "status", "history", "download"]
BodyKind = Literal["json", "nested", "text", "html", "xml", "empty", "invalid", "huge"]


@dataclass(frozen=True)
class _Switches:
    """Switches that a JSON object can set; docs/simulator.md has what each does."""

    @classmethod
    def from_json(cls, given: Any) -> Self:
        """The switches that a JSON object names; the rest keep their defaults.

        Raises ValueError for a name that is no switch or a value of the wrong JSON type, TypeError for one that lacks.
        """
        known = {item.name: item.type for item in fields(cls)}
        if not isinstance(given, Mapping):
            raise ValueError(f"{cls.__name__} is given as a JSON object")  # noqa: TRY004 - a wrong value as the others
        if unknown := sorted(set(given) - set(known)):
            raise ValueError(f"{cls.__name__} has no switch {', '.join(unknown)}; there are {', '.join(known)}")
        return cls(**{name: _parsed(value, known[name], f"{cls.__name__}.{name}") for name, value in given.items()})

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return asdict(self)


@dataclass(frozen=True)
class Refusal(_Switches):
    """An answer given `times` times instead of the right one to requests of kind `on`.

    `status` 0 drops the connection without an answer. `code` is what the body names as the error, `body` its shape.
    `retry_after` and `location` become headers. `dataset` narrows downloads to one file.
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
class DataFaults(_Switches):
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
class Faults(_Switches):
    """Every switch; the default is a vendor without faults. Whole numbers count down, one for each time it happened.

    `misplaced_windows` are exports with the files of a day later; `dead_addresses` are statuses that give one and the
    same address, dead already; `expired_as_400` is a store that says 400 AccessDenied for 403. `extra_addresses` are by
    name, "" for an address of a real file. `download_faults_on` narrows the counted faults of downloads to some
    datasets; empty means all.
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


def _parsed(value: Any, kind: Any, name: str) -> Any:
    """A JSON value as what is annotated, lists as tuples. Raises ValueError for one of another kind."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in (Refusal, DataFaults):
        return kind.from_json(value)
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(_parsed(each, arguments[0], name) for each in value)
    if origin is Mapping and isinstance(value, Mapping):
        return {key: _parsed(each, arguments[1], name) for key, each in value.items()}
    if origin is Literal:
        fits = value in arguments
    elif kind in (int, float):
        fits = isinstance(value, int | kind) and not isinstance(value, bool)
    else:
        fits = origin not in (tuple, Mapping) and isinstance(value, kind)
    if not fits:
        raise ValueError(f"{name} got a value of the wrong kind")
    return value


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
