"""A real S3 server on loopback, by moto."""

import contextlib
import logging
from collections.abc import Iterator

import pytest

from src.config.source_schema import Http

BUCKET = "photos-of-tests"
HTTP = Http(
    connect_timeout=5,
    read_timeout=5,
    retries=2,
    backoff=0.01,
    longest_wait=0.01,
    user_agent="tests",
)


@contextlib.contextmanager
def s3_server() -> Iterator[str]:
    """Serve an empty bucket, which this process's environment points to; yield its address."""
    import boto3
    import s3fs
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ACCESS_KEY_ID": "key-of-tests",
            "AWS_SECRET_ACCESS_KEY": "secret-of-tests",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            patch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        try:
            yield f"s3://{BUCKET}"
        finally:
            s3fs.S3FileSystem.clear_instance_cache()
            server.stop()
