/* What the image says: the instructions that change nothing else, and the whole in the end. */
#include "base/arena.h"
#include "base/str.h"
#include "daemon/plan/build_walk.h"

#include <ctype.h>
#include <string.h>

#define BUILD_PORTS_MAX 5000

static int config_set(struct build_walk *w, const char *key, json_t *take_value) {
        return json_object_set_new(w->config, key, take_value) < 0 ? -ENOMEM : 0;
}

static int config_set_words(struct build_walk *w, const char *key,
                            const struct build_words *words) {
        json_t *list = json_array();

        for (size_t i = 0; list && i < words->n; i++)
                if (json_array_append_new(list, json_string(words->items[i])) < 0) {
                        json_decref(list);
                        return -ENOMEM;
                }
        return config_set(w, key, list);
}

/* The object below key, made where there is none. NULL: memory is out. Borrowed. */
static json_t *config_map(struct build_walk *w, const char *key) {
        json_t *map = json_object_get(w->config, key);

        if (json_is_object(map))
                return map;
        map = json_object();
        return config_set(w, key, map) < 0 ? NULL : map;
}

static int config_command(struct build_walk *w, const struct dockerfile_instruction *in) {
        struct build_words words = { 0 };
        int r = build_walk_command(w, &in->command, &words);

        if (r < 0)
                return r;
        if (in->verb == DOCKERFILE_CMD) {
                w->is_cmd_set = true;
                return config_set_words(w, "Cmd", &words);
        }
        /* A new entry point makes the base's arguments meaningless, but not the stage's own. */
        if (!w->is_cmd_set)
                (void) json_object_del(w->config, "Cmd");
        return config_set_words(w, "Entrypoint", &words);
}

static int config_shell(struct build_walk *w, const struct dockerfile_instruction *in) {
        struct build_words words = { 0 };
        int r = build_walk_command(w, &in->command, &words);

        w->shell = words;
        return r < 0 ? r : config_set_words(w, "Shell", &words);
}

static int config_labels(struct build_walk *w, const struct dockerfile_instruction *in) {
        json_t *labels = config_map(w, "Labels");
        int r = labels ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < in->pairs.n; i++) {
                const struct dockerfile_pair *pair = &in->pairs.items[i];
                const char *name, *value;

                r = build_walk_expand(w, &pair->key, &name);
                if (r == 0)
                        r = build_scope_expand(&w->scope, pair->value, pair->key.place, &value,
                                               w->d);
                if (r == 0 && json_object_set_new(labels, name, json_string(value)) < 0)
                        r = -ENOMEM;
        }
        return r;
}

