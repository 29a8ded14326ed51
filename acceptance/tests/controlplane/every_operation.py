"""Every operation of the App Mesh API through botocore, with the resources of a file.

The file holds a list of {"kind": "virtualNode", "specs": [...]}. What is created is described equal, updated, listed by
pages, tagged and deleted; every answer has what the service's model requires.
"""

import json
import sys

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

URL, FILE = sys.argv[1:3]
session = botocore.session.get_session()
session.set_credentials("any", "any")
client = session.create_client(
    "appmesh",
    endpoint_url=URL,
    region_name="eu-west-1",
    config=Config(retries={"max_attempts": 0}, parameter_validation=True),
)
model = client.meta.service_model
called = set()


def call(operation, **parameters):
    called.add(operation)
    answer = client._make_api_call(operation, parameters)
    answer.pop("ResponseMetadata")
    complete(model.operation_model(operation).output_shape, answer, operation)
    # botocore takes the only member of an answer's payload out.
    return next(iter(answer.values())) if len(answer) == 1 and "List" not in operation else answer


def complete(shape, value, where):
    """Whether a value has every member that its shape requires."""
    if shape.type_name == "structure":
        for name in shape.required_members:
            assert name in value, f"{where}: {name} is missing"
        for name, inner in value.items():
            assert name in shape.members, f"{where}: {name} is not of the API"
            complete(shape.members[name], inner, f"{where}.{name}")
    elif shape.type_name == "list":
        for inner in value:
            complete(shape.member, inner, where)


def letters(kind):
    return kind[0].upper() + kind[1:]


def bare(spec):
    """Without empty lists, which say nothing."""
    if isinstance(spec, dict):
        return {name: bare(value) for name, value in spec.items() if value not in ([], None)}
    if isinstance(spec, list):
        return [bare(value) for value in spec]
    return spec


def same(sent, found, where):
    """Whether what was sent came back; what App Mesh fills in may be there besides."""
    if isinstance(sent, dict):
        for name, value in sent.items():
            assert name in found, f"{where}.{name} did not come back: {found}"
            same(value, found[name], f"{where}.{name}")
    elif isinstance(sent, list):
        assert len(sent) == len(found), f"{where}: {sent} != {found}"
        rest = list(found)
        for value in sent:
            for other in rest:
                try:
                    same(value, other, where)
                except AssertionError:
                    continue
                rest.remove(other)
                break
            else:
                raise AssertionError(f"{where}: {value} is not in {found}")
    else:
        assert sent == found, f"{where}: {sent!r} != {found!r}"


def names(kind, name):
    of = {"meshName": "apps"}
    if kind == "route":
        of["virtualRouterName"] = "parent"
    if kind == "gatewayRoute":
        of["virtualGatewayName"] = "parent"
    of[f"{kind}Name"] = name
    return of


with open(FILE) as file:
    kinds = json.load(file)

call("CreateMesh", meshName="apps")
port = {"portMapping": {"port": 1, "protocol": "http"}}
for kind in ["VirtualRouter", "VirtualGateway"]:
    name = kind[0].lower() + kind[1:] + "Name"
    call(f"Create{kind}", meshName="apps", spec={"listeners": [port]}, **{name: "parent"})

count = 0
for group in kinds:
    kind, verb = group["kind"], letters(group["kind"])
    plural = "Meshes" if kind == "mesh" else verb + "s"
    made = []
    for index, spec in enumerate(group["specs"]):
        of = names(kind, f"n{index:04}")
        created = call(f"Create{verb}", spec=spec, tags=[{"key": "a", "value": "b"}], **of)
        described = call(f"Describe{verb}", **of)
        assert created == described, (created, described)
        same(bare(spec), described["spec"], f"{kind} {index}")
        assert described["metadata"]["version"] == 1
        other = group["specs"][(index + 1) % len(group["specs"])]
        updated = call(f"Update{verb}", spec=other, **of)
        same(bare(other), updated["spec"], f"{kind} {index} updated")
        assert updated["metadata"]["version"] == 2
        assert updated["metadata"]["uid"] == created["metadata"]["uid"]
        made.append((of, updated))
        count += 1
    # By pages, with what was there before.
    listed, token = [], None
    collection = {name: value for name, value in names(kind, "").items() if name != f"{kind}Name"}
    while True:
        page = call(f"List{plural}", limit=7, **collection, **({"nextToken": token} if token else {}))
        items = next(value for name, value in page.items() if name != "nextToken")
        assert 0 < len(items) <= 7
        listed += [item[f"{kind}Name"] for item in items]
        token = page.get("nextToken")
        if not token:
            break
    assert listed == sorted(set(listed)), listed
    assert {of[f"{kind}Name"] for of, _ in made} <= set(listed)
    for of, data in made:
        arn = data["metadata"]["arn"]
        call("TagResource", resourceArn=arn, tags=[{"key": "c", "value": "d"}, {"key": "a", "value": "e"}])
        tags = {tag["key"]: tag["value"] for tag in call("ListTagsForResource", resourceArn=arn)["tags"]}
        assert tags == {"a": "e", "c": "d"}, tags
        call("UntagResource", resourceArn=arn, tagKeys=["a"])
        tags = call("ListTagsForResource", resourceArn=arn)["tags"]
        assert tags == [{"key": "c", "value": "d"}], tags
        again = call(f"Describe{verb}", **of)
        assert again["metadata"]["version"] == 2, "tags are no part of a version"
        gone = call(f"Delete{verb}", **of)
        assert gone["status"]["status"] == "DELETED", gone
        try:
            call(f"Describe{verb}", **of)
            raise AssertionError(f"{of} is still there")
        except ClientError as error:
            assert error.response["Error"]["Code"] == "NotFoundException", error
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 404

missing = set(model.operation_names) - called
assert not missing, f"not called: {sorted(missing)}"
print(f"{len(called)} operations, {count} resources")
