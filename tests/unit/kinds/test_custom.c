/* Structural schemas: what they may say, and what they do to values. */
#include "api/kinds/crd.h"
#include "api/kinds/custom.h"
#include "api/kinds/custom_format.h"
#include "api/kinds/custom_node.h"
#include "api/kinds/object.h"
#include "api/kinds/regex.h"
#include "api/text/text.h"
#include "base/clock.h"
#include "base/str.h"
#include "tests/unit/test.h"

#include <jansson.h>
#include <stdio.h>

static json_t *json(const char *text) {
        json_error_t e;
        json_t *tree = json_loads(text, JSON_DECODE_ANY, &e);

        if (!tree)
                print_error("%s: %s\n", e.text, text);
        assert_non_null(tree);
        return tree;
}

/* All findings, a line each. */
static char *findings(struct diags *d) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        strbuf_add(&b, "");
        for (size_t i = 0; i < d->n; i++)
                strbuf_addf(&b, "%s: %s\n", str_or_empty(d->items[i].field),
                            str_or_empty(d->items[i].text));
        diags_done(d);
        return strbuf_steal(&b);
}

/* Validates value (as "spec.x") against schema. */
static char *validate(const char *schema, const char *value) {
        const struct path root = path_field(NULL, "spec"), at = path_field(&root, "x");
        struct diags d = { 0 };
        json_t *s = json(schema), *v = json(value);
        struct compiled c;
        const struct path top = path_field(NULL, "s");

        assert_int_equal(custom_compile(s, &top, &d, &c), 0);
        assert_int_equal(d.n_errors, 0);
        assert_int_equal(custom_validate_node(c.root, v, &at, 0, &d), 0);
        compiled_done(&c);
        json_decref(s);
        json_decref(v);
        return findings(&d);
}

struct example {
        const char *schema, *value, *text; /* "": valid */
};

