"""The API key out of AWS: read again each time, every trouble a named error, and nowhere in any log."""

import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from benchmarks.deployment.s3_server import S3Server
from salted_assets.defs.resources import connect_vendor
from salted_assets.salted_cx import ApiKeyUnusable, ApiUnavailable, ClientConfig
from salted_assets.salted_cx.key_secret import KeySecret
from salted_assets.simulator import SimulatorOptions, running_simulator

pytestmark = pytest.mark.slow

KEY = "sk-9f2c-not-to-be-found-anywhere"
PLACES = ["secretsmanager:salted/key", "ssm:/salted/key"]


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    try:
        host, port = moto.get_host_and_port()
        yield S3Server(f"http://{host}:{port}")
    finally:
        moto.stop()


@pytest.fixture
def aws(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """AWS with the key in both places."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    for uri in PLACES:
        keep(uri, KEY)
    keeper = client("secretsmanager")
    yield server
    keeper.delete_secret(SecretId="salted/key", ForceDeleteWithoutRecovery=True)


def client(service: str) -> Any:
    return boto3.Session().client(service)  # type: ignore[call-overload]  # a name known at run time


def keep(uri: str, value: str) -> None:
    service, _, name = uri.partition(":")
    if service == "ssm":
        client("ssm").put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)
    elif [each for each in client("secretsmanager").list_secrets()["SecretList"] if each["Name"] == name]:
        client("secretsmanager").put_secret_value(SecretId=name, SecretString=value)
    else:
        client("secretsmanager").create_secret(Name=name, SecretString=value)


@pytest.mark.parametrize("uri", PLACES)
def test_the_key_is_read_each_time_and_kept_by_no_object(aws: S3Server, uri: str) -> None:
    assert aws
    secret = KeySecret(uri)
    assert secret.read() == KEY
    keep(uri, "rotated")

    assert secret.read() == "rotated"
    assert "rotated" not in repr(secret) + repr(vars(secret))


@pytest.mark.parametrize("uri", PLACES)
def test_boto3_logs_nothing_of_it(aws: S3Server, caplog: pytest.LogCaptureFixture, uri: str) -> None:
    assert aws
    with caplog.at_level(logging.DEBUG):
        KeySecret(uri).read()
        assert KEY not in caplog.text
        client("s3").list_buckets()

    assert "botocore" in {record.name.partition(".")[0] for record in caplog.records}


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("secretsmanager:other", "secretsmanager:other: ResourceNotFoundException"),
        ("ssm:other", "ssm:other: ParameterNotFound"),
    ],
)
def test_a_secret_that_is_not_there_is_for_the_operator(aws: S3Server, uri: str, said: str) -> None:
    assert aws
    with pytest.raises(ApiKeyUnusable) as caught:
        KeySecret(uri).read()

    assert said in str(caught.value)
    assert "SALTED_API_KEY_SECRET" in str(caught.value)
    assert not caught.value.retryable


def test_a_document_with_the_key_somewhere_in_it_is_refused_without_showing_it(aws: S3Server) -> None:
    assert aws
    keep(PLACES[0], f'{{"key": "{KEY}"}}')

    with pytest.raises(ApiKeyUnusable, match="holds JSON") as caught:
        KeySecret(PLACES[0]).read()
    assert KEY not in str(caught.value)


def test_missing_credentials_and_regions_are_for_the_operator(aws: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    assert aws
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(ApiKeyUnusable, match="NoRegionError"):
        KeySecret(PLACES[0]).read()

    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(ApiKeyUnusable, match="NoCredentialsError"):
        KeySecret(PLACES[0]).read()


def test_aws_that_does_not_answer_is_asked_again_later(aws: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    assert aws
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    with pytest.raises(ApiUnavailable, match="EndpointConnectionError") as caught:
        KeySecret(PLACES[1]).read()
    assert caught.value.retryable


def test_a_rotated_key_is_used_from_the_next_request_on(aws: S3Server, tmp_path: Path) -> None:
    assert aws
    with (
        running_simulator(tmp_path / "exports.sqlite", SimulatorOptions(key="rotated")) as vendor,
        connect_vendor(vendor.url, "SALTED_API_KEY", ClientConfig(), key_secret=PLACES[0]) as export,
    ):
        with pytest.raises(Exception, match=f"Check {PLACES[0]}: the vendor does not accept its value") as caught:
            export.history()
        assert KEY not in str(caught.value)
        keep(PLACES[0], "rotated")
        assert export.history() == []
