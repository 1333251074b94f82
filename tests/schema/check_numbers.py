#!/usr/bin/env python3
"""Compares the field tables with Kubernetes' own messages: every field's name, protobuf number, type, repetition, and whether
Go has a pointer there; and that no field is missing. The messages come out of real kubectl programs: those up to 1.33 carry
gzipped FileDescriptorProtos, later ones still have Go's struct tags, which tell about fields that are newer.

usage: check_numbers.py DUMP-TABLES KUBECTL-WITH-DESCRIPTORS [NEWER-KUBECTL]
Exit status: 0 equal, 1 differences, 77 no kubectl to compare with."""
import json, os, re, subprocess, sys, zlib

META = "k8s.io.apimachinery.pkg.apis.meta.v1."
# JSON names that differ from the message's.
RENAMED = {"uID": "uid", "aPIGroup": "apiGroup"}
# Kinds that kubectl has no message for.
WITHOUT_MESSAGE = {"apiextensions.k8s.io", "metrics.k8s.io"}
SCALARS = {3: "int", 5: "int", 8: "bool", 9: "string", 12: "bytes"}
WELL_KNOWN = {"Time": "time", "MicroTime": "micro_time", "Quantity": "quantity", "IntOrString": "int_or_string",
              "FieldsV1": "any", "RawExtension": "any", "ExtraValue": "any"}
# gogoproto.nullable, option 65001 of a field: present and 0 where Go has no pointer.
NOT_NULLABLE = bytes.fromhex("c8de1f00")


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def parts(data):
    """(number, value) of each field of a protobuf message."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        elif key & 7 == 2:
            length, at = varint(data, at)
            value, at = data[at:at + length], at + length
        else:
            length = 8 if key & 7 == 1 else 4
            value, at = data[at:at + length], at + length
        yield key >> 3, value


def add_message(data, prefix, messages):
    fields, nested, name = [], [], ""
    for number, value in parts(data):
        if number == 1:
            name = value.decode()
        elif number == 2:
            fields.append(dict(parts(value)))
        elif number == 3:
            nested.append(value)
    full = f"{prefix}.{name}"
    messages[full] = [{
        "name": RENAMED.get(f[1].decode(), f[1].decode()), "number": f[3], "repeated": f[4] == 3, "type": f[5],
        "ref": f.get(6, b"").decode().lstrip("."), "pointer": NOT_NULLABLE not in f.get(8, b""),
    } for f in fields]
    for each in nested:
        add_message(each, full, messages)


def read_messages(path):
    """All messages of the FileDescriptorProtos in a program: gzip without name and time, as protoc-gen-gogo writes it."""
    data, messages, at = open(path, "rb").read(), {}, -1
    while (at := data.find(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff", at + 1)) >= 0:
        try:
            file = list(parts(zlib.decompressobj(31).decompress(data[at:at + (1 << 22)])))
            package = next(v for n, v in file if n == 2).decode()
            for number, value in file:
                if number == 4:
                    add_message(value, package, messages)
        except (zlib.error, IndexError, KeyError, StopIteration, UnicodeDecodeError, AttributeError):
            continue  # another gzip stream
    return messages


class NewerFields:
    """Numbers by JSON name, from Go's struct tags."""

    def __init__(self, path):
        self.data = open(path, "rb").read() if path else None

    def has(self, name, number):
        if self.data is None:
            return False
        tag = rf'json:"{name}(?:,[^"]*)?"[^`\x00]{{0,200}}?protobuf:"[a-z]+,{number},(?:[a-z]+,)?name={name}[",]'
        return re.search(tag.encode(), self.data) is not None