static const struct example EXAMPLES[] = {
        { "{\"type\":\"string\"}", "\"a\"", "" },
        { "{\"type\":\"string\"}", "1",
          "spec.x: Invalid value: \"integer\": spec.x in body must be of type string: "
          "\"integer\"\n" },
        { "{\"type\":\"string\"}", "null",
          "spec.x: Invalid value: \"null\": spec.x in body must be of type string: \"null\"\n" },
        { "{\"type\":\"string\",\"nullable\":true}", "null", "" },
        { "{\"type\":\"integer\"}", "1.0", "" },
        { "{\"type\":\"integer\"}", "1.5",
          "spec.x: Invalid value: \"number\": spec.x in body must be of type integer: "
          "\"number\"\n" },
        { "{\"type\":\"number\"}", "1", "" },
        { "{\"type\":\"integer\",\"minimum\":2}", "1",
          "spec.x: Invalid value: 1: spec.x in body should be greater than or equal to 2\n" },
        { "{\"type\":\"integer\",\"minimum\":2,\"exclusiveMinimum\":true}", "2",
          "spec.x: Invalid value: 2: spec.x in body should be greater than 2\n" },
        { "{\"type\":\"number\",\"maximum\":0.5}", "0.75",
          "spec.x: Invalid value: 0.75: spec.x in body should be less than or equal to 0.5\n" },
        { "{\"type\":\"number\",\"maximum\":1,\"exclusiveMaximum\":true}", "1",
          "spec.x: Invalid value: 1: spec.x in body should be less than 1\n" },
        { "{\"type\":\"integer\",\"multipleOf\":5}", "7",
          "spec.x: Invalid value: 7: spec.x in body should be a multiple of 5\n" },
        { "{\"type\":\"integer\",\"multipleOf\":5}", "10", "" },
        { "{\"type\":\"integer\",\"format\":\"int32\"}", "3000000000",
          "spec.x: Invalid value: 3000000000: spec.x in body must be of type int32\n" },
        { "{\"type\":\"string\",\"maxLength\":2}", "\"\xc3\xa4\xc3\xb6\"", "" },
        { "{\"type\":\"string\",\"maxLength\":2}", "\"abc\"",
          "spec.x: Too long: may not be more than 2 bytes\n" },
        { "{\"type\":\"string\",\"minLength\":2}", "\"a\"",
          "spec.x: Invalid value: \"a\": spec.x in body should be at least 2 chars long\n" },
        { "{\"type\":\"string\",\"pattern\":\"^a+$\"}", "\"b\"",
          "spec.x: Invalid value: \"b\": spec.x in body should match '^a+$'\n" },
        { "{\"type\":\"string\",\"pattern\":\"b\"}", "\"abc\"", "" },
        { "{\"type\":\"string\",\"enum\":[\"a\",\"b\"]}", "\"c\"",
          "spec.x: Unsupported value: \"c\": supported values: \"a\", \"b\"\n" },
        { "{\"type\":\"string\",\"format\":\"date\"}", "\"2026-02-30\"",
          "spec.x: Invalid value: \"2026-02-30\": spec.x in body must be of type date: "
          "\"2026-02-30\"\n" },
        { "{\"x-kubernetes-int-or-string\":true}", "\"50%\"", "" },
        { "{\"x-kubernetes-int-or-string\":true}", "5", "" },
        { "{\"x-kubernetes-int-or-string\":true}", "true",
          "spec.x: Invalid value: \"boolean\": spec.x in body must be of type integer,string: "
          "\"boolean\"\n" },
        { "{\"type\":\"array\",\"items\":{\"type\":\"integer\"},\"maxItems\":1}", "[1,2]",
          "spec.x: Too many: 2: must have at most 1 items\n" },
        { "{\"type\":\"array\",\"items\":{\"type\":\"integer\"},\"minItems\":1}", "[]",
          "spec.x: Invalid value: []: spec.x in body should have at least 1 items\n" },
        { "{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}", "[1,\"a\"]",
          "spec.x[1]: Invalid value: \"string\": spec.x[1] in body must be of type integer: "
          "\"string\"\n" },
        { "{\"type\":\"array\",\"x-kubernetes-list-type\":\"set\",\"items\":{\"type\":\"integer\"}"
          "}",
          "[1,2,1]", "spec.x[2]: Duplicate value: 1\n" },
        { "{\"type\":\"array\",\"x-kubernetes-list-type\":\"map\",\"x-kubernetes-list-map-keys\":["
          "\"a\"],\"items\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"},"
          "\"b\":{\"type\":\"integer\"}}}}",
          "[{\"a\":1,\"b\":1},{\"a\":1,\"b\":2}]", "spec.x[1]: Duplicate value: {\"a\":1}\n" },
        { "{\"type\":\"object\",\"required\":[\"a\"],\"properties\":{\"a\":{\"type\":\"string\"}}}",
          "{}", "spec.x.a: Required value\n" },
        { "{\"type\":\"object\",\"properties\":{\"abc\":{\"type\":\"string\"}}}", "{\"abd\":1}",
          "spec.x.abd: unknown field\n" },
        { "{\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":true}", "{\"b\":1}", "" },
        { "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\"}}", "{\"b\":\"1\"}",
          "spec.x.b: Invalid value: \"string\": spec.x.b in body must be of type integer: "
          "\"string\"\n" },
        { "{\"type\":\"object\",\"maxProperties\":1,\"additionalProperties\":{\"type\":\"integer\"}"
          "}",
          "{\"a\":1,\"b\":1}", "spec.x: Too many: 2: must have at most 1 items\n" },
        { "{\"type\":\"object\",\"minProperties\":1,\"additionalProperties\":{\"type\":\"integer\"}"
          "}",
          "{}", "spec.x: Invalid value: {}: spec.x in body should have at least 1 properties\n" },
        { "{\"type\":\"integer\",\"allOf\":[{\"minimum\":2},{\"maximum\":1}]}", "1",
          "spec.x: Invalid value: 1: spec.x in body should be greater than or equal to 2\n" },
        { "{\"type\":\"integer\",\"anyOf\":[{\"minimum\":5},{\"maximum\":1}]}", "3",
          "spec.x: Invalid value: \"\": \"spec.x\" must validate at least one schema (anyOf)\n" },
        { "{\"type\":\"integer\",\"anyOf\":[{\"minimum\":5},{\"maximum\":1}]}", "7", "" },
        { "{\"type\":\"integer\",\"oneOf\":[{\"minimum\":5},{\"minimum\":6}]}", "7",
          "spec.x: Invalid value: \"\": \"spec.x\" must validate one and only one schema (oneOf). "
          "Found more than one valid alternative\n" },
        { "{\"type\":\"integer\",\"oneOf\":[{\"minimum\":5},{\"minimum\":6}]}", "1",
          "spec.x: Invalid value: \"\": \"spec.x\" must validate one and only one schema (oneOf). "
          "Found none valid\n" },
        { "{\"type\":\"integer\",\"not\":{\"minimum\":5}}", "7",
          "spec.x: Invalid value: \"\": \"spec.x\" must not validate the schema (not)\n" },
        { "{\"type\":\"object\",\"x-kubernetes-embedded-resource\":true,"
          "\"x-kubernetes-preserve-unknown-fields\":true}",
          "{\"kind\":\"Pod\"}", "spec.x.apiVersion: Required value: must not be empty\n" },
};

