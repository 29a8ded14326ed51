"""Prints, as one JSON object, what AWS published of App Mesh: the service model in botocore, the CloudFormation
resource schemas in cfn-lint."""

import json
import sys

import botocore.session
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

KINDS = ["Mesh", "VirtualService", "VirtualNode", "VirtualRouter", "Route", "VirtualGateway", "GatewayRoute"]

loader = botocore.session.Session().get_component("data_loader")
shapes = loader.load_service_model("appmesh", "service-2", "2019-01-25")["shapes"]
types = {}
for kind in KINDS:
    name = f"AWS::AppMesh::{kind}"
    types[name] = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", name).schema
json.dump({"shapes": shapes, "types": types}, sys.stdout)
