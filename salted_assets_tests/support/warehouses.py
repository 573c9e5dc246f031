"""The way to a fresh prefix on an S3 server."""

from uuid import uuid4

import pytest

from benchmarks.deployment.s3_server import BUCKET, S3Server


def reach(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return f"s3://{BUCKET}/{uuid4().hex}/below"
