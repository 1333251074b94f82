#include "daemon/image/record.h"

#include "base/str.h"

#include <string.h>

#define RECORD_LAYERS_MAX 500

int image_words_add(struct image_words *words, const char *word) {
        char **items = reallocarray(words->items, words->n + 1, sizeof(*items));

        if (!items)
                return -ENOMEM;
        words->items = items;
        items[words->n] = strdup(word);
        if (!items[words->n])
                return -ENOMEM;
        words->n++;
        return 0;
}

void image_words_done(struct image_words *words) {
        for (size_t i = 0; i < words->n; i++)
                free(words->items[i]);
        free(words->items);
        *words = (struct image_words){ 0 };
}

bool image_words_has(const struct image_words *words, const char *word) {
        for (size_t i = 0; i < words->n; i++)
                if (strcmp(words->items[i], word) == 0)
                        return true;
        return false;
}

struct image *image_ref(struct image *image) {
        image->refs++;
        return image;
}

void image_unref(struct image *image) {
        if (!image || --image->refs > 0)
                return;
        free(image->id);
        image_words_done(&image->names);
        image_words_done(&image->layers);
        image_words_done(&image->entrypoint);
        image_words_done(&image->cmd);
        image_words_done(&image->env);
        image_words_done(&image->digests);
        image_words_done(&image->health.test);
        free(image->manifest);
        free(image->working_dir);
        free(image->user);
        free(image->stop_signal);
        free(image->architecture);
        free(image->os);
        free(image->created);
        free(image);
}

bool image_digest_is_valid(const char *digest) {
        return str_starts_with(digest, "sha256:") && strlen(digest) == 7 + 64 &&
               strspn(digest + 7, "0123456789abcdef") == 64;
}

/* A list of strings; missing and null are empty. */
static int record_read_words(const json_t *list, struct image_words *ret) {
        if (!list || json_is_null(list))
                return 0;
        if (!json_is_array(list))
                return -EINVAL;
        for (size_t i = 0; i < json_array_size(list); i++) {
                const char *word = json_string_value(json_array_get(list, i));
                int r = word ? image_words_add(ret, word) : -EINVAL;

                if (r < 0)
                        return r;
        }
        return 0;
}

/* A string; missing, null and empty are NULL. */
static int record_read_text(const json_t *text, char **ret) {
        if (!text || json_is_null(text) || str_eq(json_string_value(text), ""))
                return 0;
        if (!json_is_string(text))
                return -EINVAL;
        *ret = strdup(json_string_value(text));
        return *ret ? 0 : -ENOMEM;
}

/* Docker counts nanoseconds. What is no sensible time is not said. */
static uint64_t record_read_nsec(const json_t *nsec) {
        json_int_t n = json_integer_value(nsec);

        return n > 0 ? (uint64_t) (n + 999) / 1000 : 0;
}

static int record_add_words(struct image_words *words, const char *const *from, size_t n) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++)
                r = image_words_add(words, from[i]);
        return r;
}

/* ["NONE"], ["CMD", words...], ["CMD-SHELL", text]. Anything else is no check: an image isn't
 * refused for it. */
static int record_read_health(const json_t *run, struct image_health *ret) {
        static const char *const shell[] = { "/bin/sh", "-c" };
        const json_t *health = json_object_get(run, "Healthcheck"),
                     *own = json_object_get(run, "Shell");
        const json_t *test = json_object_get(health, "Test");
        const char *kind = json_string_value(json_array_get(test, 0));
        json_int_t retries = json_integer_value(json_object_get(health, "Retries"));
        bool is_shell = str_eq(kind, "CMD-SHELL");
        int r = 0;

        if ((!is_shell && !str_eq(kind, "CMD")) || json_array_size(test) < 2)
                return 0;
        if (is_shell && json_array_size(own) > 0)
                r = record_read_words(own, &ret->test);
        else if (is_shell)
                r = record_add_words(&ret->test, shell, ARRAY_SIZE(shell));
        for (size_t i = 1; r == 0 && i < json_array_size(test); i++) {
                const char *word = json_string_value(json_array_get(test, i));

                r = word ? image_words_add(&ret->test, word) : -EINVAL;
        }
        if (r < 0)
                image_words_done(&ret->test);
        ret->interval_usec = record_read_nsec(json_object_get(health, "Interval"));
        ret->timeout_usec = record_read_nsec(json_object_get(health, "Timeout"));
        ret->retries = retries > 0 ? (unsigned) MIN(retries, 1000) : 0;
        return r == -EINVAL ? 0 : r;
}

