"""Writes what `fargate.rs` holds `examples/ecs-fargate` against: the arguments, blocks and attributes that resources of
hashicorp/aws have.

The provider's own binary is most of a gigabyte and in no package registry. Bindings for Python that are generated from
its schema are: every argument with whether it must be given, every block, every attribute. Facts are taken, no text.

    python3 aws_schema.py aws-5.json cdktf-cdktf-provider-aws==19.65.1
    python3 aws_schema.py aws-6.json cdktn-provider-aws==25.8.1

Needs pip and its index; the written files are checked in, so that the test needs neither.
"""

import ast
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

# The types of the example. A type that is missing here fails the test.
TYPES = [
    "data.aws_iam_policy_document",
    "aws_cloudwatch_log_group",
    "aws_ecs_service",
    "aws_ecs_task_definition",
    "aws_iam_role",
    "aws_iam_role_policy",
    "aws_iam_role_policy_attachment",
    "aws_route53_record",
    "aws_route53_zone",
    "aws_security_group",
    "aws_service_discovery_private_dns_namespace",
    "aws_service_discovery_service",
    "aws_vpc_security_group_egress_rule",
    "aws_vpc_security_group_ingress_rule",
]
# What the bindings add to every resource.
ADDED = {
    "self", "scope", "id_", "connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioners",
}


def named_in(node):
    """The classes of the same module that an annotation names."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def described(function):
    """The descriptions of a constructor's parameters."""
    text = ast.get_docstring(function) or ""
    return dict(re.findall(r"^:param (\w+): (.*)$", text, re.M))


def block(classes, of):
    """The arguments that a constructor takes: required or not, and what is within those that are blocks."""
    function = next(one for one in of.body if isinstance(one, ast.FunctionDef) and one.name == "__init__")
    texts = described(function)
    arguments = {}
    for parameter, default in zip(function.args.kwonlyargs, function.args.kw_defaults):
        if parameter.arg in ADDED:
            continue
        text = texts.get(parameter.arg, "")
        # Words of Python and of jsii have another name there.
        anchor = re.search(r"#(\w+) ", text)
        name = anchor.group(1) if anchor else parameter.arg
        argument = {}
        if default is None:
            argument["required"] = True
        annotation = ast.unparse(parameter.annotation)
        if "Sequence[builtins." in annotation or "Mapping[" in annotation:
            argument["many"] = True
        within = [classes[one] for one in named_in(parameter.annotation) if one in classes]
        if within:
            argument["block" if text.startswith(f"{name} block.") else "object"] = block(classes, within[0])
        arguments[name] = argument
    return arguments


def attributes(of):
    """What can be read of a resource."""
    names = []
    for function in of.body:
        if not isinstance(function, ast.FunctionDef) or function.name.endswith("_input"):
            continue
        if any(ast.unparse(one) == "builtins.property" for one in function.decorator_list):
            names.append(function.name)
    return sorted(names)


def main(target, package):
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, package]
        subprocess.run(pip, check=True)
        wheel = zipfile.ZipFile(next(pathlib.Path(folder).glob("*.whl")))
        root = next(name for name in wheel.namelist() if name.endswith("aws/__init__.py")).split("/")[0]
        version, types = None, {}
        for kind in TYPES:
            module = kind.replace("data.aws_", "data_aws_")
            module = module if module.startswith("data_") else module.removeprefix("aws_")
            text = wheel.read(f"{root}/{module}/__init__.py").decode()
            version = re.search(r"hashicorp/aws/([\d.]+)/docs", text).group(1)
            tree = ast.parse(text)
            classes = {one.name: one for one in tree.body if isinstance(one, ast.ClassDef)}
            name = "".join(part.title() for part in module.split("_"))
            types[kind] = {"arguments": block(classes, classes[name]), "attributes": attributes(classes[name])}
    written = {"provider": f"hashicorp/aws {version}", "from": package, "types": types}
    # A line for each type: short, and a change shows.
    lines = [f"    {json.dumps(kind)}: {json.dumps(what, sort_keys=True)}" for kind, what in types.items()]
    head = [f"  {json.dumps(key)}: {json.dumps(written[key])}," for key in ("provider", "from")]
    text = "\n".join(["{", *head, '  "types": {', ",\n".join(lines), "  }", "}", ""])
    pathlib.Path(target).write_text(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