static void values_are_checked_in_kubernetes_words(void **state) {
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(EXAMPLES); i++) {
                AUTO_FREE char *found = validate(EXAMPLES[i].schema, EXAMPLES[i].value);

                if (!str_eq(found, EXAMPLES[i].text))
                        print_error("%s against %s\n", EXAMPLES[i].value, EXAMPLES[i].schema);
                assert_string_equal(found, EXAMPLES[i].text);
        }
}

struct format_example {
        const char *format, *good, *bad;
};

static void formats_are_known(void **state) {
        static const struct format_example FORMATS[] = {
                { "date-time", "2026-01-02T03:04:05.6+01:00", "2026-01-02 03:04:05Z" },
                { "date-time", "1950-12-31T23:59:60Z", "2026-13-02T03:04:05Z" },
                { "date", "2024-02-29", "2023-02-29" },
                { "duration", "1h30m", "1 hour" },
                { "byte", "YWJj", "a$" },
                { "uuid", "123e4567-e89b-12d3-a456-426614174000", "123e4567" },
                { "uuid4", "123e4567-e89b-42d3-a456-426614174000",
                  "123e4567-e89b-12d3-a456-426614174000" },
                { "ipv4", "10.0.0.1", "::1" },
                { "ipv6", "::1", "10.0.0.1" },
                { "cidr", "10.0.0.0/8", "10.0.0.0" },
                { "mac", "01:23:45:67:89:ab", "01:23" },
                { "hostname", "a-b.example.com", "-a.example.com" },
                { "email", "a@example.com", "a.example.com" },
                { "uri", "https://example.com/x", "no uri" },
                { "hexcolor", "#ff00aa", "red" },
                { "made-up", "anything", NULL },
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(FORMATS); i++) {
                const struct format_example *f = &FORMATS[i];

                assert_true(custom_format_is_valid(f->format, f->good, strlen(f->good)));
                assert_true(!f->bad || !custom_format_is_valid(f->format, f->bad, strlen(f->bad)));
        }
}

static void unknown_fields_go_and_defaults_come(void **state) {
        json_t *schema = json(
                "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\",\"default\":1},"
                "\"b\":{\"type\":\"object\",\"default\":{},\"properties\":{\"c\":{\"type\":"
                "\"string\",\"default\":\"x\"}}},\"l\":{\"type\":\"array\",\"items\":{\"type\":"
                "\"object\",\"properties\":{\"n\":{\"type\":\"integer\",\"default\":5}}}},\"m\":{"
                "\"type\":\"object\",\"additionalProperties\":{\"type\":\"object\",\"properties\":"
                "{\"k\":{\"type\":\"boolean\",\"default\":true}}}},\"free\":{\"type\":\"object\","
                "\"x-kubernetes-preserve-unknown-fields\":true,\"properties\":{\"p\":{\"type\":"
                "\"object\",\"properties\":{\"q\":{\"type\":\"integer\"}}}}},\"null\":{\"type\":"
                "\"string\",\"nullable\":true,\"default\":\"y\"}}}");
        json_t *tree = json("{\"kind\":\"K\",\"a\":null,\"bogus\":1,\"l\":[{},{\"z\":1,\"n\":6}],"
                            "\"m\":{\"one\":{\"z\":1}},\"free\":{\"any\":{\"x\":1},\"p\":{\"z\":1,"
                            "\"q\":2}},\"null\":null}");
        json_t *wanted =
                json("{\"kind\":\"K\",\"a\":1,\"b\":{\"c\":\"x\"},\"l\":[{\"n\":5},{\"n\":6"
                     "}],\"m\":{\"one\":{\"k\":true}},\"free\":{\"any\":{\"x\":1},\"p\":{"
                     "\"q\":2}},\"null\":null}");
        const struct path root = path_field(NULL, "");
        struct diags d = { 0 };
        struct compiled c;
        (void) state;
        assert_int_equal(custom_compile(schema, &root, &d, &c), 0);

        assert_int_equal(custom_prune_node(c.root, tree, true), 0);
        assert_int_equal(custom_default_node(c.root, tree), 0);

        assert_true(json_equal(tree, wanted));
        compiled_done(&c);
        json_decref(schema);
        json_decref(tree);
        json_decref(wanted);
}

