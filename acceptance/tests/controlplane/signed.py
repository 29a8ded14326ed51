"""Requests as AWS's clients sign them. Each line of the answer is the outcome of one."""

import os
import sys

import botocore.session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

URL = sys.argv[1]


def client(profile=None, **config):
    session = botocore.session.Session(profile=profile)
    return session.create_client(
        "appmesh", endpoint_url=URL, region_name="eu-west-1", config=Config(retries={"max_attempts": 0}, **config)
    )


def outcome(what, function, **parameters):
    try:
        function(**parameters)
        print(f"{what}: done")
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        print(f"{what}: {status} {error.response['Error']['Code']}")


outcome("unsigned", client(signature_version=UNSIGNED).list_meshes)
outcome("unknown key", client("stranger").list_meshes)
outcome("wrong secret", client("forger").list_meshes)
team = client("team")
for name in ["plain", "apps"]:
    outcome(f"create {name}", team.create_mesh, meshName=name)
outcome("query", team.list_meshes, limit=2)
outcome("tag", team.tag_resource, resourceArn=team.describe_mesh(meshName="apps")["mesh"]["metadata"]["arn"], tags=[{"key": "a b", "value": "c+d/é"}])
outcome("encoded", team.describe_virtual_service, meshName="apps", virtualServiceName="a/ü b~.local")
reader = client("reader")
outcome("reader reads", reader.describe_mesh, meshName="apps")
outcome("reader writes", reader.update_mesh, meshName="apps", spec={})
other = client("other")
outcome("another owner reads", other.describe_mesh, meshName="apps")
outcome("another owner writes", other.update_mesh, meshName="apps", spec={})
outcome("another owner deletes", other.delete_mesh, meshName="plain")
only = client("only")
outcome("of another mesh", only.describe_mesh, meshName="plain")
print("sees", [mesh["meshName"] for mesh in only.list_meshes()["meshes"]])
admin = client("admin")
outcome("administrator", admin.update_mesh, meshName="apps", spec={"egressFilter": {"type": "DROP_ALL"}})
session = client("session")
outcome("session", session.create_virtual_router, meshName="apps", virtualRouterName="r", spec={"listeners": [{"portMapping": {"port": 80, "protocol": "http"}}]})
