#!/usr/bin/env python3
"""Pays one invoice: an ordinary program that knows three services by their names.

It holds no key and no token and knows nothing of Caracal. HTTP_PROXY is set in its environment, as
a mesh's interception would have its traffic pass the sidecar.
"""

import json
import sys
import urllib.error
import urllib.request


def call(method, url, body=None):
    """Calls a service, prints what came of it as one line of JSON, returns the answer or None."""
    data = json.dumps(body).encode() if body is not None else None
    headers = {"content-type": "application/json"} if data else {}
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=15) as response:
            status, reason, text = response.status, None, response.read()
    except urllib.error.HTTPError as error:
        status, reason, text = error.code, error.headers.get("x-caracal-reason"), error.read()
    line = {"method": method, "url": url, "status": status, "reason": reason}
    print(json.dumps(line), flush=True)
    return json.loads(text) if status == 200 else None


def main():
    invoice = call("GET", "http://invoices.internal/invoices/2041")
    if invoice is None:
        return 1
    check = call("POST", "http://compliance.internal/checks", {"payee": invoice["payee"]})
    if check is None or not check["cleared"]:
        return 1
    payment = {"to": invoice["payee"], "amount": invoice["amount"], "currency": invoice["currency"]}
    return 0 if call("POST", "http://mercury-bank.internal/payments", payment) else 1


if __name__ == "__main__":
    sys.exit(main())