struct rule {
        const char *schema, *text; /* of a line among the findings; NULL: none at all */
};

static const struct rule RULES[] = {
        { "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}", NULL },
        { "{\"properties\":{}}", "s.type: Required value: must not be empty at the root" },
        { "{\"type\":\"string\"}", "s.type: Invalid value: must be object at the root" },
        { "{\"type\":\"object\",\"properties\":{\"a\":{}}}",
          "s.properties[a].type: Required value: must not be empty for specified object "
          "fields" },
        { "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"array\",\"items\":{}}}}",
          "s.properties[a].items.type: Required value: must not be empty for specified "
          "array items" },
        { "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"array\"}}}",
          "s.properties[a].items: Required value: must be specified" },
        { "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},"
          "\"additionalProperties\":{\"type\":\"string\"}}",
          "s.additionalProperties: Forbidden: additionalProperties and properties are "
          "mutual exclusive" },
        { "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"anyOf\":[{"
          "\"type\":\"string\"}]}}}",
          "s.properties[a].anyOf[0].type: Forbidden: must be empty to be structural" },
        { "{\"type\":\"object\",\"properties\":{\"a\":{\"anyOf\":[{\"type\":\"integer\"},{"
          "\"type\":\"string\"}],\"x-kubernetes-int-or-string\":true}}}",
          NULL },
        { "{\"type\":\"object\",\"allOf\":[{\"properties\":{\"b\":{\"minimum\":1}}}]}",
          "s.properties[b]: Required value: because it is defined in" },
        { "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\",\"default\":"
          "\"x\"}}}",
          "s.properties[a].default: Invalid value: \"string\"" },
        { "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"object\",\"default\":{"
          "\"z\":1}}}}",
          "s.properties[a].default: Invalid value: must not have unknown fields" },
        { "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"pattern\":"
          "\"(\"}}}",
          "s.properties[a].pattern: Invalid value: must be a valid regular expression" },
        { "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"pattern\":"
          "\"(?=a)\"}}}",
          "invalid or unsupported Perl syntax" },
        { "{\"type\":\"object\",\"$ref\":\"#/x\"}", "s.$ref: Forbidden: $ref is not supported" },
        { "{\"type\":\"object\",\"tpye\":\"x\"}", "s.tpye: unknown field" },
        { "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"array\",\"uniqueItems\":"
          "true,\"items\":{\"type\":\"string\"}}}}",
          "uniqueItems cannot be set to true since the runtime complexity" },
        { "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"array\","
          "\"x-kubernetes-list-type\":\"map\",\"items\":{\"type\":\"object\","
          "\"properties\":{\"n\":{\"type\":\"string\"}}},\"x-kubernetes-list-map-keys\":["
          "\"n\"]}}}",
          "s.properties[a].items.properties[n].default: Required value: this property is "
          "in x-kubernetes-list-map-keys" },
        { "{\"type\":\"object\",\"properties\":{\"metadata\":{\"type\":\"object\","
          "\"properties\":{\"labels\":{\"type\":\"object\"}}}}}",
          "s.properties[metadata]: Forbidden: must not specify anything other than name" },
        { "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"null\"}}}",
          "s.properties[a].type: Forbidden: type cannot be set to null" },
        { "{\"type\":\"object\",\"properties\":7}", "s.properties: must be a map of schemas" },
};

static void schemas_must_be_structural(void **state) {
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(RULES); i++) {
                json_t *schema = json(RULES[i].schema);
                struct diags d = { 0 };
                AUTO_FREE char *found = NULL;

                assert_int_equal(custom_schema_check(schema, "s", &d), 0);
                found = findings(&d);
                if (!RULES[i].text ? *found != '\0' : !strstr(found, RULES[i].text))
                        print_error("%s\n -> %s\n", RULES[i].schema, found);
                assert_true(!RULES[i].text ? *found == '\0' : strstr(found, RULES[i].text) != NULL);
                json_decref(schema);
        }
}

