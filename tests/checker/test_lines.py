"""Which members of an archive hold lines."""

import io
import tarfile
import tempfile
import unittest
import zipfile
from pathlib import Path

from lines import file_lines

MEMBERS = {
    "logs/a.json": b'{"a":1}\n\n{"a":2}\r\n',
    "__MACOSX/logs/._a.json": b"\0\5\x16\7\0\2\0\0Mac OS X\n",
    "logs/._b.json": b"\0\5\x16\7\n",
    "logs/readme.txt": b"no log\n",
}


class Lines(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def check(self, path: Path) -> None:
        self.assertEqual(list(file_lines(path)), [b'{"a":1}', b'{"a":2}'])

    def test_what_macos_adds_to_a_zip_is_no_log(self) -> None:
        path = self.directory / "a.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in MEMBERS.items():
                archive.writestr(name, content)
        self.check(path)

    def test_what_macos_adds_to_a_tar_is_no_log(self) -> None:
        path = self.directory / "a.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            for name, content in MEMBERS.items():
                item = tarfile.TarInfo(name)
                item.size = len(content)
                archive.addfile(item, io.BytesIO(content))
        self.check(path)


if __name__ == "__main__":
    unittest.main()
