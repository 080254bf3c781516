"""List every photo of the clothing set with its size and digest: data/clothing_photos.txt.gz.

    python data/make_clothing_listing.py clothing-dataset-small.tar.gz

The archive comes from the address in helpers/photos.py, a fixed commit of its repository. Prints
the digest of the listing, which goes into helpers/photos.py.
"""

import gzip
import hashlib
import sys
import tarfile
from pathlib import Path, PurePosixPath

LISTING = Path(__file__).resolve().parent / "clothing_photos.txt.gz"


def listing(archive: Path) -> str:
    """One line a photo, sorted: path, size in bytes, the first 32 digits of its SHA-256."""
    lines = []
    with tarfile.open(archive) as tar:
        for member in tar:
            path = PurePosixPath(*PurePosixPath(member.name).parts[1:])
            if member.isfile() and path.suffix == ".jpg":
                content = tar.extractfile(member).read()
                lines.append(f"{path} {len(content)} {hashlib.sha256(content).hexdigest()[:32]}")
    return "".join(line + "\n" for line in sorted(lines))


def main(archive: str) -> None:
    """Write the listing of an archive and print its digest."""
    text = listing(Path(archive)).encode()
    LISTING.write_bytes(gzip.compress(text, mtime=0))
    print(
        len(text.splitlines()), "photos, SHA-256 of the listing:", hashlib.sha256(text).hexdigest()
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
