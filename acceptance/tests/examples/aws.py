"""Answers for the AWS command in guides: keeps templates that are deployed, by the name of the stack, and gives them back."""

import os
import shutil
import sys

words = sys.argv[1:]
stacks = os.path.join(os.environ["HOME"], "stacks")
options = {}
for at, word in enumerate(words):
    if word.startswith("--"):
        values = []
        for value in words[at + 1 :]:
            if value.startswith("--"):
                break
            values.append(value)
        options[word[2:]] = values


def kept():
    """The template of a stack that is there."""
    [name] = options["stack-name"]
    path = os.path.join(stacks, name)
    if not os.path.exists(path):
        sys.exit(f"Stack with id {name} does not exist")
    return path


if words[:2] == ["s3", "cp"]:
    if not os.path.exists(words[2]):
        sys.exit(f"The user-provided path {words[2]} does not exist.")
elif words[:2] == ["cloudformation", "deploy"]:
    [template], [name] = options["template-file"], options["stack-name"]
    with open(template, encoding="utf-8") as file:
        text = file.read()
    if "Transform: Meshform" in text and "CAPABILITY_AUTO_EXPAND" not in options.get("capabilities", []):
        sys.exit("Requires capabilities : [CAPABILITY_AUTO_EXPAND]")
    if "AWS::IAM::Role" in text and "CAPABILITY_IAM" not in options.get("capabilities", []):
        sys.exit("Requires capabilities : [CAPABILITY_IAM]")
    shutil.copy(template, os.path.join(stacks, name))
    print(f"Successfully created/updated stack - {name}")
elif words[:2] == ["cloudformation", "get-template"]:
    with open(kept(), encoding="utf-8") as file:
        sys.stdout.write(file.read())
elif words[:2] in (["cloudformation", "continue-update-rollback"], ["cloudformation", "delete-stack"]):
    kept()
else:
    sys.exit(f"aws: not understood: {words}")
