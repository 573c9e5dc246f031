"""What a run leaves on disk: no key that came out of AWS, no pickle, nothing that other users may read."""

import base64
import binascii
import os
import pickle
import pickletools
import sqlite3
import stat
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from benchmarks.deployment.s3_server import S3Server
from salted_assets.defs.resources import connect_simulator
from salted_assets.salted_cx import ClientConfig
from salted_assets.simulator import SimulatorOptions, running_simulator
from salted_assets_tests.support.bare_commands import make_debugging_home, materialize_all
from salted_assets_tests.support.traces import texts_below

pytestmark = pytest.mark.slow

KEY = "sk-9f2c-not-to-be-found-anywhere"
PLACE = "ssm:/salted/at_rest"
OPTIONS = SimulatorOptions(agent_count=3, engagements_per_agent=3, key=KEY)


@pytest.fixture(scope="module")
def aws() -> Iterator[S3Server]:
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    try:
        host, port = moto.get_host_and_port()
        yield S3Server(f"http://{host}:{port}")
    finally:
        moto.stop()


@pytest.fixture(scope="module")
def ours(aws: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which Dagster's own command took a day from export to scores, everything logged at DEBUG."""
    folder = tmp_path_factory.mktemp("at_rest")
    home = make_debugging_home(folder / "ours")
    given = aws.environment
    parameters = boto3.Session(given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"], region_name="us-east-1")
    kept = {"Name": PLACE.removeprefix("ssm:"), "Value": KEY, "Type": "SecureString"}
    parameters.client("ssm", endpoint_url=aws.url).put_parameter(**kept)
    with running_simulator(folder / "vendor" / "exports.sqlite", OPTIONS) as vendor:
        done = materialize_all(
            folder / "ours",
            "2024-01-09",
            DAGSTER_HOME=str(home),
            SALTED_API_URL=vendor.url,
            SALTED_API_KEY_SECRET=PLACE,
            SALTED_START_DATE="2024-01-01",
            **given,
        )
        assert (done.returncode, vendor.log()["exports"]) == (0, 1), done.stderr[-3000:]
    (folder / "ours" / "said").write_text(done.stdout + done.stderr)
    return folder / "ours"


def blobs_below(folder: Path) -> Iterator[tuple[str, bytes]]:
    """All files, and all values of databases, as they are and as they were before they were packed."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        yield str(path), data
        if data.startswith(b"SQLite format 3\0"):
            with closing(sqlite3.connect(path)) as database:
                tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
                for table in tables:
                    for row in database.execute(f'SELECT * FROM "{table}"'):
                        yield from ((f"{path} {table}", plain) for value in row for plain in unpacked(value))


def unpacked(value: object) -> Iterator[bytes]:
    data = value if isinstance(value, bytes) else str(value).encode()
    yield data
    for candidate in (data, from_base64(data)):
        yield candidate
        try:
            yield zlib.decompress(candidate, wbits=47)
        except zlib.error:
            continue


def from_base64(data: bytes) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error:
        return b""


def is_pickle(data: bytes) -> bool:
    """Whether it reads as a pickle to its end; without being loaded, which is what pickles are avoided for."""
    if not data.startswith(b"\x80"):
        return False
    try:
        return bool(list(pickletools.genops(data)))
    except (ValueError, IndexError, UnicodeDecodeError):
        return False


def test_the_key_of_aws_is_nowhere_and_its_place_is(ours: Path) -> None:
    everything = "\n".join(texts_below(ours))

    assert KEY not in everything
    assert PLACE in everything


def test_nothing_is_pickled(ours: Path) -> None:
    blobs = list(blobs_below(ours))

    assert [where for where, data in blobs if is_pickle(data)] == []
    assert {"dagster", "data"} <= {Path(where).relative_to(ours).parts[0] for where, _ in blobs}
    assert len({where for where, _ in blobs if " " in where}) > 5


@pytest.mark.parametrize(
    "packed", [bytes, zlib.compress, base64.b64encode, lambda d: base64.b64encode(zlib.compress(d))]
)
def test_a_pickle_would_be_found(tmp_path: Path, packed: object) -> None:
    assert callable(packed)
    with closing(sqlite3.connect(tmp_path / "runs.db")) as database:
        database.execute("CREATE TABLE runs (body)")
        database.execute("INSERT INTO runs VALUES (?)", [packed(pickle.dumps({"run": 1}))])
        database.commit()

    assert any(is_pickle(data) for _, data in blobs_below(tmp_path))


def test_made_up_data_are_private_too(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with connect_simulator(tmp_path / "data" / "demo" / ".simulator", ClientConfig()):
            pass
    finally:
        os.umask(before)

    folders = [tmp_path / "data" / "demo", tmp_path / "data" / "demo" / ".simulator"]
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in folders] == [0o700, 0o700]
