#pragma once

/* GET /openapi/v2: every kind that is served, in the protobuf form of OpenAPI v2 that kubectl up
 * to 1.28 asks for, or in JSON for whoever wants that (docs/adr/0182). */
struct registry;
struct rest_request;
struct rest_sink;

void openapi_v2_respond(const struct registry *r, const struct rest_request *q,
                        const struct rest_sink *sink, void *data);
