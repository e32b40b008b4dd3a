"""Raw lines of archives: JSON lines, plain or packed."""

import gzip
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Iterable, Iterator

if sys.version_info >= (3, 14):
    from compression.zstd import decompress as zstd_decompress
else:
    from backports.zstd import decompress as zstd_decompress

SUFFIXES = (".json", ".jsonl", ".ndjson")


def lines_of(paths: Iterable[Path]) -> Iterator[bytes]:
    """Every line of every file, directories in the order of their names."""
    for path in paths:
        if path.is_dir():
            yield from lines_of(sorted(path.iterdir()))
        else:
            yield from file_lines(path)


def file_lines(path: Path) -> Iterator[bytes]:
    name = path.name.lower()
    if name.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if is_log(member.filename):
                    yield from split(archive.read(member))
    elif name.endswith((".tar.gz", ".tgz")):
        with tarfile.open(path) as archive:
            for item in archive:
                file = archive.extractfile(item) if item.isfile() else None
                if file and is_log(item.name):
                    yield from split(file.read())
    elif name.endswith(".gz"):
        yield from split(gzip.decompress(path.read_bytes()))
    elif name.endswith(".zst"):
        yield from split(zstd_decompress(path.read_bytes()))
    else:
        yield from split(path.read_bytes())


def is_log(member: str) -> bool:
    """Whether a member of an archive holds lines; macOS adds attributes under the same names."""
    name = member.rsplit("/", 1)[-1]
    is_litter = name.startswith("._") or member.startswith("__MACOSX/")
    return name.lower().endswith(SUFFIXES) and not is_litter


def split(content: bytes) -> Iterator[bytes]:
    """Lines without their breaks; blank ones hold no record."""
    content = content.removeprefix(b"\xef\xbb\xbf")
    for line in content.split(b"\n"):
        line = line.removesuffix(b"\r")
        if line.strip():
            yield line
