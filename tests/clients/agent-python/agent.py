"""An agent: does what it is asked to by plain HTTP requests. See ../README.md."""

import json
import os
import time
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import requests
from opentelemetry import trace
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
from opentelemetry.sdk.trace import TracerProvider

PAUSE = int(os.environ.get("PAUSE_MS", "20")) / 1000


def do(step):
    """One request, and what came back."""
    try:
        answer = requests.request(step["method"], step["url"], json=step.get("body"), timeout=60)
    except requests.RequestException as error:
        return {"url": step["url"], "status": 0, "reason": type(error).__name__}
    return {
        "url": step["url"],
        "status": answer.status_code,
        "reason": answer.headers.get("x-caracal-reason"),
    }


def work(task):
    """All steps, until the time is over."""
    end = time.monotonic() + task.get("repeat_ms", 0) / 1000
    done = []
    while True:
        done += [do(step) for step in task["steps"]]
        if time.monotonic() >= end:
            return done
        time.sleep(PAUSE)


def application(environ, start_response):
    if environ["PATH_INFO"] == "/ready":
        start_response("204 No Content", [])
        return []
    size = int(environ.get("CONTENT_LENGTH") or 0)
    answer = json.dumps(work(json.loads(environ["wsgi.input"].read(size)))).encode()
    start_response("200 OK", [("content-type", "application/json"), ("content-length", str(len(answer)))])
    return [answer]


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


trace.set_tracer_provider(TracerProvider())
RequestsInstrumentor().instrument()
port = int(os.environ["PORT"])
make_server("127.0.0.1", port, OpenTelemetryMiddleware(application), Server, Quiet).serve_forever()
