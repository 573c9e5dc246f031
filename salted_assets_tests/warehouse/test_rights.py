"""The rights that the page on deploying asks for are enough for a warehouse in a bucket, and none of them is too many.

moto enforces policies once it is asked to, for every moto of the process; this is undone after each test.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import boto3
import httpx
import pytest

from benchmarks.deployment.s3_server import BUCKET, S3Server
from salted_assets.warehouse import Warehouse, WarehouseError, bucket
from salted_assets_tests.support.checkout import ROOT
from salted_assets_tests.support.warehouses import reach

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
SENTENCE = re.search(r"The role needs\s(.*?) on the prefix and `(s3:\w+)`", PAGE, re.DOTALL)
assert SENTENCE
ON_THE_PREFIX = re.findall(r"`(s3:\w+)`", SENTENCE[1])
ON_THE_BUCKET = SENTENCE[2]
LARGE = b"x" * (9 << 20)
"""More than what is uploaded in one part."""


class Role:
    """A user on the server who has these rights below the prefix, and the client that gave them."""

    def __init__(self, server: S3Server, name: str) -> None:
        self._name = name
        self._iam = boto3.Session("admin", "admin", region_name="us-east-1").client("iam", endpoint_url=server.url)
        self._iam.create_user(UserName=name)
        self.key = self._iam.create_access_key(UserName=name)["AccessKey"]

    def allow(self, prefix: str, actions: list[str]) -> None:
        below = [{"Effect": "Allow", "Action": actions, "Resource": f"arn:aws:s3:::{BUCKET}/{prefix}/*"}]
        listing = [{"Effect": "Allow", "Action": [ON_THE_BUCKET], "Resource": f"arn:aws:s3:::{BUCKET}"}]
        statements: list[dict[str, Any]] = below + listing
        policy = {"Version": "2012-10-17", "Statement": statements}
        self._iam.put_user_policy(UserName=self._name, PolicyName="warehouse", PolicyDocument=json.dumps(policy))


def enforce(server: S3Server, unchecked_requests: str) -> None:
    httpx.post(f"{server.url}/moto-api/reset-auth", content=unchecked_requests).raise_for_status()


@pytest.fixture
def prefix(moto: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    return reach(moto, monkeypatch).removeprefix(f"s3://{BUCKET}/")


@pytest.fixture
def role(moto: S3Server, prefix: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Role]:
    role = Role(moto, prefix.replace("/", "-"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", role.key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", role.key["SecretAccessKey"])
    bucket._open_session.cache_clear()
    yield role
    enforce(moto, "inf")
    bucket._open_session.cache_clear()


def use(prefix: str) -> None:
    """Whatever the platform does with a warehouse."""
    warehouse = Warehouse(f"s3://{BUCKET}/{prefix}")
    for path, content in {"raw/small": b"few", "raw/large": LARGE}.items():
        warehouse.write_bytes(path, content)
        assert warehouse.read_bytes(path) == content
    assert warehouse.list_files("raw") == ["raw/large", "raw/small"]
    assert not warehouse.exists("raw/none")
    with warehouse.lock("day"):
        pass
    warehouse.delete("raw/large")


def test_the_rights_of_the_page_are_enough(moto: S3Server, role: Role, prefix: str) -> None:
    role.allow(prefix, ON_THE_PREFIX)
    enforce(moto, "0")
    use(prefix)


@pytest.mark.parametrize("action", sorted({*ON_THE_PREFIX} - {"s3:AbortMultipartUpload"}))
def test_without_one_of_them_a_warehouse_cannot_be_used(moto: S3Server, role: Role, prefix: str, action: str) -> None:
    role.allow(prefix, [each for each in ON_THE_PREFIX if each != action])
    enforce(moto, "0")
    with pytest.raises(WarehouseError):
        use(prefix)


def test_other_prefixes_are_closed(moto: S3Server, role: Role, prefix: str) -> None:
    role.allow(prefix, ON_THE_PREFIX)
    enforce(moto, "0")
    with pytest.raises(WarehouseError):
        use("elsewhere")
