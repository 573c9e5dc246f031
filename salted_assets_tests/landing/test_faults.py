"""Every fault of the vendor, alone and in random sequences: a day is landed whole, or absent with a clear error."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salted_assets.landing import LandingError, Manifest
from salted_assets.salted_cx import (
    ApiKeyForbidden,
    ApiKeyRejected,
    ApiUnavailable,
    ApiUrlRefused,
    ClientConfig,
    ContactNotFound,
    DownloadCorrupted,
    DownloadInterrupted,
    DownloadRefused,
    DownloadTooLarge,
    DownloadUrlExpired,
    DownloadUrlRefused,
    EmptyInclude,
    ExportFailed,
    ExportNotFound,
    ExportNotReady,
    ExportStartUnknown,
    InvalidDateRange,
    InvalidInclude,
    NoCustomersForContact,
    RateLimited,
    RequestRefused,
    SaltedApiError,
    UnexpectedResponse,
)
from salted_assets.settings import DATASETS
from salted_assets.simulator import DataFaults, Faults, Refusal
from salted_assets.simulator.data.options import RequestKind
from salted_assets_tests.support.landing_env import CONFIG, DAY, SMALL, LandingEnv, find_secrets, landing_env

pytestmark = pytest.mark.slow

ALWAYS = 999
HTTP_DATE = "Sat, 01 Jun 2024 00:00:20 GMT"


@dataclass(frozen=True)
class Case:
    """A fault, what it ends with (None: the day is landed), and how many exports the vendor is asked for."""

    faults: Faults
    ending: type[Exception] | None = None
    export_count: int = 1
    has_integer_ids: bool = False
    needs_new_vendor: bool = False
    config: ClientConfig = CONFIG
    not_delivered: tuple[str, ...] = field(default=())


def refuse(on: RequestKind, status: int, times: int = 1, **more: Any) -> Faults:
    return Faults(refusals=(Refusal(on, status, times=times, **more),))


CODES = {
    "INVALID_DATE_RANGE": InvalidDateRange,
    "INVALID_INCLUDE": InvalidInclude,
    "EMPTY_INCLUDE": EmptyInclude,
    "CONTACT_NOT_FOUND": ContactNotFound,
    "NO_CUSTOMERS_FOR_CONTACT": NoCustomersForContact,
    "SOMETHING_NEW": RequestRefused,
}

CASES = {
    "none": Case(Faults()),
    **{
        f"request refused, {code}": Case(refuse("post", 400, code=code, body=body), kind, 0)
        for (code, kind), body in zip(CODES.items(), cycle(("json", "nested", "text")), strict=False)
    },
    "request refused, no word": Case(refuse("post", 400, body="empty"), RequestRefused, 0),
    "request, key rejected": Case(refuse("post", 401), ApiKeyRejected, 0),
    "request, key forbidden": Case(refuse("post", 403), ApiKeyForbidden, 0),
    "request, 404": Case(refuse("post", 404), RequestRefused, 0),
    "request, redirected": Case(refuse("post", 307, location="http://127.0.0.1:9/"), ApiUrlRefused, 0),
    "request, 429": Case(refuse("post", 429, 2)),
    "request, 429 with seconds": Case(refuse("post", 429, 2, retry_after="7")),
    "request, 429 with a date": Case(refuse("post", 429, 1, retry_after=HTTP_DATE)),
    "request, 429 too long": Case(refuse("post", 429, 1, retry_after="86400"), RateLimited, 0),
    "request, 429 always": Case(refuse("post", 429, ALWAYS), RateLimited, 0),
    "request, 503": Case(refuse("post", 503, 2)),
    "request, 503 always": Case(refuse("post", 503, ALWAYS), ApiUnavailable, 0),
    "request, 500": Case(refuse("post", 500, 1)),
    "request, 502 page": Case(refuse("post", 502, 2, body="html")),
    "request, 504 always": Case(refuse("post", 504, ALWAYS), ExportStartUnknown, 0),
    "request, hung up": Case(refuse("post", 0, 2)),
    "request, hung up always": Case(refuse("post", 0, ALWAYS), ExportStartUnknown, 0),
    "request, a page": Case(refuse("post", 200, 1, body="html")),
    "request, broken JSON": Case(refuse("post", 200, 1, body="invalid")),
    "request, JSON without an id": Case(refuse("post", 200, 1)),
    "request, huge": Case(refuse("post", 200, 1, body="huge")),
    "answer lost": Case(Faults(lost_posts=1)),
    "answers always lost": Case(Faults(lost_posts=ALWAYS)),
    "answer lost, integer ids": Case(Faults(lost_posts=1), has_integer_ids=True),
    "answer lost, no history": Case(
        Faults(lost_posts=1, refusals=(Refusal("history", 404, ALWAYS),)), ExportStartUnknown, 1
    ),
    "history, 500 always": Case(refuse("history", 500, ALWAYS)),
    "history, 404": Case(refuse("history", 404, ALWAYS)),
    "history, a page": Case(refuse("history", 200, ALWAYS, body="html")),
    "history, key rejected": Case(refuse("history", 401, ALWAYS), ApiKeyRejected, 0),
    "history, key forbidden": Case(refuse("history", 403, ALWAYS)),
    "slow": Case(Faults(slow_export_seconds=300)),
    "too slow": Case(Faults(slow_export_seconds=10_000), ExportNotReady),
    "failed once": Case(Faults(failed_exports=1), export_count=2),
    "failed twice": Case(Faults(failed_exports=2), export_count=3),
    "failed always": Case(Faults(failed_exports=ALWAYS), ExportFailed, 3),
    "failed and lost": Case(Faults(failed_exports=1, lost_posts=1), export_count=2),
    "status, 500": Case(refuse("status", 500, 3)),
    "status, 500 always": Case(refuse("status", 500, ALWAYS), ApiUnavailable),
    "status, 429": Case(refuse("status", 429, 2, retry_after="3")),
    "status, hung up": Case(refuse("status", 0, 2)),
    "status, 404 at first": Case(refuse("status", 404, 5)),
    "status, 404 always": Case(refuse("status", 404, ALWAYS), ExportNotFound, 2),
    "status, key rejected": Case(refuse("status", 401), ApiKeyRejected),
    "status, key forbidden": Case(refuse("status", 403), ApiKeyForbidden),
    "status, redirected": Case(refuse("status", 302, location="http://127.0.0.1:9/"), ApiUrlRefused),
    "status, a page": Case(refuse("status", 200, body="html")),
    "status, a page always": Case(refuse("status", 200, ALWAYS, body="html"), UnexpectedResponse),
    "status, no body": Case(refuse("status", 204, 3, body="empty")),
    "status, no body always": Case(refuse("status", 204, ALWAYS, body="empty"), UnexpectedResponse),
    "status, broken JSON": Case(refuse("status", 200, body="invalid")),
    "status, huge": Case(refuse("status", 200, body="huge")),
    "status, unknown word": Case(Faults(unknown_statuses=9)),
    "status, unknown word always": Case(Faults(unknown_statuses=ALWAYS), ExportNotReady),
    "status without addresses": Case(Faults(statuses_without_addresses=3)),
    "status without addresses always": Case(Faults(statuses_without_addresses=ALWAYS), UnexpectedResponse),
    "status address absolute": Case(Faults(absolute_status_url=True)),
    "status address elsewhere": Case(Faults(foreign_status_url="http://127.0.0.1:9/steal")),
    "not delivered": Case(Faults(missing_addresses=("turn", "agent")), not_delivered=("turn", "agent")),
    "nothing delivered": Case(Faults(missing_addresses=DATASETS), UnexpectedResponse),
    "unasked": Case(Faults(extra_addresses={"../x": "", "service": "file:///etc/passwd"})),
    "address elsewhere": Case(Faults(extra_addresses={"turn": "http://192.0.2.1/turns.csv"}), DownloadUrlRefused),
    "address of a file": Case(Faults(extra_addresses={"turn": "file:///etc/passwd"}), DownloadUrlRefused),
    "address with a login": Case(Faults(extra_addresses={"turn": "https://a:b@192.0.2.1/x"}), DownloadUrlRefused),
    "address expired": Case(Faults(expired_downloads=1), export_count=2),
    "address expired, slow clock": Case(Faults(expired_downloads=ALWAYS), DownloadUrlExpired, 2),
    "address dead": Case(Faults(dead_addresses=1), needs_new_vendor=True),
    "address dead twice": Case(Faults(dead_addresses=2), export_count=2, needs_new_vendor=True),
    "address dead always": Case(Faults(dead_addresses=ALWAYS), DownloadUrlExpired, 2),
    "address dead, as 400": Case(Faults(dead_addresses=1, expired_as_400=True), needs_new_vendor=True),
    "download, 503": Case(refuse("download", 503, 3, body="xml")),
    "download, 503 always": Case(refuse("download", 503, ALWAYS, body="xml"), DownloadInterrupted),
    "download, 429": Case(refuse("download", 429, 2, retry_after="3")),
    "download, hung up": Case(refuse("download", 0, 3)),
    "download, 400": Case(refuse("download", 400, body="xml"), DownloadRefused),
    "download, 404 once": Case(refuse("download", 404, dataset="turn"), export_count=2),
    "download, redirected": Case(refuse("download", 302, location="self")),
    "download, redirected elsewhere": Case(refuse("download", 302, location="http://192.0.2.1/"), DownloadUrlRefused),
    "download, redirected for ever": Case(refuse("download", 302, ALWAYS, location="self"), DownloadUrlRefused),
    "cut": Case(Faults(cut_downloads=5)),
    "cut at once": Case(Faults(cut_downloads=3, cut_at_byte=0)),
    "cut, no ranges": Case(Faults(cut_downloads=3, no_ranges=True)),
    "cut, no ETag": Case(Faults(cut_downloads=3, no_etag=True)),
    "cut, no length": Case(Faults(cut_downloads=3, no_length=True)),
    "cut, nothing to go by": Case(Faults(cut_downloads=3, no_length=True, no_etag=True, no_ranges=True)),
    "cut always": Case(Faults(cut_downloads=ALWAYS, no_ranges=True), DownloadInterrupted),
    "truncated": Case(Faults(truncated_downloads=3)),
    "truncated always": Case(Faults(truncated_downloads=ALWAYS), DownloadCorrupted),
    "corrupt": Case(Faults(corrupt_downloads=3)),
    "corrupt always": Case(Faults(corrupt_downloads=ALWAYS), DownloadCorrupted),
    "wrong length": Case(Faults(wrong_lengths=3)),
    "wrong length always": Case(Faults(wrong_lengths=ALWAYS), DownloadInterrupted),
    "too large": Case(Faults(), DownloadTooLarge, config=replace(CONFIG, download_bytes=2000)),
    "gzip": Case(Faults(gzip_downloads=True)),
    "gzip, cut": Case(Faults(gzip_downloads=True, cut_downloads=5)),
    "gzip, cut, no ranges": Case(Faults(gzip_downloads=True, cut_downloads=3, no_ranges=True)),
    "gzip, no ETag": Case(Faults(gzip_downloads=True, no_etag=True)),
    "gzip, corrupt always": Case(Faults(gzip_downloads=True, corrupt_downloads=ALWAYS), DownloadCorrupted),
    "gzip, truncated always": Case(Faults(gzip_downloads=True, truncated_downloads=ALWAYS), DownloadCorrupted),
    "no coding": Case(Faults(encoding_word="aws-chunked")),
    "unknown coding": Case(Faults(encoding_word="br"), DownloadRefused),
    "no ETag": Case(Faults(no_etag=True)),
    "foreign ETag": Case(Faults(foreign_etag=True)),
    "no length": Case(Faults(no_length=True)),
    **{
        f"file, {name}": Case(Faults(data=data))
        for name, data in {
            "column added": DataFaults(added_columns={"turn": ("updated_at",)}),
            "column renamed": DataFaults(renamed_columns={"turn": {"pid": "id"}}),
            "column missing": DataFaults(missing_columns={"turn": ("content",)}),
            "bad cells": DataFaults(bad_cells={"turn": 0.3}),
            "null pids": DataFaults(null_pids={"turn": 0.3}),
            "broken records": DataFaults(broken_records={"turn": 0.3}),
            "duplicates": DataFaults(identical_duplicates={"turn": 0.3}, conflicting_duplicates={"review": 0.3}),
            "header only": DataFaults(header_only=("turn", "review")),
            "zero bytes": DataFaults(zero_bytes=("turn",)),
            "byte order mark": DataFaults(byte_order_mark=("turn",)),
            "CRLF": DataFaults(crlf=("turn",)),
        }.items()
    },
}


@pytest.fixture(scope="module")
def envs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[bool, LandingEnv]]:
    """A vendor with text ids and one with integer ids for the whole module: each test brings its own warehouse."""
    with ExitStack() as stack:
        yield {
            has_integers: stack.enter_context(
                landing_env(tmp_path_factory.mktemp("env"), replace(SMALL, integer_ids=has_integers))
            )
            for has_integers in (False, True)
        }


def try_to_land(env: LandingEnv, *, refresh: bool = False) -> Manifest | Exception:
    try:
        return env.land(refresh=refresh)
    except (SaltedApiError, LandingError) as error:
        caught = error
    said = f"{caught} {caught!r} {caught.__cause__!r} {caught.__context__!r}"
    assert find_secrets(Path("/nowhere"), {"error": said}) == []
    assert str(caught).endswith(".")
    return caught


def assert_whole(env: LandingEnv, manifest: Manifest, not_delivered: tuple[str, ...] = ()) -> None:
    [delivery] = manifest.deliveries
    assert delivery.not_delivered == not_delivered
    assert {file.dataset for file in delivery.files} == set(DATASETS) - set(not_delivered)
    assert env.landing().find_manifest(DAY) == manifest
    env.check(delivery)


@pytest.mark.parametrize("name", CASES)
def test_each_fault_alone(envs: dict[bool, LandingEnv], tmp_path: Path, name: str) -> None:
    case = CASES[name]
    with ExitStack() as stack:
        # a history lists addresses too, and so uses up the dead ones where there were exports before
        vendor = stack.enter_context(landing_env(tmp_path)) if case.needs_new_vendor else envs[case.has_integer_ids]
        check(case, replace(vendor.moved(tmp_path / "warehouse"), config=case.config))
    assert find_secrets(tmp_path / "warehouse", {}) == []


def check(case: Case, env: LandingEnv) -> None:
    env.simulator.set_faults(case.faults)

    outcome = try_to_land(env)

    assert env.export_count == case.export_count
    if case.ending is None:
        assert isinstance(outcome, Manifest), outcome
        assert_whole(env, outcome, case.not_delivered)
    else:
        assert type(outcome) is case.ending
        assert env.landing().find_manifest(DAY) is None
        assert not [path for path in env.warehouse.list_files("raw") if path.endswith(".zst")]
        assert_mended(replace(env, config=CONFIG), outcome)


def assert_mended(env: LandingEnv, error: Exception) -> None:
    """Without the fault the day is landed, from the same export unless that one is of no use."""
    before = env.export_count
    env.simulator.set_faults(Faults())
    if isinstance(error, ExportNotReady):
        env.time.sleep(10_000)

    outcome = try_to_land(env)

    assert isinstance(outcome, Manifest), outcome
    assert_whole(env, outcome)
    is_of_no_use = isinstance(error, ExportFailed | ExportNotFound | ExportStartUnknown) or before == 0
    assert env.export_count == before + is_of_no_use


REFUSALS = st.builds(
    Refusal,
    on=st.sampled_from(["post", "status", "history", "download"]),
    status=st.sampled_from([0, 400, 401, 403, 404, 429, 500, 502, 503, 504]),
    times=st.sampled_from([1, 2, 5]),
    body=st.sampled_from(["json", "nested", "text", "html", "xml", "empty", "invalid"]),
    retry_after=st.sampled_from([None, "2", HTTP_DATE]),
)

COUNTS = st.sampled_from([0, 0, 0, 1, 2, 6])
SWITCHES = st.booleans()

# a damaged file without any checksum is found by nobody: these faults never meet
DAMAGE = st.one_of(
    st.fixed_dictionaries({"truncated_downloads": COUNTS, "corrupt_downloads": COUNTS}),
    st.fixed_dictionaries({"no_etag": SWITCHES, "foreign_etag": SWITCHES}),
)

FAULTS = st.builds(
    lambda refused, damage, others: Faults(refusals=tuple(refused), **damage, **others),
    st.lists(REFUSALS, max_size=3),
    DAMAGE,
    st.fixed_dictionaries(
        {
            "lost_posts": COUNTS,
            "slow_export_seconds": st.sampled_from([0.0, 0.0, 60.0, 900.0]),
            "failed_exports": COUNTS,
            "unknown_statuses": COUNTS,
            "statuses_without_addresses": COUNTS,
            "expired_downloads": COUNTS,
            "dead_addresses": COUNTS,
            "expired_as_400": SWITCHES,
            "cut_downloads": COUNTS,
            "cut_at_byte": st.sampled_from([0, 1, 999]),
            "wrong_lengths": COUNTS,
            "no_ranges": SWITCHES,
            "no_length": SWITCHES,
            "absolute_status_url": SWITCHES,
        }
    ),
)

MOST_EXPORTS_A_RUN = 1 + 2 + 1 + 1
"""One, two more after FAILED, one after an unknown export, one after addresses that stay dead."""


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(st.tuples(FAULTS, SWITCHES), min_size=1, max_size=4))
def test_random_sequences_of_faults(envs: dict[bool, LandingEnv], steps: list[tuple[Faults, bool]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        env = envs[False].moved(Path(folder))
        in_force: Manifest | None = None
        for faults, wants_refresh in steps:
            before = env.export_count
            env.simulator.set_faults(faults)
            outcome = try_to_land(env, refresh=wants_refresh)

            assert env.export_count - before <= MOST_EXPORTS_A_RUN
            if isinstance(outcome, Manifest):
                assert wants_refresh or in_force is None or env.export_count == before
                in_force = outcome
                assert_whole(env, outcome)
            else:
                assert env.landing().find_manifest(DAY) == in_force
                env.time.sleep(1000)

        env.simulator.set_faults(Faults())
        assert_whole(env, env.land())
        assert find_secrets(Path(folder), {"landing": repr(env.landing())}) == []
