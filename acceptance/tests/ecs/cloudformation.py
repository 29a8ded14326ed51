"""Deploys stacks by moto's CloudFormation, and says as JSON what its ECS, IAM and EC2 then describe.

moto takes properties that it does not know without a word, so that only what is described afterwards tells anything.
"""

import importlib.abc
import importlib.machinery
import json
import os
import sys
import types


class Absent(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Stands in for packages of which moto's other services want something when they are imported."""

    names = ("graphql", "jsonpath_ng", "openapi_spec_validator", "py_partiql_parser")

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.names:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        module = types.ModuleType(spec.name)
        module.__getattr__ = lambda name: type(name, (Exception,), {})
        module.__path__ = []
        return module

    def exec_module(self, module):
        pass


sys.meta_path.append(Absent())
os.environ.update(AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b", AWS_DEFAULT_REGION="eu-central-1")

import boto3  # noqa: E402
import moto  # noqa: E402

told = {"stacks": [], "tasks": {}, "services": [], "policies": {}, "groups": {}}
with moto.mock_aws():
    ec2, ecs, iam = boto3.client("ec2"), boto3.client("ecs"), boto3.client("iam")
    cloudformation = boto3.client("cloudformation")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    group = lambda name: ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
    ecs.create_cluster(clusterName="cluster")
    given = {
        "Vpc": vpc,
        "Subnets": subnet,
        "Cluster": "cluster",
        "MeshSecurityGroup": group("mesh"),
        "CallerSecurityGroup": group("callers"),
        "MeshformProxyImage": "proxy:1",
        "MeshformStore": "meshes/prod",
        "Registry": "arn:aws:servicediscovery:eu-central-1:123456789012:service/srv-1",
    }
    for file in sys.argv[1:]:
        with open(file) as opened:
            template = opened.read()
        parameters = json.loads(template)["Parameters"]
        missing = [name for name, one in parameters.items() if name not in given and "Default" not in one]
        if missing:
            sys.exit(f"{file} has parameters without a value: {missing}")
        name = "-".join(file.split("/")[-3:-1])
        cloudformation.create_stack(
            StackName=name,
            TemplateBody=template,
            Parameters=[{"ParameterKey": key, "ParameterValue": given[key]} for key in parameters if key in given],
            Capabilities=["CAPABILITY_IAM"],
        )
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        told["stacks"].append(stack["StackStatus"])
        outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
        described = ecs.describe_task_definition(taskDefinition=outputs["TaskDefinitionArn"])["taskDefinition"]
        told["tasks"][described["family"]] = described
        role = outputs["TaskRoleArn"].split("/")[-1]
        told["policies"][described["family"]] = [
            iam.get_role_policy(RoleName=role, PolicyName=one)["PolicyDocument"]
            for one in iam.list_role_policies(RoleName=role)["PolicyNames"]
        ]
        own = ec2.describe_security_groups(GroupIds=[outputs["SecurityGroup"]])["SecurityGroups"][0]
        told["groups"][described["family"]] = own["IpPermissions"]
    arns = ecs.list_services(cluster="cluster")["serviceArns"]
    told["services"] = ecs.describe_services(cluster="cluster", services=arns)["services"]
print(json.dumps(told, default=str))
