#!/usr/bin/env python3
"""The checker of answers finds what it is there for."""
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
DOCUMENT = {"components": {"schemas": {
    "Thing": {"type": "object", "required": ["spec"], "x-kubernetes-group-version-kind": [{"group": "", "version": "v1", "kind": "Thing"}],
              "properties": {"kind": {"type": "string"}, "apiVersion": {"type": "string"},
                             "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
                             "spec": {"$ref": "#/components/schemas/Spec"}}},
    "Definition": {"type": "object", "x-kubernetes-group-version-kind": [{"group": "x", "version": "v1", "kind": "CustomResourceDefinition"}]},
    "Spec": {"type": "object", "properties": {
        "size": {"type": "integer"}, "mode": {"type": "string", "enum": ["a", "b"]}, "since": {"type": "string", "format": "date-time"},
        "port": {"oneOf": [{"type": "integer"}, {"type": "string"}]}, "names": {"type": "array", "items": {"type": "string"}}}}}}}


def thing(**spec):
    return {"kind": "Thing", "apiVersion": "v1", "metadata": {"resourceVersion": "5"}, "spec": spec}


def verdict(body, status=200, content_type="application/json", target="/api/v1/things/x", least=1, before=()):
    """Whether the checker is content, and what it says."""
    with tempfile.TemporaryDirectory() as work:
        json.dump(DOCUMENT, open(f"{work}/api_v1.json", "w"))
        text = body if isinstance(body, str) else json.dumps(body)
        with open(f"{work}/record", "w") as out:
            for one in [*map(json.dumps, before), text]:
                out.write(json.dumps({"method": "GET", "target": target, "status": status, "type": content_type, "body": one, "whole": True}) + "\n")
        done = subprocess.run([sys.executable, f"{HERE}/check_answers.py", "--record", f"{work}/record", "--documents", work,
                               "--least", str(least)], capture_output=True, text=True)
        return done.returncode == 0, done.stdout + done.stderr


def expect(sentence, is_good, *args, **kwargs):
    good, text = verdict(*args, **kwargs)
    if good != is_good:
        sys.exit(f"FAIL: {sentence}: {text}")
    print("ok -", sentence)


FAILURE = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "NotFound", "message": "m", "code": 404}
expect("a good object", True, thing(size=1, mode="a", since="2026-01-02T03:04:05Z", port="http", names=["x"]))
expect("an unknown field", False, thing(bogus=1))
expect("a wrong type", False, thing(size="1"))
expect("a boolean is no integer", False, thing(size=True))
expect("a value that isn't in the enum", False, thing(mode="c"))
expect("a time that is none", False, thing(since="yesterday"))
expect("neither branch", False, thing(port=[1]))
expect("a wrong element", False, thing(names=[1]))
expect("a required field that is missing", False, {"kind": "Thing", "apiVersion": "v1", "metadata": {}})
expect("a kind that no document knows", False, {"kind": "Gizmo", "apiVersion": "v1", "metadata": {}})
GIZMO, DEFINITION = ({"kind": kind, "apiVersion": version, "metadata": {}, "spec": {"group": "shop"}}
                     for kind, version in (("Gizmo", "shop/v1"), ("CustomResourceDefinition", "x/v1")))
expect("one whose definition came meanwhile", True, GIZMO, before=[DEFINITION])
expect("not without the definition", False, GIZMO)
expect("a resource version that is a number", False, thing() | {"metadata": {"resourceVersion": 5}})
expect("no content type", False, thing(), content_type=None)
expect("a good failure", True, FAILURE, status=404)
expect("a failure whose code is another", False, FAILURE, status=403)
expect("a failure without a reason", False, {k: v for k, v in FAILURE.items() if k != "reason"}, status=404)
expect("an error as a page", False, "<html>", status=500, content_type="text/html")
expect("JSON that isn't", False, "{")
expect("a watch's good lines", True, json.dumps({"type": "ADDED", "object": thing()}) + "\n", target="/api/v1/things?watch=1")
expect("a watch's bad object", False, json.dumps({"type": "ADDED", "object": thing(x=1)}) + "\n", target="/api/v1/things?watch=1")
expect("a watch's bad type", False, json.dumps({"type": "NEW", "object": thing()}) + "\n", target="/api/v1/things?watch=1")
expect("too few objects", False, thing(), least=2)
