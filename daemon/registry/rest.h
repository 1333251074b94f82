#pragma once

#include "daemon/registry/rest_message.h"

/* The whole API as one function: the HTTP face and the in-process client of the controllers both
 * call it. */
struct registry;

/* Answers a request. Never blocks; on the loop thread. Errors are answers: Status objects. */
void rest_handle(struct registry *registry, const struct rest_request *request,
                 const struct rest_sink *sink, void *data);
