"""Packs release archives and Debian packages: stdin is JSON with `archives`, each
`{"path", "members": [{"name", "from", "mode"}]}`, and `debs`, which have a `control` text too; stdout is one line of
`SHA256  NAME` for each of them and for each other file named in `also`.

The same bytes in give the same archive: no dates, no owners, the members in the order given.
"""

import gzip
import hashlib
import io
import json
import sys
import tarfile
import zipfile

EPOCH = (1980, 1, 1, 0, 0, 0)


def pack(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for member in members:
            info = zipfile.ZipInfo(member["name"], EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3
            info.external_attr = (0o100000 | int(member["mode"], 8)) << 16
            with open(member["from"], "rb") as source:
                archive.writestr(info, source.read())


def tar(files):
    """A compressed tar of `(name, mode, bytes)`, with the folders that they lie in."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT) as archive:
        folders = set()
        for name, mode, data in files:
            parts = name.split("/")[:-1]
            for depth in range(len(parts)):
                folder = "./" + "/".join(parts[: depth + 1])
                if folder not in folders:
                    folders.add(folder)
                    info = tarfile.TarInfo(folder)
                    info.type, info.mode, info.uname, info.gname = tarfile.DIRTYPE, 0o755, "root", "root"
                    archive.addfile(info)
            info = tarfile.TarInfo("./" + name)
            info.size, info.mode, info.uname, info.gname = len(data), mode, "root", "root"
            archive.addfile(info, io.BytesIO(data))
    return gzip.compress(raw.getvalue(), 9, mtime=0)


def deb(path, control, members):
    files = []
    for member in members:
        with open(member["from"], "rb") as source:
            files.append((member["name"], int(member["mode"], 8), source.read()))
    size = sum(len(data) for _, _, data in files) // 1024
    control = control.replace("Description:", f"Installed-Size: {size}\nDescription:")
    sums = "".join(f"{hashlib.md5(data).hexdigest()}  {name}\n" for name, _, data in files)
    parts = [
        ("debian-binary", b"2.0\n"),
        ("control.tar.gz", tar([("control", 0o644, control.encode()), ("md5sums", 0o644, sums.encode())])),
        ("data.tar.gz", tar(files)),
    ]
    with open(path, "wb") as archive:
        archive.write(b"!<arch>\n")
        for name, data in parts:
            archive.write(f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode())
            archive.write(data + b"\n" * (len(data) % 2))


def main():
    order = json.load(sys.stdin)
    paths = []
    for package in order["debs"]:
        deb(package["path"], package["control"], package["members"])
        paths.append(package["path"])
    for archive in order["archives"]:
        pack(archive["path"], archive["members"])
        paths.append(archive["path"])
    for path in sorted(paths + order["also"]):
        with open(path, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        print(f"{digest}  {path.replace(chr(92), '/').rsplit('/', 1)[-1]}")


main()
