"""The AWS command line in this process: each start of it by itself would take a second. The server is the first argument."""

import contextlib
import io
import json
import os
import sys

os.environ.update(
    AWS_ENDPOINT_URL_APP_MESH=sys.argv[1],
    AWS_ACCESS_KEY_ID="any",
    AWS_SECRET_ACCESS_KEY="any",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_MAX_ATTEMPTS="1",
    AWS_CONFIG_FILE=os.devnull,
    AWS_SHARED_CREDENTIALS_FILE=os.devnull,
)
os.environ.pop("AWS_PROFILE", None)

from awscli.clidriver import create_clidriver  # noqa: E402

driver = create_clidriver()


def run(arguments):
    """A command's exit status and what it prints."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = driver.main([*arguments, "--output", "json"])
    return code, out.getvalue(), err.getvalue()


def appmesh(operation, *options, expect=None, **given):
    """What a command answers, as JSON; what is given in Python goes in as one JSON document. `expect` is in what it says
    where it must fail."""
    arguments = ["appmesh", operation, *options]
    if given:
        arguments += ["--cli-input-json", json.dumps(given)]
    code, out, err = run(arguments)
    assert (code == 0) == (expect is None), (arguments, code, out, err)
    if expect:
        assert expect in err, (arguments, err)
        return None
    return json.loads(out) if out.strip() else {}