/* "80", "80-90/udp". */
static int config_port(struct build_walk *w, json_t *ports, const char *text,
                       struct dockerfile_place place) {
        char *end;
        unsigned long first = strtoul(text, &end, 10), last = first;
        const char *protocol = "tcp";

        if (!isdigit((unsigned char) *text))
                end = (char *) text;
        if (end != text && *end == '-' && isdigit((unsigned char) end[1]))
                last = strtoul(end + 1, &end, 10);
        if (end != text && *end == '/')
                protocol = end + 1;
        if (end == text || (*end && *end != '/') || first > last || last > 65535 ||
            last - first > BUILD_PORTS_MAX ||
            (strcasecmp(protocol, "tcp") != 0 && strcasecmp(protocol, "udp") != 0 &&
             strcasecmp(protocol, "sctp") != 0))
                return build_walk_error(w, place,
                                        "\"%s\" is no port: write 80, 80/udp or "
                                        "8000-8010",
                                        text);
        for (unsigned long port = first; port <= last; port++) {
                AUTO_FREE char *key = str_format("%lu/%s", port, protocol);

                for (char *c = key; c && *c; c++)
                        *c = (char) tolower((unsigned char) *c);
                if (!key || json_object_set_new(ports, key, json_object()) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int config_ports(struct build_walk *w, const struct dockerfile_instruction *in) {
        json_t *ports = config_map(w, "ExposedPorts");
        int r = ports ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < in->words.n; i++) {
                const char *text;
                char *copy, *save = NULL;

                r = build_walk_expand(w, &in->words.items[i], &text);
                if (r < 0)
                        return r;
                /* A variable may hold several. */
                copy = arena_strdup(w->plan->arena, text);
                if (!copy)
                        return -ENOMEM;
                for (char *p = strtok_r(copy, " \t", &save); r == 0 && p;
                     p = strtok_r(NULL, " \t", &save))
                        r = config_port(w, ports, p, in->words.items[i].place);
        }
        return r;
}

static int config_volumes(struct build_walk *w, const struct dockerfile_instruction *in) {
        json_t *volumes = config_map(w, "Volumes");
        int r = volumes ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < in->words.n; i++) {
                const char *text;

                r = build_walk_expand(w, &in->words.items[i], &text);
                if (r == 0 && str_is_empty(text))
                        r = build_walk_error(w, in->words.items[i].place,
                                             "a volume's path is "
                                             "empty");
                if (r == 0 && json_object_set_new(volumes, text, json_object()) < 0)
                        r = -ENOMEM;
        }
        return r;
}

static int config_text(struct build_walk *w, const struct dockerfile_instruction *in) {
        const char *text;
        int r = build_walk_expand(w, &in->words.items[0], &text);

        if (r < 0)
                return r;
        if (in->verb == DOCKERFILE_USER)
                w->user = text;
        return config_set(w, in->verb == DOCKERFILE_USER ? "User" : "StopSignal",
                          json_string(text));
}

static int config_health(struct build_walk *w, const struct dockerfile_instruction *in) {
        const struct dockerfile_health *h = &in->health;
        const struct {
                const char *key;
                uint64_t usec;
        } times[] = { { "Interval", h->interval_usec },
                      { "Timeout", h->timeout_usec },
                      { "StartPeriod", h->start_period_usec },
                      { "StartInterval", h->start_interval_usec } };
        json_t *test = json_array(), *health = json_object();
        int r = test && health ? 0 : -ENOMEM;

        if (h->is_none)
                r |= json_array_append_new(test, json_string("NONE"));
        else if (in->command.form == DOCKERFILE_FORM_EXEC) {
                r |= json_array_append_new(test, json_string("CMD"));
                for (size_t i = 0; i < in->command.words.n; i++)
                        r |= json_array_append_new(test,
                                                   json_string(in->command.words.items[i].text));
        } else {
                r |= json_array_append_new(test, json_string("CMD-SHELL"));
                r |= json_array_append_new(test, json_string(str_or_empty(in->command.text)));
        }
        r |= json_object_set(health, "Test", test);
        /* Docker counts nanoseconds. */
        for (size_t i = 0; i < ARRAY_SIZE(times); i++)
                if (times[i].usec > 0)
                        r |= json_object_set_new(health, times[i].key,
                                                 json_integer((json_int_t) times[i].usec * 1000));
        if (h->retries > 0)
                r |= json_object_set_new(health, "Retries", json_integer(h->retries));
        r |= json_object_set(w->config, "Healthcheck", health);
        json_decref(test);
        json_decref(health);
        return r == 0 ? 0 : -ENOMEM;
}

static int config_trigger(struct build_walk *w, const struct dockerfile_instruction *in) {
        json_t *list = json_object_get(w->config, "OnBuild");

        if (!json_is_array(list)) {
                list = json_array();
                if (config_set(w, "OnBuild", list) < 0)
                        return -ENOMEM;
        }
        return json_array_append_new(list, json_string(in->trigger->text)) < 0 ? -ENOMEM : 0;
}

int build_walk_config(struct build_walk *w, const struct dockerfile_instruction *in) {
        struct build_step *step;
        int r = build_walk_step(w, in, BUILD_STEP_CONFIG, &step);

        if (r < 0)
                return r;
        switch (in->verb) {
        case DOCKERFILE_CMD:
        case DOCKERFILE_ENTRYPOINT:
                return config_command(w, in);
        case DOCKERFILE_SHELL:
                return config_shell(w, in);
        case DOCKERFILE_LABEL:
                return config_labels(w, in);
        case DOCKERFILE_EXPOSE:
                return config_ports(w, in);
        case DOCKERFILE_VOLUME:
                return config_volumes(w, in);
        case DOCKERFILE_USER:
        case DOCKERFILE_STOPSIGNAL:
                return config_text(w, in);
        case DOCKERFILE_HEALTHCHECK:
                return config_health(w, in);
        case DOCKERFILE_ONBUILD:
                return config_trigger(w, in);
        default:
                return 0; /* MAINTAINER: its author is written with the whole */
        }
}

/* ---- the whole ---- */

/* Names of the machine's part of a platform, as an image says them. */
static void image_platform(json_t *image, const char *platform) {
        static const char *const keys[] = { "os", "architecture", "variant" };

        for (size_t i = 0; platform && i < ARRAY_SIZE(keys); i++) {
                size_t len = strcspn(platform, "/");

                if (len > 0)
                        (void) json_object_set_new(image, keys[i], json_stringn(platform, len));
                platform = platform[len] ? platform + len + 1 : NULL;
        }
}

static int image_add_step(json_t *history, json_t *diff_ids, const struct build_step *step,
                          const struct build_layer *layer, const char *created) {
        json_t *entry = json_pack("{s:s, s:s}", "created", created, "created_by", step->history);
        int r = entry ? 0 : -1;

        if (layer->diff_id)
                r |= json_array_append_new(diff_ids, json_string(layer->diff_id));
        else
                r |= json_object_set_new(entry, "empty_layer", json_true());
        return r | json_array_append_new(history, entry);
}

/* Histories and layers grow with each stage that stands on another. */
static json_t *image_begin(const struct build_plan *plan, const json_t *base_config) {
        json_t *image = json_object(), *history, *diff_ids;
        const struct build_options *o = plan->options;

        image_platform(image, o->platform ? o->platform : o->machine);
        for (size_t i = 0; base_config && i < 3; i++) {
                static const char *const keys[] = { "os", "architecture", "variant" };
                json_t *value = json_object_get(base_config, keys[i]);

                if (json_is_string(value))
                        (void) json_object_set(image, keys[i], value);
        }
        history = json_deep_copy(json_object_get(base_config, "history"));
        diff_ids =
                json_deep_copy(json_object_get(json_object_get(base_config, "rootfs"), "diff_ids"));
        if (!json_is_array(history)) {
                json_decref(history);
                history = json_array();
        }
        if (!json_is_array(diff_ids)) {
                json_decref(diff_ids);
                diff_ids = json_array();
        }
        if (json_object_set_new(image, "history", history) < 0 ||
            json_object_set_new(image, "rootfs",
                                json_pack("{s:s, s:o}", "type", "layers", "diff_ids", diff_ids)) <
                    0) {
                json_decref(image);
                return NULL;
        }
        return image;
}

json_t *build_image_config(const struct build_plan *plan, size_t stage_index,
                           const json_t *base_config, const struct build_layer *layers,
                           const char *created) {
        const struct build_stage *stage = &plan->stages[stage_index];
        json_t *image = image_begin(plan, base_config);
        json_t *history = json_object_get(image, "history");
        json_t *diff_ids = json_object_get(json_object_get(image, "rootfs"), "diff_ids");
        int r = image ? 0 : -1;

        for (size_t i = 0; r == 0 && i < stage->n_steps; i++) {
                const struct dockerfile_instruction *in = stage->steps[i].in;

                r = image_add_step(history, diff_ids, &stage->steps[i], &layers[i], created);
                if (in->verb == DOCKERFILE_MAINTAINER)
                        r |= json_object_set_new(image, "author",
                                                 json_string(in->words.items[0].text));
        }
        if (r == 0)
                r = json_object_set(image, "config", stage->run_config);
        if (r == 0)
                r = json_object_set_new(image, "created", json_string(created));
        if (r == 0)
                return image;
        json_decref(image);
        return NULL;
}
