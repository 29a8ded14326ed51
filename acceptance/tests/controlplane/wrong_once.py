"""Every operation of the App Mesh API with each of its fields wrong once: python wrong_once.py URL FILE.

What there is to get wrong is read from botocore's model of the service (operations, members, bounds) and from the file:
{"specs": {"virtualNode": [...]}, "broken": [{"kind", "spec", "tags", "code", "pointer"}, ...]}, where `specs` are right, and each
of `broken` breaks one constraint of our own schema. Every request must be refused as a BadRequestException that names the
field, and what is stored stays as it is.
"""

import copy
import http.client
import json
import re
import sys
import urllib.parse

import botocore.session

URL, FILE = sys.argv[1:3]
PREFIX = "/v20190125"
with open(FILE) as file:
    given = json.load(file)
model = botocore.session.get_session().get_service_model("appmesh")
connection = http.client.HTTPConnection(urllib.parse.urlsplit(URL).netloc)
PARENTS = {"route": ("virtualRouter", "virtualRouterName"), "gatewayRoute": ("virtualGateway", "virtualGatewayName")}
KINDS = ["mesh", "virtualNode", "virtualRouter", "virtualService", "virtualGateway", "route", "gatewayRoute"]
# Names that a path cannot have: empty, no UTF-8, with control characters or slashes, too long, steps of the path.
NAMES = ["", "%FF", "%C3%28", "%00", "%0A", "%2F", "a%2Fb", "..%2F..%2Fetc", "a" * 256, ".", "..", "%2e%2e", "%2E"]
# What App Mesh's model bounds and we do not, with the reason.
LAXER = {
    # The schema has the value that App Mesh's tools and hashicorp/aws fill in.
    ("spec.egressFilter", "without type"),
    # hashicorp/aws lets it be left out: the route then takes every call.
    ("spec.grpcRoute", "without match"),
}
failures, fields, count = [], set(), 0


def ask(method, path, body=None):
    """Status, kind of error, and what is answered."""
    connection.request(method, path, None if body is None else json.dumps(body))
    answer = connection.getresponse()
    return answer.status, answer.getheader("x-amzn-errortype"), json.loads(answer.read())


def capital(name):
    return name[0].upper() + name[1:]


def operation(name):
    return model.operation_model(name)


def request(name, values):
    """Method, path and body of an operation with these members. The path's are sent as they stand."""
    wanted = operation(name)
    path, query, body = wanted.http["requestUri"], [], {}
    for member, value in values.items():
        place = wanted.input_shape.members[member].serialization if member in wanted.input_shape.members else {}
        match place.get("location"):
            case "uri":
                path = path.replace("{%s}" % place["name"], value)
            case "querystring":
                query.append(f"{place['name']}={value}")
            case _:
                body[member] = value
    path += "?" + "&".join(query) if query else ""
    return wanted.http["method"], path, body if wanted.http["method"] == "PUT" else None


def refused(name, values, what, names, code=""):
    """That a request is refused, and that the message has each of these."""
    global count
    count += 1
    status, kind, answer = ask(*request(name, values))
    message = answer.get("message", "") if isinstance(answer, dict) else ""
    if (status, kind) != (400, "BadRequestException") or not all(part in message for part in [*names, code]):
        failures.append(f"{name}, {what}: {status} {kind} {message or answer}; expected 400 with {names} {code}")


# === Values ===


def wrong(shape):
    """Values that a shape does not take."""
    types = {"string": 7, "boolean": "true", "structure": [], "list": {}, "integer": "80", "long": "80"}
    yield "type", types[shape.type_name]
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    match shape.type_name:
        case "string":
            if shape.enum:
                yield "choice", "neither"
                return
            if least:
                yield "too short", "a" * (least - 1)
            if most:
                yield "too long", "a" * (most + 1)
            if "pattern" in shape.metadata:
                yield "form", "\x01"
        case "integer" | "long":
            yield "fraction", 1.5
            if least is not None:
                yield "too small", least - 1
            yield "too large", 2**70 if most is None else most + 1
        case "list":
            if least:
                yield "too short", []


