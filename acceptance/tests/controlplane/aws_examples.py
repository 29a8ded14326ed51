"""The examples that AWS wrote for the App Mesh commands of its command line, each with the answer that AWS recorded:
python aws_examples.py URL.

Each example runs against a server that has what the recorded answer says was there; the answer has every value that was
recorded. Where a recording cannot be right, or App Mesh did what is done otherwise here, `RECORDED` says so.
"""

import json
import pathlib
import re
import shlex
import tempfile

import awscli
from aws_command import appmesh, run

FOLDER = pathlib.Path(awscli.__file__).parent / "examples" / "appmesh"

# What a recording says, and what is answered here, with the reason.
RECORDED = {
    # A name of gRPC metadata comes back as it was written; Envoy compares it in lower case.
    ("create-route", "route.spec.grpcRoute.match.metadata[0].name"): "myMetadata",
    # The recording is of another route, which had the shorter name.
    ("list-routes", "routes[0].arn"): "arn:aws:appmesh:us-east-1:123456789012:mesh/app1/virtualRouter/vrServiceB/route/toVnServiceB-weighted",
    # It was recorded after an update.
    ("create-virtual-service", "virtualService.metadata.version"): 1,
}

KINDS = {
    "mesh": "meshes",
    "virtual-gateway": "virtual-gateways",
    "virtual-node": "virtual-nodes",
    "virtual-router": "virtual-routers",
    "virtual-service": "virtual-services",
    "route": "routes",
    "gateway-route": "gateway-routes",
}
LISTENER = {"listeners": [{"portMapping": {"port": 80, "protocol": "http"}}]}
# Another spec of each kind, for updates before the recorded state.
OTHER = {
    "mesh": {"egressFilter": {"type": "DROP_ALL"}},
    "virtual-gateway": LISTENER,
    "virtual-node": {},
    "virtual-router": {"listeners": [{"portMapping": {"port": 81, "protocol": "http"}}]},
    "virtual-service": {},
    "route": {"tcpRoute": {"action": {"weightedTargets": [{"virtualNode": "other", "weight": 1}]}}},
}


def examples():
    """Each example: its command's words, its files, its answer (none: nothing is printed)."""
    for page in sorted(FOLDER.glob("*.rst")):
        text = page.read_text().replace("\r\n", "\n")
        starts = [found.start() for found in re.finditer(r"^\*\*.*\*\*$", text, re.M)]
        assert starts, page
        for start, end in zip(starts, starts[1:] + [len(text)]):
            yield example(page, text[start:end])


def example(page, text):
    blocks, files = [], {}
    for found in re.finditer(r"::\n\n((?:[ ]{3,}.*\n|[ ]*\n)+)", text + "\n"):
        before = text[: found.start()].rsplit("\n", 1)[-1]
        block = found.group(1)
        name = re.search(r"Contents of `*([^`:\s]+)", before)
        if name:
            files[name.group(1)] = json.loads(block)
        else:
            blocks.append(block)
    assert 1 <= len(blocks) <= 2, (page, text)
    words = shlex.split(re.sub(r"\\[ ]*\n", " ", blocks[0]))
    assert words[:2] == ["aws", "appmesh"], (page, words)
    assert len(blocks) == 2 or "produces no output" in text, (page, text)
    return words[2], words[3:], files, json.loads(blocks[1]) if len(blocks) == 2 else None


def member(kind):
    first, *rest = kind.split("-")
    return first + "".join(word.title() for word in rest)


def option(words, name):
    return words[words.index(name) + 1] if name in words else None


# === What is there before ===


def clear():
    """Nothing is there."""
    for mesh in appmesh("list-meshes")["meshes"]:
        of = {"meshName": mesh["meshName"]}
        for router in appmesh("list-virtual-routers", **of)["virtualRouters"]:
            in_router = of | {"virtualRouterName": router["virtualRouterName"]}
            for route in appmesh("list-routes", **in_router)["routes"]:
                appmesh("delete-route", routeName=route["routeName"], **in_router)
        for kind in ["virtual-gateway", "virtual-service", "virtual-router", "virtual-node"]:
            items = appmesh(f"list-{KINDS[kind]}", **of)[member(KINDS[kind])]
            name = member(kind) + "Name"
            for item in items:
                appmesh(f"delete-{kind}", **of, **{name: item[name]})
        appmesh("delete-mesh", **of)


def there(kind, names):
    """What a resource is in."""
    if kind != "mesh":
        put("mesh", {"meshName": names["meshName"]}, {})
    if kind == "route":
        put("virtual-router", {name: names[name] for name in ["meshName", "virtualRouterName"]}, LISTENER)


