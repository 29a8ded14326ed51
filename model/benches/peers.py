"""Times Python's jsonschema and cfn-lint on the resources that come in on standard input."""

import json
import sys
import tempfile
import time

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

given = json.load(sys.stdin)
files, resources = given["files"], given["resources"]
registry = Registry().with_resources((doc["$id"], Resource.from_contents(doc)) for doc in files.values() if "$id" in doc)
by_kind = {
    doc["x-kind"]["name"]: Draft202012Validator(doc, registry=registry) for doc in files.values() if "x-kind" in doc
}

start = time.perf_counter()
for resource in resources:
    list(by_kind[resource["kind"]].iter_errors(resource["api"]))
spent = time.perf_counter() - start
print(f"Python jsonschema         {spent / len(resources) * 1e6:10.0f} µs a resource to validate ({len(resources)} resources)")

from cfnlint.api import lint_all

template = {
    "AWSTemplateFormatVersion": "2010-09-09",
    "Resources": {
        f"R{index}": {"Type": resource["type"], "Properties": resource["cloudformation"]}
        for index, resource in enumerate(resources)
    },
}
text = json.dumps(template)
start = time.perf_counter()
lint_all(text)
spent = time.perf_counter() - start
print(f"cfn-lint                  {spent / len(resources) * 1e6:10.0f} µs a resource to lint ({len(resources)} resources, {spent:.1f} s)")