def text_of(path):
    """A path as messages have it: spec.listeners[0].portMapping."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def place(path):
    return re.sub(r"\[\d+\]", "[]", text_of(path))


def put(values, path, value):
    changed = copy.deepcopy(values)
    at = changed
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return changed


def without(values, path):
    changed = copy.deepcopy(values)
    at = changed
    for step in path[:-1]:
        at = at[step]
    del at[path[-1]]
    return changed


def members(shape, path=()):
    """Every place below a shape."""
    if shape.type_name == "structure":
        for name, inner in shape.members.items():
            yield place([*path, name])
            yield from members(inner, [*path, name])
    elif shape.type_name == "list":
        yield from members(shape.member, [*path, 0])


def break_once(name, values, shape, path, done):
    """Each mistake at a place and below it that was not made before."""
    value = values
    for step in path:
        value = value[step]

    def once(what, changed, *names):
        if (place(path), what) not in done:
            done.add((place(path), what))
            if (place(path), what) not in LAXER:
                refused(name, changed, f"{place(path)}: {what}", names)

    if path:
        fields.add((name, place(path)))
        for what, bad in wrong(shape):
            once(what, put(values, path, bad), text_of(path))
        most = shape.metadata.get("max")
        if shape.type_name == "list" and most and value:
            once("too long", put(values, path, [value[0]] * (most + 1)), text_of(path))
    if shape.type_name == "structure":
        once("unknown", put(values, [*path, "misspelt"], 1), text_of([*path, "misspelt"]))
        for member, inner in shape.members.items():
            if member not in value or inner.serialization.get("location"):
                continue
            if member in shape.required_members:
                once(f"without {member}", without(values, [*path, member]), text_of(path), member)
            break_once(name, values, inner, [*path, member], done)
    elif shape.type_name == "list":
        for index in range(len(value)):
            break_once(name, values, shape.member, [*path, index], done)


# === What is there ===


def collection(kind):
    parent, field = PARENTS.get(kind, (None, None))
    if kind == "mesh":
        return f"{PREFIX}/meshes"
    inner = f"/{parent}/there" if parent else ""
    return f"{PREFIX}/meshes/there{inner}/{kind}s"


def stored():
    """All that the server has."""
    found = {}
    for kind in KINDS:
        status, _, listed = ask("GET", collection(kind))
        assert status == 200, (kind, listed)
        for item in next(iter(listed.values())):
            name = item[f"{kind}Name"]
            found[kind, name] = ask("GET", f"{collection(kind)}/{name}")
            found[item["arn"]] = ask("GET", f"{PREFIX}/tags?resourceArn={urllib.parse.quote(item['arn'])}")
    return found


for kind in KINDS:
    body = {f"{kind}Name": "there", "spec": given["specs"][kind][0], "tags": [{"key": "a", "value": "b"}]}
    status, _, answer = ask("PUT", collection(kind), body)
    assert status == 200, (kind, answer)
before = stored()
assert len(before) == 2 * len(KINDS)

# === Every operation ===

for name in model.operation_names:
    shape = operation(name).input_shape
    where = {member: inner.serialization.get("location") for member, inner in shape.members.items()}
    arn = "arn:aws:appmesh:us-east-1:000000000000:mesh/there"
    right = {member: "there" for member, place_of in where.items() if place_of == "uri"}
    if "resourceArn" in where:
        right["resourceArn"] = arn
    kind = next((one for one in KINDS if name in [f"Create{capital(one)}", f"Update{capital(one)}"]), None)
    bodies = [right]
    if kind:
        bodies = [right | {"spec": spec, "clientToken": "token"} for spec in given["specs"][kind]]
    if name.startswith("Create"):
        bodies = [body | {f"{kind}Name": "new", "tags": [{"key": "a", "value": "b"}]} for body in bodies]
    if name == "TagResource":
        bodies = [right | {"tags": [{"key": "a", "value": "b"}]}]
    if name == "UntagResource":
        bodies = [right | {"tagKeys": ["a"]}]
    for member in right:
        if where[member] == "uri":
            for bad in NAMES:
                refused(name, bodies[0] | {member: bad}, f"{member} {bad}", [f"{member}: "])
        else:
            for bad in ["", "there", "arn:aws:appmesh:us-east-1:000000000000:mesh/", "%FF"]:
                refused(name, bodies[0] | {member: bad}, f"{member} {bad}", [f"{member}: "])
            refused(name, without(bodies[0], [member]), f"without {member}", [f"{member}: "])
        fields.add((name, member))
    queries = {
        "limit": ["", "0", str((shape.members["limit"].metadata["max"] if "limit" in where else 0) + 1), "x", "-1", "1.5", "%FF"],
        "nextToken": ["", "x", "%FF", "a" * 5000],
        "meshOwner": ["", "1", "1" * 11, "1" * 13, "a" * 12, "%FF"],
    }
    for member in set(queries) & {member for member, place_of in where.items() if place_of == "querystring"}:
        fields.add((name, member))
        for bad in queries[member]:
            refused(name, bodies[0] | {member: bad}, f"{member} {bad}", [f"{member}: "])
    done = set()
    for body in bodies if any(place_of is None for place_of in where.values()) else []:
        break_once(name, body, shape, [], done)
    missing = set(members(shape)) - {field for of, field in fields if of == name}
    assert not missing, f"{name}: nobody got {sorted(missing)} wrong"

# === Our own constraints ===

for one in given["broken"]:
    kind, pointer = one["kind"], one["pointer"]
    steps = [int(step) if step.isdigit() else step for step in pointer.split("/")[1:]]
    of = {"meshName": "there"} if kind != "mesh" else {}
    if kind in PARENTS:
        of[PARENTS[kind][1]] = "there"
    body = {"spec": one["spec"], "tags": one["tags"]}
    body = {member: value for member, value in body.items() if value is not None}
    what = f"{one['what']}"
    refused(f"Create{capital(kind)}", of | {f"{kind}Name": "new"} | body, what, [text_of(steps)], f"[{one['code']}]")
    if steps[:1] != ["tags"]:
        body.pop("tags", None)
        refused(f"Update{capital(kind)}", of | {f"{kind}Name": "there"} | body, what, [text_of(steps)], f"[{one['code']}]")

assert not failures, f"{len(failures)} of {count}:\n" + "\n".join(failures)
assert stored() == before, "something that is stored was changed"
print(f"{len(model.operation_names)} operations, {len(fields)} fields, {count} wrong requests")
