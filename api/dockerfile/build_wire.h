#pragma once

/* What "orch build" sends to a node, one tar stream, and what it gets back.
 *
 *   build.json      an object of the members below
 *   Dockerfile      the file, wherever it was
 *   secrets/ID      for RUN --mount=type=secret
 *   auth/registries.json  {"user", "password", "sources": [files in Docker's format]}: for FROM;
 *                         steps can't read it
 *   context/…       the context without what .dockerignore leaves out
 *
 * Back come lines of JSON: {"stage", "step", "of", "title", "state"} when a step's state changes,
 * {"stage", "step", "log"} for what it prints
 * ({"log"}: what the build itself has to say), {"image": {"id", "names", "sizeBytes"}} at the end.
 */
#define BUILD_WIRE_REQUEST "build.json"
#define BUILD_WIRE_FILE "Dockerfile"
#define BUILD_WIRE_SECRETS "secrets"
#define BUILD_WIRE_AUTH "auth"
#define BUILD_WIRE_AUTH_FILE BUILD_WIRE_AUTH "/registries.json"
#define BUILD_WIRE_CONTEXT "context"

/* Members of build.json; all but the first may be missing. */
#define BUILD_WIRE_NAME "file" /* the Dockerfile's name, for findings */
#define BUILD_WIRE_TAGS "tags" /* list of references */
#define BUILD_WIRE_TARGET "target"
#define BUILD_WIRE_ARGS "buildArgs" /* object of texts */
#define BUILD_WIRE_PLATFORM "platform"
#define BUILD_WIRE_NO_CACHE "noCache"   /* boolean */
#define BUILD_WIRE_NETWORK "network"    /* "none": for all steps */
#define BUILD_WIRE_MEMORY "memoryBytes" /* of each step */
#define BUILD_WIRE_CPU "cpuMilli"
#define BUILD_WIRE_EPOCH "sourceDateEpoch" /* seconds since 1970 */

/* A step's states. */
#define BUILD_STATE_STARTED "started"
#define BUILD_STATE_DONE "done"
#define BUILD_STATE_CACHED "cached"
#define BUILD_STATE_FAILED "failed"
