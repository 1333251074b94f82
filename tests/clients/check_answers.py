#!/usr/bin/env python3
"""Checks recorded answers against the server's own OpenAPI v3 documents: every object's schema, unknown fields included, and what
the documents don't say: content types, Status codes, resource versions, tables."""
import argparse
import collections
import glob
import json
import re
import sys
import urllib.parse

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")
META = {"Status", "Table", "PartialObjectMetadata", "PartialObjectMetadataList", "APIResourceList", "APIGroupList", "APIGroup",
        "APIVersions", "APIGroupDiscoveryList"}


class Documents:
    def __init__(self, folder):
        self.schemas, self.kinds = {}, {}
        for path in glob.glob(f"{folder}/*.json"):
            for name, schema in json.load(open(path)).get("components", {}).get("schemas", {}).items():
                self.schemas[name] = schema
                for gvk in schema.get("x-kubernetes-group-version-kind", []):
                    self.kinds[(gvk["group"], gvk["version"], gvk["kind"])] = schema

    def follow(self, schema):
        while "$ref" in schema or (len(schema.get("allOf", [])) == 1 and "type" not in schema):
            ref = schema.get("$ref") or schema["allOf"][0].get("$ref")
            if ref is None:
                schema = schema["allOf"][0]
            else:
                schema = self.schemas[ref.rsplit("/", 1)[1]]
        return schema


