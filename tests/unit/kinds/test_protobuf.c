/* Request bodies as kubectl 1.33 writes them, byte for byte, and what they say in JSON. */
#include "api/kinds/bodies.h"
#include "api/schema/protobuf.h"
#include "tests/unit/kinds/fixture.h"

#include <stdlib.h>

struct vector {
        const char *kind;
        const char *hex;
        const char *json; /* without apiVersion and kind */
};

#define META_EMPTY                                                                                 \
        "1200"                                                                                     \
        "1a00"                                                                                     \
        "2200"                                                                                     \
        "2a00"                                                                                     \
        "3200"                                                                                     \
        "3800"                                                                                     \
        "4200"

static const struct vector vectors[] = {
        { "ConfigMap",
          "6b3873000a0f0a0276311209436f6e6669674d6170121b0a110a0163" META_EMPTY
          "12060a01611201621a002200",
          "{'metadata':{'name':'c'},'data':{'a':'b'}}" },
        { "Secret",
          "6b3873000a0c0a0276311206536563726574121d0a110a0173" META_EMPTY
          "12060a016b1201761a001a002200",
          "{'metadata':{'name':'s'},'data':{'k':'dg=='}}" },
        /* replicas is a pointer, so its zero counts; an empty strategy doesn't. */
        { "Deployment",
          "6b3873000a150a07617070732f7631120a4465706c6f796d656e7412b8010a1f0a0377656212001a"
          "0022002a003200380042005a0a0a0361707012037765621286010800120c0a0a0a03617070120377"
          "65621a6c0a1c0a0012001a0022002a003200380042005a0a0a036170701203776562124c122e0a05"
          "6e67696e7812056e67696e782a00320a0a001000185022002a0042006a0072008001008801009001"
          "00a201001a00320042004a0052005800600068008201008a01009a0100c2010022020a0028003800"
          "1a0c0800100018002000280038001a002200",
          "{'metadata':{'name':'web','labels':{'app':'web'}},'spec':{'replicas':0,'selector':{"
          "'matchLabels':{'app':'web'}},'template':{'metadata':{'labels':{'app':'web'}},'spec':{"
          "'containers':[{'name':'nginx','image':'nginx','ports':[{'containerPort':80}]}]}}}}" },
        { "Service",
          "6b3873000a0d0a02763112075365727669636512690a1f0a03737663" META_EMPTY
          "5a0a0a03617070120373766312420a1b0a0738302d38303830120354435018502207080010903f1a0028"
          "00120a0a0361707012037376631a002209436c757374657249503a00420052005a00600068001a020a00"
          "1a002200",
          "{'metadata':{'name':'svc','labels':{'app':'svc'}},'spec':{'ports':[{'name':'80-8080',"
          "'protocol':'TCP','port':80,'targetPort':8080}],'selector':{'app':'svc'},'type':"
          "'ClusterIP'}}" },
        { "Service",
          "6b3873000a0d0a027631120753657276696365126a0a1d0a026e70" META_EMPTY
          "5a090a0361707012026e7012450a200a0738302d6874747012035443501850220a080110001a0468747470"
          "2880eb0112090a0361707012026e701a0022084e6f6465506f72743a00420052005a00600068001a020a00"
          "1a002200",
          "{'metadata':{'name':'np','labels':{'app':'np'}},'spec':{'ports':[{'name':'80-http',"
          "'protocol':'TCP','port':80,'targetPort':'http','nodePort':30080}],'selector':{'app':"
          "'np'},'type':'NodePort'}}" },
};

static size_t unhex(const char *hex, uint8_t *out) {
        size_t n = strlen(hex) / 2;

        for (size_t i = 0; i < n; i++) {
                char pair[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

                out[i] = (uint8_t) strtoul(pair, NULL, 16);
        }
        return n;
}

/* The tree of one vector, the caller's. */
static json_t *decoded(const char *hex, struct diags *d) {
        struct protobuf_envelope envelope;
        const struct kind *k;
        uint8_t data[1024];
        struct err e = { 0 };
        json_t *tree = NULL;

        assert_true(strlen(hex) / 2 <= sizeof(data));
        if (protobuf_envelope_read(data, unhex(hex, data), &envelope, &e) < 0)
                fail_msg("envelope: %s", err_text(&e));
        k = kind_find(envelope.api_version, envelope.kind);
        if (!k)
                fail_msg("no kind %s of %s", envelope.kind, envelope.api_version);
        if (protobuf_decode(k->schema, envelope.raw, envelope.raw_len, d, &tree, &e) < 0)
                fail_msg("%s: %s", envelope.kind, err_text(&e));
        return tree;
}

static void bodies_of_kubectl_become_what_json_would_be(void **state) {
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
                json_auto_t *tree = decoded(vectors[i].hex, NULL);
                json_auto_t *wanted = fixture_tree(vectors[i].json);
                AUTO_FREE char *text = json_dumps(tree, JSON_COMPACT);

                if (!json_equal(tree, wanted))
                        fail_msg("%s: %s", vectors[i].kind, text);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(bodies_of_kubectl_become_what_json_would_be),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