static void deep_schemas_are_refused(void **state) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        AUTO_FREE char *found = NULL;
        struct diags d = { 0 };
        json_t *schema;
        (void) state;
        for (int i = 0; i < 60; i++)
                strbuf_add(&b, "{\"type\":\"array\",\"items\":");
        strbuf_add(&b, "{\"type\":\"string\"}");
        for (int i = 0; i < 60; i++)
                strbuf_add(&b, "}");
        schema = json(b.s);

        assert_int_equal(custom_schema_check(schema, "s", &d), 0);

        found = findings(&d);
        assert_non_null(strstr(found, "nested too deeply"));
        json_decref(schema);
}

static void patterns_have_a_price(void **state) {
        char text[200];
        uint32_t budget = REGEX_BUDGET;
        struct regex *r = NULL;
        (void) state;
        memset(text, 'a', sizeof(text));
        assert_int_equal(regex_new("^(a+)+$", &r, NULL), 0);
        assert_int_equal(regex_matches(r, text, sizeof(text), &budget), 1);
        text[sizeof(text) - 1] = 'b';

        for (int i = 0; i < 10; i++)
                assert_int_equal(regex_matches(r, text, sizeof(text), &budget), -ETIME);

        assert_int_equal(budget, 0);
        regex_free(r);
}

static void patterns_are_those_of_re2(void **state) {
        static const char *const REFUSED[] = { "(?=a)", "(?!a)", "(?<=a)", "(a)\\1", "a++",
                                               "(?>a)", "(",     "[",      "\\C" };
        static const char *const TAKEN[] = { "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
                                             "(?i)abc",
                                             "(?:a|b)",
                                             "(?P<n>a)",
                                             "[]a]+",
                                             "\\d{1,3}",
                                             "a+?",
                                             "[(?=]" };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(REFUSED); i++) {
                struct regex *r = NULL;

                assert_true(regex_new(REFUSED[i], &r, NULL) < 0);
        }
        for (size_t i = 0; i < ARRAY_SIZE(TAKEN); i++) {
                struct regex *r = NULL;

                assert_int_equal(regex_new(TAKEN[i], &r, NULL), 0);
                regex_free(r);
        }
}

struct column {
        const char *path, *type, *cell; /* as JSON */
};

static void columns_find_the_first_match(void **state) {
        static const struct column COLUMNS[] = {
                { ".spec.n", "integer", "3" },
                { ".spec.f", "integer", "2" },
                { ".spec.f", "number", "2.5" },
                { ".spec.n", "string", "\"3\"" },
                { ".spec.s", "integer", "null" },
                { ".spec.missing", "string", "null" },
                { ".spec.list[0]", "string", "\"a\"" },
                { ".spec.list[-1]", "string", "\"b\"" },
                { ".spec.list", "string", "\"[\\\"a\\\",\\\"b\\\"]\"" },
                { ".status.conditions[?(@.type==\"Ready\")].status", "string", "\"True\"" },
                { ".status.conditions[?(@.type == 'Other')].status", "string", "null" },
                { ".status.conditions[*].type", "string", "\"Up\"" },
                { ".metadata.annotations.example\\.com/x", "string", "\"y\"" },
                { ".metadata.annotations['example.com/x']", "string", "\"y\"" },
                { ".spec.on", "boolean", "true" },
                { ".metadata.creationTimestamp", "date", "\"60s\"" },
                { ".spec.s", "date", "\"<unknown>\"" },
        };
        static const char *const BAD[] = { "spec.n", ".", ".spec[", ".spec[?(@.a)]", ".spec..a" };
        AUTO(arena) struct arena *a = arena_new(0);
        json_t *tree = json(
                "{\"metadata\":{\"creationTimestamp\":\"2026-01-02T03:04:05Z\",\"annotations\":{"
                "\"example.com/x\":\"y\"}},\"spec\":{\"n\":3,\"f\":2.5,\"s\":\"t\",\"on\":true,"
                "\"list\":[\"a\",\"b\"]},\"status\":{\"conditions\":[{\"type\":\"Up\"},{\"type\":"
                "\"Ready\",\"status\":\"True\"}]}}");
        uint64_t now = 0;
        (void) state;
        assert_int_equal(clock_parse("2026-01-02T03:05:05Z", &now), 0);

        for (size_t i = 0; i < ARRAY_SIZE(COLUMNS); i++) {
                const struct column_path *p = NULL;
                json_t *cells = json_array(), *wanted = json(COLUMNS[i].cell);

                assert_int_equal(column_path_parse(COLUMNS[i].path, a, &p, NULL), 0);
                assert_int_equal(
                        column_add_cell(COLUMNS[i].type, column_path_find(p, tree), now, cells), 0);
                if (!json_equal(json_array_get(cells, 0), wanted))
                        print_error("%s: %s\n", COLUMNS[i].path,
                                    json_dumps(cells, JSON_ENCODE_ANY));
                assert_true(json_equal(json_array_get(cells, 0), wanted));
                json_decref(cells);
                json_decref(wanted);
        }
        for (size_t i = 0; i < ARRAY_SIZE(BAD); i++) {
                const struct column_path *p = NULL;

                assert_int_equal(column_path_parse(BAD[i], a, &p, NULL), -EINVAL);
        }
        json_decref(tree);
}

