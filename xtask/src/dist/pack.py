"""Packs release archives: stdin is a JSON list of archives, each `{"path", "members": [{"name", "from", "mode"}]}`,
stdout is one line of `SHA256  NAME` for each of them and for each other file named in `also`.

The same bytes in give the same archive: no dates, no owners, the members in the order given.
"""

import hashlib
import json
import sys
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


def main():
    order = json.load(sys.stdin)
    paths = []
    for archive in order["archives"]:
        pack(archive["path"], archive["members"])
        paths.append(archive["path"])
    for path in sorted(paths + order["also"]):
        with open(path, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        print(f"{digest}  {path.replace(chr(92), '/').rsplit('/', 1)[-1]}")


main()