def put(kind, names, spec, version=1):
    """A resource, with as many updates before it as its version says."""
    there(kind, names)
    listed = appmesh(f"list-{KINDS[kind]}", **{name: value for name, value in names.items() if name != member(kind) + "Name"})
    if any(item[member(kind) + "Name"] == names[member(kind) + "Name"] for item in listed[member(KINDS[kind])]):
        return
    specs = [OTHER[kind] if step % 2 else spec for step in range(version - 1, -1, -1)]
    appmesh(f"create-{kind}", spec=specs[0], **names)
    for spec in specs[1:]:
        appmesh(f"update-{kind}", spec=spec, **names)


def prepare(operation, words, files, answer):
    verb, kind = operation.split("-", 1)
    if operation in ["tag-resource", "untag-resource", "list-tags-for-resource"]:
        tags = (answer or {}).get("tags") or [{"key": "key1", "value": "old"}]
        appmesh("create-mesh", meshName=option(words, "--resource-arn").rsplit("/", 1)[-1])
        if operation != "tag-resource":
            appmesh("tag-resource", resourceArn=option(words, "--resource-arn"), tags=tags)
        return
    if verb == "list":
        kind = next(one for one, plural in KINDS.items() if plural == kind)
        for item in next(iter(answer.values())):
            names = {name: value for name, value in item.items() if name.endswith("Name")}
            put(kind, names, OTHER[kind])
        return
    (data,) = answer.values()
    names = {name: value for name, value in data.items() if name.endswith("Name")}
    before = data["metadata"]["version"]
    match verb:
        case "create":
            there(kind, names)
        case "update":
            put(kind, names, OTHER[kind], before - 1)
        case _:
            put(kind, names, data["spec"], before)


# === What is answered ===


def compare(operation, recorded, found, where, differences):
    """Whether everything that was recorded is in what was answered."""
    if where.endswith((".uid", ".createdAt", ".lastUpdatedAt")):
        assert isinstance(found, type(recorded) if where.endswith("uid") else (str, int, float)), (where, found)
        return
    recorded = RECORDED.get((operation, where), recorded)
    if where.endswith(".arn") or where == "arn":
        # The store has one region, and the recordings are of two.
        recorded = re.sub(r":us-[a-z]+-\d:", ":us-east-1:", recorded)
    if isinstance(recorded, dict):
        for name, value in recorded.items():
            if name in found:
                compare(operation, value, found[name], f"{where}.{name}".lstrip("."), differences)
            elif value != []:
                differences.append(f"{operation}: {where}.{name} is {value}, and not answered")
        # Members that App Mesh got later are in answers and not in recordings.
        later = {"meshOwner", "resourceOwner", "createdAt", "lastUpdatedAt", "version"}
        for name in found.keys() - recorded.keys() - later:
            if found[name] != []:
                differences.append(f"{operation}: {where}.{name} is answered ({found[name]}), and not recorded")
    elif isinstance(recorded, list):
        if all(isinstance(value, str) for value in recorded):
            # Events of a retry policy and the like have no order.
            recorded, found = sorted(recorded), sorted(found)
        if len(recorded) != len(found):
            differences.append(f"{operation}: {where} has {len(recorded)}, and {found} is answered")
        for index, (one, other) in enumerate(zip(recorded, found)):
            compare(operation, one, other, f"{where}[{index}]", differences)
    elif recorded != found:
        differences.append(f"{operation}: {where} is {recorded!r}, and {found!r} is answered")


count, differences = 0, []
for operation, words, files, answer in examples():
    clear()
    prepare(operation, words, files, answer)
    with tempfile.TemporaryDirectory() as folder:
        words = list(words)
        for name, content in files.items():
            path = pathlib.Path(folder) / name
            path.write_text(json.dumps(content))
            words = [f"file://{path}" if word == f"file://{name}" else word for word in words]
        code, out, err = run(["appmesh", operation, *words])
    assert code == 0, (operation, words, err)
    if answer is None:
        assert out.strip() in ["", "{}"], (operation, out)
        tags = appmesh("list-tags-for-resource", "--resource-arn", option(words, "--resource-arn"))["tags"]
        expected = [{"key": "key1", "value": "value1"}] if operation == "tag-resource" else []
        assert tags == expected, (operation, tags)
    else:
        compare(operation, answer, json.loads(out), "", differences)
    count += 1
clear()
assert not differences, "\n".join(differences)
print(f"{count} examples")
