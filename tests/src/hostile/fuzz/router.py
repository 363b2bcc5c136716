"""Reads targets as a WSGI application does: split, decode the whole path, then match.

First line: the routes as JSON. Each further line: method and target in hex, and the route that the
filter matched. One JSON object is answered for each.
"""

import json
import re
import sys
from urllib.parse import unquote_to_bytes, urlsplit

routes = []
for route in json.loads(sys.stdin.readline()):
    segments = route["path"].split("/")[1:]
    pattern = b"".join(
        b"/([^/]+)" if part.startswith("{") else b"/" + re.escape(unquote_to_bytes(part))
        for part in segments
    )
    kinds = [part.startswith("{") for part in segments]
    routes.append((kinds, route["method"].encode(), re.compile(pattern, re.DOTALL), route["name"]))
# Frameworks try literals before parameters.
routes.sort(key=lambda route: route[0])

for line in sys.stdin:
    method, target, _ = line.split()
    method = bytes.fromhex(method)
    text = bytes.fromhex(target).decode("latin-1")
    path = unquote_to_bytes(urlsplit("http://atlas.internal" + text).path.encode("latin-1"))
    answer = {"other": "no route for " + repr(path)}
    for _, of_method, pattern, name in routes:
        found = of_method == method and pattern.fullmatch(path)
        if found:
            answer = {"route": name, "values": [value.hex() for value in found.groups()]}
            break
    print(json.dumps(answer))
