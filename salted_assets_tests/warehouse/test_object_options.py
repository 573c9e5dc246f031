"""What S3 is asked for with each object: encryption and storage class, however the object is written."""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import salted_assets
from benchmarks.deployment.s3_server import BUCKET, S3Server, running_moto
from salted_assets.defs.resources import build_warehouse
from salted_assets.settings import Settings
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.platform import KNOWN_WARNINGS, build_defs, running_platform

pytestmark = [pytest.mark.slow, *KNOWN_WARNINGS]

KEY = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
SINGLE, MULTIPART = 1 << 10, 9 << 20


@pytest.fixture(scope="module")
def moto() -> Iterator[S3Server]:
    with running_moto() as server:
        yield server


@pytest.fixture
def prefix(moto: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    return uuid4().hex


def settings_of(prefix: str, **more: str) -> Settings:
    environment = {"SALTED_API_URL": "https://api.example.test", "SALTED_START_DATE": "2024-01-01"}
    return Settings.load(environment | {"SALTED_WAREHOUSE": f"s3://{BUCKET}/{prefix}"} | more)


def open_warehouse(settings: Settings) -> Warehouse:
    return build_warehouse(settings).open()


def kept(moto: S3Server, key: str) -> tuple[Any, Any, Any]:
    """Encryption, its key and the storage class, as the server reports them."""
    head = moto.client().head_object(Bucket=BUCKET, Key=key)
    return head.get("ServerSideEncryption"), head.get("SSEKMSKeyId"), head.get("StorageClass", "STANDARD")


@pytest.mark.parametrize("byte_count", [SINGLE, MULTIPART], ids=["single put", "multipart"])
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, (None, None, "STANDARD")),
        ({"SALTED_S3_ENCRYPTION": "AES256"}, ("AES256", None, "STANDARD")),
        ({"SALTED_S3_STORAGE_CLASS": "STANDARD_IA"}, (None, None, "STANDARD_IA")),
        (
            {
                "SALTED_S3_ENCRYPTION": "aws:kms",
                "SALTED_S3_KMS_KEY": KEY,
                "SALTED_S3_STORAGE_CLASS": "INTELLIGENT_TIERING",
            },
            ("aws:kms", KEY, "INTELLIGENT_TIERING"),
        ),
    ],
)
def test_every_file_is_kept_as_the_settings_say(
    moto: S3Server, prefix: str, byte_count: int, given: dict[str, str], expected: tuple[str, ...]
) -> None:
    content = os.urandom(byte_count)
    warehouse = open_warehouse(settings_of(prefix, **given))
    warehouse.write_bytes("a", content)

    assert kept(moto, f"{prefix}/a") == expected
    assert ("-" in moto.client().head_object(Bucket=BUCKET, Key=f"{prefix}/a")["ETag"]) == (byte_count == MULTIPART)
    assert warehouse.read_bytes("a") == content


def test_a_lock_is_encrypted_too_but_never_kept_in_a_class_that_charges_a_month(moto: S3Server, prefix: str) -> None:
    options = {"SALTED_S3_ENCRYPTION": "aws:kms", "SALTED_S3_KMS_KEY": KEY, "SALTED_S3_STORAGE_CLASS": "GLACIER_IR"}
    with open_warehouse(settings_of(prefix, **options)).lock("day"):
        assert kept(moto, f"{prefix}/.locks/day") == ("aws:kms", KEY, "STANDARD")

    assert kept(moto, f"{prefix}/.locks/day") == ("aws:kms", KEY, "STANDARD")


def test_all_that_a_day_writes_is_encrypted(moto: S3Server, prefix: str, tmp_path: Path) -> None:
    with running_platform(tmp_path) as platform:
        given = settings_of(prefix, SALTED_S3_ENCRYPTION="AES256", SALTED_S3_STORAGE_CLASS="STANDARD_IA")
        update = {name: getattr(given, name) for name in ("warehouse", "s3_encryption", "s3_storage_class")}
        settings = platform.settings.model_copy(update={**update, "datasets": ("agent",)})
        on_s3 = replace(platform, settings=settings, defs=build_defs(settings))
        assert on_s3.materialize("2024-01-09", 'key:"raw/export" or key:"tables/agent"').success

    listed = moto.client().list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/")["Contents"]
    keys = [entry["Key"] for entry in listed]
    assert {key.removeprefix(f"{prefix}/").partition("/")[0] for key in keys} >= {"raw", "tables", "rejects", ".locks"}
    assert {kept(moto, key)[0] for key in keys} == {"AES256"}
    assert {kept(moto, key)[2] for key in keys if "/.locks/" not in key} == {"STANDARD_IA"}


def test_no_door_to_the_warehouse_forgets_them() -> None:
    """What opens it for writing hands the settings on; the catalog's own only reads, a scratch one is no bucket."""
    package = Path(salted_assets.__file__).parent
    opened = [
        (path.relative_to(package).as_posix(), call)
        for path in package.rglob("*.py")
        for call in re.findall(r"(?<![\w.])Warehouse\(([^()]+)\)", path.read_text())
    ]
    assert {path for path, call in opened if "options=options" in call} == {"cli/options.py", "defs/resources.py"}
    assert {path for path, call in opened if "options=options" not in call} == {
        "cli/scratch_scores.py",
        "output/catalog/catalog_file.py",
    }
