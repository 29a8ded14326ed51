"""Every operation of the App Mesh API through the AWS CLI, in one process: python aws_cli.py URL.

Requests go in by --cli-input-json and by options; lists come by the CLI's own pagination.
"""

from aws_command import appmesh

called = set()


def aws(operation, *options, **rest):
    called.add(operation)
    return appmesh(operation, *options, **rest)


port = {"portMapping": {"port": 80, "protocol": "http"}}
target = {"weightedTargets": [{"virtualNode": "n", "weight": 1}]}
to_service = {"target": {"virtualService": {"virtualServiceName": "s.local"}}}
# What there is: its plural in lists, its names, what it says first and then.
kinds = [
    ("mesh", "meshes", {}, {}, {"egressFilter": {"type": "ALLOW_ALL"}}),
    ("virtual-node", "virtualNodes", {"virtualNodeName": "n"}, {"listeners": [port]}, {"listeners": []}),
    ("virtual-router", "virtualRouters", {"virtualRouterName": "r"}, {"listeners": [port]}, {"listeners": [port]}),
    (
        "route",
        "routes",
        {"virtualRouterName": "r", "routeName": "to"},
        {"httpRoute": {"match": {"prefix": "/"}, "action": target}},
        {"priority": 3, "httpRoute": {"match": {"prefix": "/"}, "action": target}},
    ),
    (
        "virtual-service",
        "virtualServices",
        {"virtualServiceName": "s.local"},
        {"provider": {"virtualRouter": {"virtualRouterName": "r"}}},
        {"provider": {"virtualNode": {"virtualNodeName": "n"}}},
    ),
    ("virtual-gateway", "virtualGateways", {"virtualGatewayName": "g"}, {"listeners": [port]}, {"listeners": [port]}),
    (
        "gateway-route",
        "gatewayRoutes",
        {"virtualGatewayName": "g", "gatewayRouteName": "to"},
        {"httpRoute": {"match": {"prefix": "/"}, "action": to_service}},
        {"priority": 3, "httpRoute": {"match": {"prefix": "/"}, "action": to_service}},
    ),
]

arns = {}
for kind, plural, names, first, then in kinds:
    of = {"meshName": "apps", **names}
    inner = kind.split("-")[0] + "".join(word.title() for word in kind.split("-")[1:])
    made = aws(f"create-{kind}", spec=first, tags=[{"key": "a", "value": "b"}], **of)[inner]
    assert made == aws(f"describe-{kind}", **of)[inner], made
    assert made["status"]["status"] == "ACTIVE"
    changed = aws(f"update-{kind}", spec=then, **of)[inner]
    assert changed["metadata"]["version"] == 2, changed
    arns[kind] = made["metadata"]["arn"]
    parents = {name: value for name, value in of.items() if name != inner + "Name"}
    listed = aws(f"list-{plural if kind == 'mesh' else kind + 's'}", **({} if kind == "mesh" else parents))
    assert [one["arn"] for one in listed[plural]] == [arns[kind]], listed

# Options by themselves, as people write them.
described = aws("describe-virtual-node", "--mesh-name", "apps", "--virtual-node-name", "n")
assert described["virtualNode"]["virtualNodeName"] == "n"

# The CLI asks for page after page, and goes on where it was told to stop.
for number in range(7):
    aws("create-virtual-node", meshName="apps", virtualNodeName=f"p{number}", spec={})
whole = aws("list-virtual-nodes", "--mesh-name", "apps", "--page-size", "3")["virtualNodes"]
assert [one["virtualNodeName"] for one in whole] == ["n"] + [f"p{number}" for number in range(7)], whole
some = aws("list-virtual-nodes", "--mesh-name", "apps", "--max-items", "5")
rest = aws("list-virtual-nodes", "--mesh-name", "apps", "--starting-token", some["NextToken"])
assert some["virtualNodes"] + rest["virtualNodes"] == whole, (some, rest)

arn = arns["virtual-node"]
aws("tag-resource", "--resource-arn", arn, "--tags", "key=c,value=d")
tags = aws("list-tags-for-resource", "--resource-arn", arn)["tags"]
assert sorted(tag["key"] for tag in tags) == ["a", "c"], tags
aws("untag-resource", "--resource-arn", arn, "--tag-keys", "c")
assert [tag["key"] for tag in aws("list-tags-for-resource", "--resource-arn", arn)["tags"]] == ["a"]

aws("describe-virtual-node", meshName="apps", virtualNodeName="none", expect="NotFoundException")
aws("create-mesh", meshName="apps", expect="ConflictException")
aws("delete-mesh", meshName="apps", expect="ResourceInUseException")
dns = {"dns": {"hostname": "x.internal", "ipPreference": "IPv5"}}
wrong = {"listeners": [port], "serviceDiscovery": dns}
aws("create-virtual-node", meshName="apps", virtualNodeName="x", spec=wrong, expect="BadRequestException")

for number in range(7):
    aws("delete-virtual-node", meshName="apps", virtualNodeName=f"p{number}")
order = ["gateway-route", "virtual-gateway", "virtual-service", "route", "virtual-router", "virtual-node", "mesh"]
by_kind = {kind: names for kind, _, names, _, _ in kinds}
for kind in order:
    aws(f"delete-{kind}", meshName="apps", **by_kind[kind])
assert aws("list-meshes")["meshes"] == []
print(f"{len(called)} operations")