class Checker:
    def __init__(self, documents):
        self.documents, self.problems, self.n = documents, [], collections.Counter()
        self.defined = set()  # groups of definitions made meanwhile: the documents were fetched before

    def problem(self, where, text):
        self.problems.append(f"{where}: {text}")

    def value(self, schema, value, where):
        schema = self.documents.follow(schema)
        for branch in ("oneOf", "anyOf"):
            if branch in schema:
                return self.any_of(schema[branch], value, where)
        if value is None and (schema.get("nullable") or where.endswith(("creationTimestamp", "Time", "time", "Timestamp"))):
            return
        kind = schema.get("type")
        if kind is None:
            return
        check = {"object": self.object, "array": self.array, "string": self.string, "integer": self.number, "number": self.number,
                 "boolean": self.boolean}[kind]
        check(schema, value, where)
        if "enum" in schema and value not in schema["enum"]:
            self.problem(where, f"{value!r} is none of {schema['enum']}")

    def any_of(self, branches, value, where):
        for branch in branches:
            trial = Checker(self.documents)
            trial.value(branch, value, where)
            if not trial.problems:
                return
        self.problem(where, f"{value!r} fits no branch")

    def object(self, schema, value, where):
        if not isinstance(value, dict):
            return self.problem(where, f"{value!r} is no object")
        properties = schema.get("properties", {})
        for name in schema.get("required", []):
            if name not in value:
                self.problem(where, f"required field {name} is missing")
        for name, each in value.items():
            if name in properties:
                self.value(properties[name], each, f"{where}.{name}")
            elif isinstance(schema.get("additionalProperties"), dict):
                self.value(schema["additionalProperties"], each, f"{where}[{name}]")
            elif properties and not schema.get("additionalProperties") and not schema.get("x-kubernetes-preserve-unknown-fields"):
                self.problem(where, f"unknown field {name}")

    def array(self, schema, value, where):
        if not isinstance(value, list):
            return self.problem(where, f"{value!r} is no list")
        for each in value:
            self.value(schema.get("items", {}), each, f"{where}[]")

    def string(self, schema, value, where):
        if schema.get("format") == "int-or-string" and isinstance(value, int):
            return
        if not isinstance(value, str):
            return self.problem(where, f"{value!r} is no string")
        if schema.get("format") == "date-time" and not TIME.match(value):
            self.problem(where, f"{value!r} is no time")

    def number(self, schema, value, where):
        if isinstance(value, bool) or not isinstance(value, (int, float) if schema["type"] == "number" else int):
            self.problem(where, f"{value!r} is no {schema['type']}")

    def boolean(self, schema, value, where):
        if not isinstance(value, bool):
            self.problem(where, f"{value!r} is no boolean")

    # ---- whole answers ----

    def status(self, body, where):
        if body.get("status") not in ("Success", "Failure"):
            self.problem(where, f"Status says {body.get('status')!r}")
        if body.get("status") == "Failure" and not (body.get("reason") and body.get("message") and isinstance(body.get("code"), int)):
            self.problem(where, "a failure without reason, message or code")

    def table(self, body, where):
        n = len(body.get("columnDefinitions") or body["rows"] and [None] * len(body["rows"][0]["cells"]) or [])
        for row in body["rows"]:
            if n and len(row["cells"]) != n:
                self.problem(where, f"a row of {len(row['cells'])} cells under {n} columns")

    def any_object(self, body, where):
        if isinstance(body, dict) and body.get("kind") == "APIVersions":  # has no apiVersion in Kubernetes either
            return None
        if not isinstance(body, dict) or not body.get("kind") or not body.get("apiVersion"):
            return self.problem(where, "an object without kind or apiVersion")
        kind, version = body["kind"], body["apiVersion"]
        self.n[kind] += 1
        if kind == "Status":
            return self.status(body, where)
        if kind == "Table":
            return self.table(body, where)
        if kind in META:
            return None
        if "metadata" in body:
            number = body["metadata"].get("resourceVersion", "0")
            if not str(number).isdigit() or not isinstance(number, str):
                self.problem(where, f"resourceVersion {number!r}")
        group, _, name = version.rpartition("/")
        schema = self.documents.kinds.get((group, name, kind))
        if kind == "CustomResourceDefinition":
            self.defined.add(body["spec"]["group"])
        if schema is None and group in self.defined:
            return None
        if schema is None:
            return self.problem(where, f"no schema for {version} {kind}")
        if kind.endswith("List") and body.get("items") is None:
            self.problem(where, "items is null")
        return self.value(schema, body, f"{where} {kind}")

    def event(self, line, where):
        event = json.loads(line)
        if event.get("type") == "BOOKMARK":
            return None
        if event.get("type") not in ("ADDED", "MODIFIED", "DELETED", "ERROR"):
            return self.problem(where, f"event type {event.get('type')!r}")
        return self.any_object(event["object"], f"{where} {event['type']}")

    def answer(self, entry):
        url = urllib.parse.urlsplit(entry["target"])
        where = f"{entry['method']} {url.path} {entry['status']}"
        if not entry["type"]:
            self.problem(where, "no Content-Type")
        if entry["status"] in (204, 304):
            return
        is_json = (entry["type"] or "").startswith("application/json")
        if entry["status"] >= 400 and not is_json and not url.path.startswith(("/healthz", "/livez", "/readyz")):
            self.problem(where, f"an error as {entry['type']}")
        if not is_json or url.path.startswith("/openapi") or url.path in ("/version", "/", "/version/"):
            return
        query = urllib.parse.parse_qs(url.query)
        if query.get("watch", ["0"])[0] in ("1", "true", "True") and entry["status"] == 200:
            lines = entry["body"].split("\n")
            for line in lines[:-1]:
                self.event(line, f"{where} watch")
        elif entry["whole"]:
            body = json.loads(entry["body"])
            if body.get("kind") == "Status" and body.get("status") == "Failure" and body.get("code") != entry["status"]:
                self.problem(where, f"Status code {body.get('code')}")
            self.any_object(body, where)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--record", required=True)
    parser.add_argument("--documents", required=True)
    parser.add_argument("--least", type=int, default=20, help="fewer checked objects than this is a failure")
    args = parser.parse_args()
    checker = Checker(Documents(args.documents))
    for line in open(args.record):
        entry = json.loads(line)
        try:
            checker.answer(entry)
        except (ValueError, KeyError, TypeError) as error:
            checker.problem(f"{entry['method']} {entry['target']} {entry['status']}", f"can't be checked: {error!r}")
    total = sum(checker.n.values())
    print("checked", total, "objects:", ", ".join(f"{n} {kind}" for kind, n in checker.n.most_common()))
    for text, n in collections.Counter(checker.problems).most_common(60):
        print(f"  {n} x {text}")
    if total < args.least:
        print(f"only {total} objects were checked")
    sys.exit(1 if checker.problems or total < args.least else 0)


if __name__ == "__main__":
    main()
