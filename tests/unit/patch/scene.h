#pragma once

#include "api/kinds/config.h"
#include "api/patch/apply.h"
#include "base/err.h"
#include "tests/unit/kinds/fixture.h"

#include <jansson.h>
#include <stdbool.h>

/* One object and those who write it. Each write reads and writes managedFields as text, as the
 * server does. */
struct scene {
        const struct kind *kind;
        json_t *live;  /* NULL: none yet */
        char *managed; /* text */
        unsigned now;  /* seconds */
        char conflict[2000];
        char error[ERR_TEXT_MAX];
};

void scene_done(struct scene *s);
struct apply_author scene_author(struct scene *s, const char *name, char time[24]);
/* Server-side apply of text (fixture_tree()'s) by name. Returns managers_apply()'s result. */
int scene_apply(struct scene *s, const char *name, const char *config, bool force);
/* The same for a tree. */
int scene_apply_tree(struct scene *s, const char *name, const json_t *config, bool force);
/* An ordinary update to text by name. Returns managers_update()'s result. */
int scene_update(struct scene *s, const char *name, const char *text);
/* The object is text. */
void scene_assert_live(const struct scene *s, const char *text);
/* owners: "manager operation {fields}" a line, with ' for ". */
void scene_assert_owners(const struct scene *s, const char *owners);

/* Manifests of little more than what a test is about. */
#define MAP(data) "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'m'},'data':" data "}"
#define POD(spec) "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'p'},'spec':" spec "}"