/* ---- definitions ---- */

static const char DEFINITION[] =
        "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"CustomResourceDefinition\","
        "\"metadata\":{\"name\":\"tabs.example.com\"},\"spec\":{\"group\":\"example.com\","
        "\"scope\":"
        "\"Namespaced\",\"names\":{\"plural\":\"tabs\",\"kind\":\"Tab\"},\"versions\":[{\"name\":"
        "\"v1\",\"served\":true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":{\"type\":"
        "\"object\",\"properties\":{\"spec\":{\"type\":\"object\",\"properties\":{\"ports\":{"
        "\"type\":\"array\",\"x-kubernetes-list-type\":\"map\",\"x-kubernetes-list-map-keys\":["
        "\"port\"],\"items\":{\"type\":\"object\",\"required\":[\"port\"],\"properties\":{\"port\":"
        "{\"type\":\"integer\"}}}}}}}}}}]}}";

struct change_example {
        const char *path, *value, *text;
};

static void definitions_are_checked_in_kubernetes_words(void **state) {
        static const struct change_example CHANGES[] = {
                { "metadata.name", "\"other.example.com\"",
                  "metadata.name: Invalid value: \"other.example.com\": must be "
                  "spec.names.plural+\".\"+spec.group" },
                { "spec.group", "\"example\"",
                  "spec.group: Invalid value: \"example\": should be a domain with at least one "
                  "dot" },
                { "spec.group", "\"x.k8s.io\"",
                  "Required value: protected groups must have approval annotation "
                  "\"api-approved.kubernetes.io\"" },
                { "spec.versions", "[]", "spec.versions: Required value" },
                { "spec.names.listKind", "\"Tab\"", "kind and listKind may not be the same" },
                { "spec.names.kind", "\"tab_x\"",
                  "may have mixed case, but should otherwise match" },
                { "spec.preserveUnknownFields", "true",
                  "spec.preserveUnknownFields: Invalid value: true: must be false" },
                { "spec.scope", "\"Planet\"", "spec.scope: Unsupported value: \"Planet\"" },
                { "spec.conversion", "{\"strategy\":\"Webhook\"}",
                  "spec.conversion.strategy: Unsupported value: \"Webhook\"" },
                { "spec.versions",
                  "[{\"name\":\"v1\",\"served\":true,\"storage\":false,\"schema\":{"
                  "\"openAPIV3Schema\":{\"type\":\"object\"}}}]",
                  "must have exactly one version marked as storage version" },
                { "spec.versions", "[{\"name\":\"v1\",\"served\":true,\"storage\":true}]",
                  "spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required" },
                { "spec.versions",
                  "[{\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":{"
                  "\"openAPIV3Schema\":{\"type\":\"object\",\"x-kubernetes-validations\":[{"
                  "\"rule\":"
                  "\"true\"}]}}}]",
                  "x-kubernetes-validations, rules in CEL, are not evaluated" },
                { "spec.versions",
                  "[{\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":{"
                  "\"openAPIV3Schema\":{\"type\":\"object\"}},\"subresources\":{\"scale\":{"
                  "\"specReplicasPath\":\".status.a\",\"statusReplicasPath\":\".status.b\"}}}]",
                  "specReplicasPath: Invalid value: \".status.a\": should be a json path under "
                  ".spec" },
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(CHANGES); i++) {
                AUTO_FREE char *found = NULL;
                json_t *tree = json(DEFINITION);
                struct diags d = { 0 };

                assert_int_equal(custom_put(tree, CHANGES[i].path, json(CHANGES[i].value)), 0);
                assert_int_equal(kind_default(&crd_kind, tree, NULL), 0);
                assert_int_equal(kind_validate(&crd_kind, tree, 0, &d), 0);
                found = findings(&d);
                if (!strstr(found, CHANGES[i].text))
                        print_error("%s -> %s\n", CHANGES[i].path, found);
                assert_non_null(strstr(found, CHANGES[i].text));
                json_decref(tree);
        }
}

static void a_good_definition_makes_a_kind(void **state) {
        json_t *tree = json(DEFINITION);
        const struct custom_version v = { .definition = tree, .name = "v1" };
        AUTO_FREE char *found = NULL;
        const struct kind *k = NULL;
        struct schema_place place;
        struct diags d = { 0 };
        (void) state;
        assert_int_equal(kind_default(&crd_kind, tree, NULL), 0);
        assert_int_equal(kind_validate(&crd_kind, tree, 0, &d), 0);
        found = findings(&d);
        assert_string_equal(found, "");

        assert_int_equal(custom_kind_new(&v, &k, NULL), 0);

        assert_string_equal(k->api_version, "example.com/v1");
        assert_string_equal(k->list_name, "TabList");
        assert_string_equal(k->singular, "tab");
        assert_int_equal(k->n_columns, 2);
        assert_int_equal(schema_find(k->schema, "spec.ports.port", &place, NULL), 0);
        assert_int_equal(schema_find(k->schema, "spec.ports", &place, NULL), 0);
        assert_string_equal(place.field->merge_key, "port");
        json_decref(tree); /* the kind keeps what it needs */
        assert_string_equal(k->plural, "tabs");
        kind_unref(k);
}

static void an_object_outlives_its_kind(void **state) {
        const struct custom_names names = { .group = "example.com",
                                            .version = "v1",
                                            .kind = "Tab",
                                            .plural = "tabs",
                                            .is_namespaced = true };
        const char text[] = "{\"metadata\":{\"name\":\"a\"},\"any\":[1]}";
        struct object *o = NULL;
        const struct kind *k = NULL;
        (void) state;
        assert_int_equal(custom_kind_new_named(&names, &k, NULL), 0);
        assert_int_equal(object_new_from_text(k, text, strlen(text), true, &o, NULL), 0);

        kind_unref(k);

        assert_string_equal(o->kind->list_name, "TabList");
        assert_string_equal(o->meta->name, "a");
        object_unref(o);
}

static void scale_paths_reach_into_objects(void **state) {
        json_t *tree = json("{\"spec\":{\"a\":{\"n\":2}},\"text\":\"x\"}");
        (void) state;

        assert_int_equal(json_integer_value(custom_at(tree, "spec.a.n")), 2);
        assert_null(custom_at(tree, "spec.b.n"));
        assert_null(custom_at(tree, NULL));
        assert_int_equal(custom_put(tree, "spec.b.n", json_integer(7)), 0);
        assert_int_equal(json_integer_value(custom_at(tree, "spec.b.n")), 7);
        assert_int_equal(custom_put(tree, "text.n", json_integer(7)), -EINVAL);
        json_decref(tree);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(values_are_checked_in_kubernetes_words),
                cmocka_unit_test(formats_are_known),
                cmocka_unit_test(unknown_fields_go_and_defaults_come),
                cmocka_unit_test(schemas_must_be_structural),
                cmocka_unit_test(deep_schemas_are_refused),
                cmocka_unit_test(patterns_have_a_price),
                cmocka_unit_test(patterns_are_those_of_re2),
                cmocka_unit_test(columns_find_the_first_match),
                cmocka_unit_test(definitions_are_checked_in_kubernetes_words),
                cmocka_unit_test(a_good_definition_makes_a_kind),
                cmocka_unit_test(an_object_outlives_its_kind),
                cmocka_unit_test(scale_paths_reach_into_objects),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
