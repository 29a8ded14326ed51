"""Writes images as an OCI image layout, without Docker: stdin is JSON,

    {"out": DIR, "version": V, "images": [{"name", "architecture", "config": {...}, "base": LAYOUT or null,
     "layer": [{"path", "mode", "from": FILE} or {"path", "mode", "owner": UID}]}]}

where an entry of a layer without `from` is a folder. stdout is one line of `DIGEST  NAME` for each image.

The same bytes in give the same layout: no dates, no names of users, entries in the order of their paths. A base is a
layout with one image for that architecture; its layers come first and its configuration is what ours goes over.
"""

import gzip
import hashlib
import io
import json
import os
import shutil
import sys
import tarfile

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
EPOCH = "1970-01-01T00:00:00Z"


def layer(entries):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        made = set()
        for entry in sorted(entries, key=lambda entry: entry["path"]):
            parts = entry["path"].split("/")
            for length in range(1, len(parts)):
                parent = "/".join(parts[:length])
                if parent not in made:
                    made.add(parent)
                    tar.addfile(folder(parent, "755", 0))
            if "from" in entry:
                with open(entry["from"], "rb") as source:
                    content = source.read()
                info = tarfile.TarInfo(entry["path"])
                info.mode, info.size = int(entry["mode"], 8), len(content)
                tar.addfile(info, io.BytesIO(content))
            else:
                made.add(entry["path"])
                tar.addfile(folder(entry["path"], entry["mode"], entry.get("owner", 0)))
    return packed.getvalue()


def folder(path, mode, owner):
    info = tarfile.TarInfo(path)
    info.type, info.mode = tarfile.DIRTYPE, int(mode, 8)
    info.uid = info.gid = owner
    return info


class Layout:
    def __init__(self, place):
        self.blobs = os.path.join(place, "blobs", "sha256")
        os.makedirs(self.blobs, exist_ok=True)
        self.place = place
        self.manifests = []

    def put(self, content, media_type):
        digest = hashlib.sha256(content).hexdigest()
        with open(os.path.join(self.blobs, digest), "wb") as blob:
            blob.write(content)
        return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(content)}

    def finish(self):
        with open(os.path.join(self.place, "oci-layout"), "wb") as file:
            file.write(text({"imageLayoutVersion": "1.0.0"}))
        with open(os.path.join(self.place, "index.json"), "wb") as file:
            file.write(text({"schemaVersion": 2, "manifests": self.manifests}))


def text(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def read_base(place, architecture):
    """The image of a layout for an architecture: its manifest and its configuration."""

    def blob(descriptor):
        return json.loads(open(path_of(place, descriptor), "rb").read())

    found = json.load(open(os.path.join(place, "index.json"), "rb"))["manifests"]
    while found:
        descriptor = found.pop(0)
        value = blob(descriptor)
        if "manifests" in value:
            found.extend(value["manifests"])
            continue
        config = blob(value["config"])
        if config.get("os") == "linux" and config.get("architecture") == architecture:
            return value, config
    sys.exit(f"{place} holds no image for linux/{architecture}")


def path_of(place, descriptor):
    algorithm, digest = descriptor["digest"].split(":")
    return os.path.join(place, "blobs", algorithm, digest)


def image(layout, order, version):
    layers, diff_ids, history, config = [], [], [], {}
    if order.get("base"):
        manifest, below = read_base(order["base"], order["architecture"])
        for descriptor in manifest["layers"]:
            copy = os.path.join(layout.blobs, descriptor["digest"].split(":")[1])
            shutil.copyfile(path_of(order["base"], descriptor), copy)
        layers = [{key: one[key] for key in ("mediaType", "digest", "size")} for one in manifest["layers"]]
        diff_ids, history = below["rootfs"]["diff_ids"], below.get("history", [])
        config = below.get("config", {})
    packed = layer(order["layer"])
    layers.append(layout.put(gzip.compress(packed, compresslevel=9, mtime=0), LAYER))
    diff_ids = diff_ids + ["sha256:" + hashlib.sha256(packed).hexdigest()]
    history = history + [{"created": EPOCH, "created_by": "cargo xtask dist --oci"}]
    described = layout.put(
        text(
            {
                "architecture": order["architecture"],
                "os": "linux",
                "created": EPOCH,
                "config": {**config, **order["config"]},
                "rootfs": {"type": "layers", "diff_ids": diff_ids},
                "history": history,
            }
        ),
        CONFIG,
    )
    manifest = layout.put(
        text(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": described,
                "layers": layers,
                "annotations": {
                    "org.opencontainers.image.title": order["name"],
                    "org.opencontainers.image.version": version,
                    "org.opencontainers.image.licenses": "Apache-2.0",
                },
            }
        ),
        MANIFEST,
    )
    manifest["platform"] = {"os": "linux", "architecture": order["architecture"]}
    manifest["annotations"] = {"org.opencontainers.image.ref.name": f"{order['name']}-{order['architecture']}"}
    layout.manifests.append(manifest)
    print(f"{manifest['digest']}  {order['name']}-{order['architecture']}")


def main():
    order = json.load(sys.stdin)
    layout = Layout(order["out"])
    for one in order["images"]:
        image(layout, one, order["version"])
    layout.finish()


main()
