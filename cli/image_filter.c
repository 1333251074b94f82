#include "cli/image_filter.h"

#include "base/str.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#define FILTER_ID_MIN 4 /* digits of an ID that begin to mean it */

static const char *filter_text(const json_t *image, const char *key) {
        return str_or_empty(json_string_value(json_object_get(image, key)));
}

/* "host/team/app:1" as a whole, and behind each '/'; each of them with and without its tag. */
static bool filter_name_fits(const char *pattern, const char *name) {
        AUTO_FREE char *bare = strdup(name);
        char *slash = bare ? strrchr(bare, '/') : NULL;
        char *tag = bare ? strchr(slash ? slash : bare, ':') : NULL;

        if (tag)
                *tag = '\0';
        for (const char *p = name; p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL)
                if (fnmatch(pattern, p, FNM_PATHNAME) == 0 ||
                    (bare && fnmatch(pattern, bare + (p - name), FNM_PATHNAME) == 0))
                        return true;
        return false;
}

/* Keeps the names that a pattern fits. Returns whether any is left. */
static bool filter_names(const struct option_texts *filters, json_t *image) {
        json_t *names = json_object_get(image, "names");

        for (size_t i = json_array_size(names); i-- > 0;) {
                const char *name = str_or_empty(json_string_value(json_array_get(names, i)));
                bool fits = false;

                for (size_t k = 0; k < filters->n; k++)
                        if (str_starts_with(filters->items[k], "reference="))
                                fits |= filter_name_fits(filters->items[k] + strlen("reference="),
                                                         name);
                if (!fits)
                        (void) json_array_remove(names, i);
        }
        return json_array_size(names) > 0;
}

static bool filter_label_fits(const char *wanted, const json_t *image) {
        AUTO_FREE char *key = strndup(wanted, strcspn(wanted, "="));
        const json_t *label = json_object_get(json_object_get(image, "labels"), str_or_empty(key));
        const char *value = strchr(wanted, '=');

        return label && (!value || str_eq(json_string_value(label), value + 1));
}

/* An image by one of its names or the begin of its ID; NULL: there is none. */
static const json_t *filter_find(const json_t *images, const char *word) {
        const char *hex = word + (str_starts_with(word, "sha256:") ? strlen("sha256:") : 0);
        const json_t *image, *name;
        size_t i, n;

        json_array_foreach(images, i, image) {
                json_array_foreach(json_object_get(image, "names"), n, name)
                        if (filter_name_fits(word, str_or_empty(json_string_value(name))))
                                return image;
                if (strlen(hex) >= FILTER_ID_MIN &&
                    str_starts_with(filter_text(image, "id") + strlen("sha256:"), hex))
                        return image;
        }
        return NULL;
}

/* What a filter is held against; times as RFC 3339 in UTC, which sort as text. */
struct filter_bounds {
        const char *before, *since; /* NULL: none */
        bool wants_reference;
        const char *dangling; /* "true", "false" or NULL */
};

static int filter_bounds_read(const struct option_texts *filters, const json_t *images,
                              struct filter_bounds *ret, struct err *e) {
        static const char *const known[] = { "reference=", "dangling=", "before=", "since=",
                                             "label=" };

        for (size_t i = 0; i < filters->n; i++) {
                const char *filter = filters->items[i], *value = strchr(filter, '=');
                bool is_before = str_starts_with(filter, "before=");
                const json_t *image;
                size_t k = 0;

                while (k < ARRAY_SIZE(known) && !str_starts_with(filter, known[k]))
                        k++;
                if (k == ARRAY_SIZE(known) || str_is_empty(value + 1))
                        return err_set(e, -EINVAL,
                                       "--filter %s is none; reference=, dangling=, before=, "
                                       "since= and label= are known, with a value",
                                       filter);
                ret->wants_reference |= str_starts_with(filter, "reference=");
                if (str_starts_with(filter, "dangling="))
                        ret->dangling = value + 1;
                if (!is_before && !str_starts_with(filter, "since="))
                        continue;
                image = filter_find(images, value + 1);
                if (!image)
                        return err_set(e, -ENOENT, "--filter %s: no image is called so", filter);
                *(is_before ? &ret->before : &ret->since) = filter_text(image, "created");
        }
        if (ret->dangling && !str_eq(ret->dangling, "true") && !str_eq(ret->dangling, "false"))
                return err_set(e, -EINVAL, "--filter dangling= takes true or false");
        return 0;
}

static bool filter_fits(const struct option_texts *filters, const struct filter_bounds *bounds,
                        json_t *image) {
        bool is_dangling = json_array_size(json_object_get(image, "names")) == 0;
        const char *created = filter_text(image, "created");

        for (size_t i = 0; i < filters->n; i++)
                if (str_starts_with(filters->items[i], "label=") &&
                    !filter_label_fits(filters->items[i] + strlen("label="), image))
                        return false;
        if (bounds->dangling && is_dangling != str_eq(bounds->dangling, "true"))
                return false;
        if ((bounds->before && strcmp(created, bounds->before) >= 0) ||
            (bounds->since && strcmp(created, bounds->since) <= 0))
                return false;
        return !bounds->wants_reference || filter_names(filters, image);
}

int image_filter_apply(const struct option_texts *filters, json_t *images, struct err *e) {
        struct filter_bounds bounds = { 0 };
        json_t *kept = json_array();
        json_t *image;
        size_t i;
        int r = kept ? filter_bounds_read(filters, images, &bounds, e)
                     : err_set(e, -ENOMEM, "out of memory");

        /* Bounds are borrowed from images, which stay until all are looked at. */
        json_array_foreach(images, i, image)
                if (r == 0 && filter_fits(filters, &bounds, image))
                        (void) json_array_append(kept, image);
        if (r == 0) {
                (void) json_array_clear(images);
                (void) json_array_extend(images, kept);
        }
        json_decref(kept);
        return r;
}
