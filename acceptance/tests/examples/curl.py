"""Stands in for curl where a machine has none: the few options that the guides use."""

import os
import sys
import urllib.error
import urllib.request

arguments, headers, method, url, fail = sys.argv[1:], {}, "GET", None, False
while arguments:
    argument = arguments.pop(0)
    if argument == "-H":
        name, value = arguments.pop(0).split(":", 1)
        headers[name] = value.strip()
    elif argument == "-X":
        method = arguments.pop(0)
    elif argument.startswith("-"):
        fail = fail or "f" in argument
    else:
        url = argument

# As curl: the proxy of the environment, and only that of lower case.
proxy = os.environ.get("http_proxy")
handler = urllib.request.ProxyHandler({"http": proxy} if proxy else {})
request = urllib.request.Request(url, headers=headers, method=method)
try:
    with urllib.request.build_opener(handler).open(request, timeout=30) as answer:
        sys.stdout.buffer.write(answer.read())
except urllib.error.HTTPError as error:
    if fail:
        sys.exit(22)
    sys.stdout.buffer.write(error.read())
except OSError:
    sys.exit(7)
