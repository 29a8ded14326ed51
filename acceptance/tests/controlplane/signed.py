"""Requests as AWS's clients sign them. Each line of the answer is the outcome of one."""

import datetime
import http.client
import json
import sys
import urllib.parse
import uuid

import botocore.auth
import botocore.session
from botocore import UNSIGNED
from botocore.awsrequest import AWSRequest
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
outcome("encoded", team.describe_virtual_service, meshName="apps", virtualServiceName="ü b~+.local")
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


# === Requests that somebody has seen, and sends again ===


def sign(method, path, body, minutes=0):
    """A request of the team, signed as if its time were so many minutes from now."""
    body = json.dumps(body).encode()
    request = AWSRequest(method=method, url=URL + path, data=body, headers={"content-type": "application/json"})
    now = botocore.auth.get_current_datetime
    botocore.auth.get_current_datetime = lambda *given: now(*given) + datetime.timedelta(minutes=minutes)
    credentials = botocore.session.Session(profile="team").get_credentials()
    botocore.auth.SigV4Auth(credentials, "appmesh", "eu-west-1").add_auth(request)
    botocore.auth.get_current_datetime = now
    return method, path, body, dict(request.headers.items())


def send(what, method, path, body, headers):
    address = urllib.parse.urlsplit(URL).netloc
    connection = http.client.HTTPConnection(address)
    connection.request(method, path, body, {"host": address} | headers)
    answer = connection.getresponse()
    kind, answered = answer.getheader("x-amzn-errortype"), json.loads(answer.read())
    code = answered["message"].rsplit("[", 1)[-1].rstrip("]") if kind else answered.get("metadata", {}).get("version")
    print(f"{what}: {answer.status} {kind or 'done'} {code}")
    return answered


MESHES = "/v20190125/meshes"
create = sign("PUT", MESHES, {"meshName": "seen"})
send("seen", *create)
send("sent again", *create)
with_token = sign("PUT", MESHES, {"meshName": "token", "clientToken": str(uuid.uuid4())})
first = send("with a token", *with_token)
assert send("with a token again", *with_token) == first
update = sign("PUT", f"{MESHES}/seen", {"spec": {"egressFilter": {"type": "ALLOW_ALL"}}})
send("update", *update)
send("update again", *update)
method, path, body, headers = update
send("another body", method, path, body.replace(b"ALLOW_ALL", b"DROP_ALL"), headers)
send("another path", method, f"{MESHES}/apps", body, headers)
send("another method", "DELETE", path, body, headers)
send("another query", method, f"{path}?meshOwner=000000000000", body, headers)
send("another host", method, path, body, headers | {"host": "mesh.example.org"})
moved = headers["X-Amz-Date"]
moved = moved[:-2] + ("1Z" if moved[-2] == "0" else "0Z")
send("another time", method, path, body, headers | {"X-Amz-Date": moved})
send("four minutes old", *sign("GET", MESHES, {}, -4))
send("six minutes old", *sign("GET", MESHES, {}, -6))
send("six minutes early", *sign("GET", MESHES, {}, 6))