class Check:
    def __init__(self, tables, messages, newer):
        self.schemas, self.messages, self.newer = tables["schemas"], messages, newer
        self.done, self.wrong, self.n_fields, self.n_newer = set(), [], 0, 0

    def say(self, message, text):
        self.wrong.append(f"{message}: {text}")

    def message_of(self, kind):
        group, version = kind["group"].split(".")[0] or "core", kind["version"]
        full = f"k8s.io.api.{group}.{version}.{kind['name']}"
        return full if full in self.messages else META + kind["name"]

    def kind(self, kind):
        if kind["group"] in WITHOUT_MESSAGE or kind["group"].endswith("orch.dev"):
            return
        message = self.message_of(kind)
        if message in self.messages:
            self.message(kind["schema"], message)
        else:
            self.say(message, "kubectl has no such message")

    def message(self, schema, message):
        if (schema, message) in self.done:
            return
        self.done.add((schema, message))
        ours = {(f["inside"], f["name"]): f for f in self.schemas[schema]["fields"]}
        title = message.rsplit(".", 1)[1]
        if self.schemas[schema]["name"] != title:
            self.say(message, f"the table is called {self.schemas[schema]['name']}")
        self.fields(message, message, ours, 0)
        for (inside, name), field in ours.items():
            if name in ("apiVersion", "kind") and field["number"] == 0:
                continue
            if self.newer.has(name, field["number"]):
                self.n_newer += 1
            elif self.newer.data is not None:
                self.say(message, f"{name} = {field['number']} is no field of Kubernetes")

    def fields(self, title, message, ours, inside):
        flattened = {f["inside"] for f in ours.values()}
        for theirs in self.messages[message]:
            field = ours.pop((inside, theirs["name"]), None)
            if field:
                self.field(title, field, theirs)
            elif inside == 0 and theirs["number"] in flattened:
                self.fields(title, theirs["ref"], ours, theirs["number"])
            else:
                self.say(title, f"{theirs['name']} = {theirs['number']} is missing")

    def field(self, title, ours, theirs):
        self.n_fields += 1
        name, kind = theirs["name"], SCALARS.get(theirs["type"])
        if ours["number"] != theirs["number"]:
            self.say(title, f"{name} is {ours['number']}, should be {theirs['number']}")
        shape, ref = "list" if theirs["repeated"] else "one", theirs["ref"]
        if ref and ref.endswith("Entry") and ref.rsplit(".", 1)[0] in self.messages:
            value = next(f for f in self.messages[ref] if f["number"] == 2)
            if [f["name"] for f in self.messages[ref]] == ["key", "value"]:
                shape, kind, ref = "map", SCALARS.get(value["type"]), value["ref"]
        short = ref.rsplit(".", 1)[-1]
        wanted = kind or WELL_KNOWN.get(short) or "object"
        if ours["shape"] != shape:
            self.say(title, f"{name} is a {ours['shape']}, should be a {shape}")
        self.type(title, ours, name, wanted, theirs["pointer"] and shape == "one")
        if wanted == "object" and ours["schema"] >= 0:
            self.message(ours["schema"], ref)

    def type(self, title, ours, name, wanted, is_pointer):
        """Pointers matter where zero and absent are different things."""
        allowed = {wanted}
        if wanted in ("bool", "int"):
            allowed = {f"opt_{wanted}"} if is_pointer else {wanted}
            if ours["required"] or ours["always"]:
                allowed = {wanted, f"opt_{wanted}"}
        elif wanted == "object" and ours["shape"] == "one":
            allowed = {"object_ptr"} if is_pointer else {"object"}
            if ours["required"]:
                allowed = {"object", "object_ptr"}
        if ours["type"] not in allowed:
            self.say(title, f"{name} is {ours['type']}, should be {' or '.join(sorted(allowed))}")
        if wanted == "string" and is_pointer and not ours["pointer"] and not ours["required"]:
            self.say(title, f"{name} lacks FIELD_POINTER")


def main():
    paths = [p for p in sys.argv[2:] if os.path.exists(p)]
    if not paths:
        print("SKIP: no kubectl to compare with; scripts/fetch-clients fetches one")
        return 77
    messages = read_messages(paths[0])
    if len(messages) < 500:
        print(f"{paths[0]} carries {len(messages)} messages: too few to compare with")
        return 1
    tables = json.loads(subprocess.run([sys.argv[1]], check=True, capture_output=True).stdout)
    check = Check(tables, messages, NewerFields(paths[1] if len(paths) > 1 else None))
    for kind in tables["kinds"]:
        check.kind(kind)
    for line in sorted(set(check.wrong)):
        print(line)
    print(f"{check.n_fields} fields of {len(check.done)} messages compared, {check.n_newer} newer ones found by their tags: "
          f"{len(set(check.wrong))} differences")
    return 1 if check.wrong else 0


sys.exit(main())
