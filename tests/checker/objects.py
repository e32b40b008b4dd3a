"""Objects: from S3, or from the directory of a demo."""

import configparser
from pathlib import Path
from typing import Protocol


class Objects(Protocol):
    def get(self, bucket: str, key: str) -> bytes | None:
        """A whole object; None where there is none, or none that may be read."""
        ...


class DirectoryObjects:
    """`DIR/objects/<bucket>/<key>`."""

    def __init__(self, directory: Path) -> None:
        self._directory = (directory / "objects").resolve()

    def get(self, bucket: str, key: str) -> bytes | None:
        path = (self._directory / bucket / key).resolve()
        # A forged pointer must not read the machine's files.
        if not path.is_relative_to(self._directory) or not path.is_file():
            return None
        return path.read_bytes()


class S3Objects:
    """An S3 API, as the principal of a credentials file."""

    def __init__(self, endpoint: str, region: str, credentials_file: Path) -> None:
        import boto3
        from botocore.config import Config

        access_key_id, secret_access_key = read_credentials(credentials_file)
        self._client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name=region,
            aws_access_key_id=access_key_id,
            aws_secret_access_key=secret_access_key,
            config=Config(s3={"addressing_style": "path"}),
        )

    def get(self, bucket: str, key: str) -> bytes | None:
        from botocore.exceptions import ClientError

        try:
            body: bytes = self._client.get_object(Bucket=bucket, Key=key)["Body"].read()
            return body
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status in (403, 404) and error.response["Error"]["Code"] != "NoSuchBucket":
                return None
            raise


def read_credentials(path: Path) -> tuple[str, str]:
    """One profile of an AWS credentials file, with or without its `[name]` line."""
    text = path.read_text()
    if not any(line.strip().startswith("[") for line in text.splitlines()):
        text = "[default]\n" + text
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    profile = parser[parser.sections()[0]]
    return profile["aws_access_key_id"], profile["aws_secret_access_key"]