static int record_read_config(const json_t *config, struct image *image) {
        const json_t *run = json_object_get(config, "config");
        const struct {
                const json_t *from;
                char **to;
        } texts[] = {
                { json_object_get(run, "WorkingDir"), &image->working_dir },
                { json_object_get(run, "User"), &image->user },
                { json_object_get(run, "StopSignal"), &image->stop_signal },
                { json_object_get(config, "architecture"), &image->architecture },
                { json_object_get(config, "os"), &image->os },
                { json_object_get(config, "created"), &image->created },
        };
        const struct {
                const char *name;
                struct image_words *to;
        } lists[] = { { "Entrypoint", &image->entrypoint },
                      { "Cmd", &image->cmd },
                      { "Env", &image->env } };

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                int r = record_read_text(texts[i].from, texts[i].to);

                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
                int r = record_read_words(json_object_get(run, lists[i].name), lists[i].to);

                if (r < 0)
                        return r;
        }
        return record_read_health(run, &image->health);
}

static int record_read_layers(const json_t *layers, const char *layers_dir, struct image *image) {
        if (!json_is_array(layers) || json_array_size(layers) > RECORD_LAYERS_MAX)
                return -EINVAL;
        for (size_t i = 0; i < json_array_size(layers); i++) {
                const char *digest = json_string_value(json_array_get(layers, i));
                AUTO_FREE char *path = NULL;
                int r;

                if (!digest || !image_digest_is_valid(digest))
                        return -EINVAL;
                path = str_format("%s/%s", layers_dir, digest + strlen("sha256:"));
                r = path ? image_words_add(&image->layers, path) : -ENOMEM;
                if (r < 0)
                        return r;
        }
        return 0;
}

int image_record_decode(const char *text, size_t len, const char *layers_dir, struct image **ret,
                        struct err *e) {
        AUTO(image) struct image *image = calloc(1, sizeof(*image));
        json_t *root;
        int r;

        if (!image)
                return err_set(e, -ENOMEM, "out of memory");
        image->refs = 1;
        root = json_loadb(text, len, 0, NULL);
        r = root ? record_read_text(json_object_get(root, "id"), &image->id) : -EINVAL;
        if (r == 0 && (!image->id || !image_digest_is_valid(image->id)))
                r = -EINVAL;
        if (r == 0)
                r = record_read_layers(json_object_get(root, "layers"), layers_dir, image);
        if (r == 0)
                r = record_read_config(json_object_get(root, "config"), image);
        if (r == 0)
                r = record_read_text(json_object_get(root, "manifest"), &image->manifest);
        if (r == 0 && image->manifest && !image_digest_is_valid(image->manifest))
                r = -EINVAL;
        if (r == 0)
                r = record_read_words(json_object_get(root, "digests"), &image->digests);
        if (r == 0)
                image->size_bytes =
                        (uint64_t) json_integer_value(json_object_get(root, "sizeBytes"));
        json_decref(root);
        if (r < 0)
                return err_set(e, r,
                               r == -ENOMEM
                                       ? "out of memory"
                                       : "the image's record is damaged; load the image again");
        *ret = STEAL(image);
        return 0;
}

static json_t *record_words_to_json(const struct image_words *words) {
        json_t *list = json_array();

        for (size_t i = 0; list && i < words->n; i++) {
                if (json_array_append_new(list, json_string(words->items[i])) == 0)
                        continue;
                json_decref(list);
                return NULL;
        }
        return list;
}

char *image_record_write(const struct image_record *record) {
        json_t *root = json_pack("{s:s, s:o, s:O, s:I, s:s*}", "id", record->id, "layers",
                                 record_words_to_json(record->diff_ids), "config", record->config,
                                 "sizeBytes", (json_int_t) record->size_bytes, "manifest",
                                 record->manifest);
        char *text = NULL;

        if (root &&
            (!record->digests || record->digests->n == 0 ||
             json_object_set_new(root, "digests", record_words_to_json(record->digests)) == 0))
                text = json_dumps(root, JSON_COMPACT);
        json_decref(root);
        return text;
}

char *image_record_encode(const char *id, const json_t *config, const struct image_words *diff_ids,
                          uint64_t size_bytes) {
        return image_record_write(&(struct image_record){
                .id = id, .config = config, .diff_ids = diff_ids, .size_bytes = size_bytes });
}
