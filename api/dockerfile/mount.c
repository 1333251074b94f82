#include "api/dockerfile/parse_internal.h"
#include "base/arena.h"
#include "base/str.h"

#include <string.h>
#include <strings.h>

#define MOUNTS_MAX 100

/* One "key=value" of --mount. */
struct mount_field {
        const char *key, *value; /* value NULL: no "=" */
        struct dockerfile_place place;
};

static bool mount_bool(struct parser *p, const struct mount_field *f) {
        if (!f->value || strcasecmp(f->value, "true") == 0 || strcmp(f->value, "1") == 0)
                return true;
        if (strcasecmp(f->value, "false") != 0 && strcmp(f->value, "0") != 0)
                (void) parser_error(p, f->place, "%s=%s of --mount is neither true nor false",
                                    f->key, f->value);
        return false;
}

static uint32_t mount_number(struct parser *p, const struct mount_field *f, bool is_octal) {
        int64_t n = 0;
        bool is_good;

        if (is_octal) {
                is_good = *f->value && strlen(f->value) <= 5 &&
                          strspn(f->value, "01234567") == strlen(f->value);
                for (const char *c = f->value; is_good && *c; c++)
                        n = n * 8 + (*c - '0');
        } else
                is_good = str_to_int64(f->value, 0, UINT32_MAX - 1, &n) == 0;
        if (!is_good)
                (void) parser_error(p, f->place, "%s=%s of --mount is no %s", f->key, f->value,
                                    is_octal ? "octal mode like 0400" : "number");
        return (uint32_t) n;
}

/* "64m", "1g", "4096". */
static int64_t mount_size(struct parser *p, const struct mount_field *f) {
        static const char units[] = "bkmgt";
        AUTO_FREE char *digits = strndup(f->value, strspn(f->value, "0123456789"));
        const char *rest = f->value + strspn(f->value, "0123456789"), *unit;
        int64_t n = 0;

        unit = *rest ? strchr(units, *rest | 0x20) : units;
        if (digits && str_to_int64(digits, 0, 1LL << 40, &n) == 0 && unit &&
            (*rest == '\0' || rest[1] == '\0' || strcasecmp(rest + 1, "b") == 0) &&
            n <= INT64_MAX >> (10 * (unit - units)))
                return n << (10 * (unit - units));
        (void) parser_error(p, f->place, "size=%s of --mount is no size: write it like 64m",
                            f->value);
        return 0;
}

static void mount_type(struct parser *p, const struct mount_field *f, struct dockerfile_mount *m) {
        static const char *const types[] = { "bind", "cache", "tmpfs", "secret" };
        const char *near;
        struct diag *d;

        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                if (strcmp(types[i], f->value) == 0) {
                        m->type = (enum dockerfile_mount_type) i;
                        return;
                }
        if (strcmp(f->value, "ssh") == 0) {
                (void) parser_error(p, f->place,
                                    "--mount=type=ssh is not possible: orch forwards no agent; "
                                    "pass a key with type=secret");
                return;
        }
        d = parser_error(p, f->place,
                         "unknown mount type \"%s\": bind, cache, tmpfs and secret "
                         "are known",
                         f->value);
        near = str_nearest(f->value, types, ARRAY_SIZE(types));
        if (near)
                diag_set_hint(d, "did you mean \"%s\"?", near);
}

static void mount_sharing(struct parser *p, const struct mount_field *f,
                          struct dockerfile_mount *m) {
        static const char *const names[] = { "shared", "private", "locked" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(names[i], f->value) == 0) {
                        m->sharing = (enum dockerfile_sharing) i;
                        return;
                }
        (void) parser_error(p, f->place,
                            "sharing=%s of --mount is not known: write shared, "
                            "private or locked",
                            f->value);
}

enum mount_key {
        KEY_TYPE,
        KEY_TARGET,
        KEY_SOURCE,
        KEY_FROM,
        KEY_ID,
        KEY_ENV,
        KEY_READ_ONLY,
        KEY_WRITABLE,
        KEY_SHARING,
        KEY_REQUIRED,
        KEY_SIZE,
        KEY_MODE,
        KEY_UID,
        KEY_GID,
};

static const struct mount_key_name {
        const char *name;
        enum mount_key key;
        bool is_switch;
} mount_keys[] = {
        { "type", KEY_TYPE, false },        { "target", KEY_TARGET, false },
        { "dst", KEY_TARGET, false },       { "destination", KEY_TARGET, false },
        { "source", KEY_SOURCE, false },    { "src", KEY_SOURCE, false },
        { "from", KEY_FROM, false },        { "id", KEY_ID, false },
        { "env", KEY_ENV, false },          { "readonly", KEY_READ_ONLY, true },
        { "ro", KEY_READ_ONLY, true },      { "readwrite", KEY_WRITABLE, true },
        { "rw", KEY_WRITABLE, true },       { "sharing", KEY_SHARING, false },
        { "required", KEY_REQUIRED, true }, { "size", KEY_SIZE, false },
        { "mode", KEY_MODE, false },        { "uid", KEY_UID, false },
        { "gid", KEY_GID, false },
};

static void mount_set_text(struct parser *p, enum mount_key key, const struct mount_field *f,
                           struct dockerfile_mount *m) {
        switch (key) {
        case KEY_TYPE:
                mount_type(p, f, m);
                break;
        case KEY_TARGET:
                m->target = f->value;
                parser_check_variables(p, f->value, f->place);
                break;
        case KEY_SOURCE:
                m->source = f->value;
                parser_check_variables(p, f->value, f->place);
                break;
        case KEY_FROM:
                m->from = f->value;
                break;
        case KEY_ID:
                m->id = f->value;
                break;
        case KEY_ENV:
                m->env = f->value;
                break;
        default:
                mount_sharing(p, f, m);
                break;
        }
}

static void mount_set(struct parser *p, enum mount_key key, const struct mount_field *f,
                      struct dockerfile_mount *m) {
        switch (key) {
        case KEY_READ_ONLY:
                m->is_read_only = mount_bool(p, f);
                m->is_writable = !m->is_read_only;
                break;
        case KEY_WRITABLE:
                m->is_writable = mount_bool(p, f);
                m->is_read_only = !m->is_writable;
                break;
        case KEY_REQUIRED:
                m->is_required = mount_bool(p, f);
                break;
        case KEY_SIZE:
                m->size_bytes = mount_size(p, f);
                break;
        case KEY_MODE:
                m->mode = mount_number(p, f, true);
                m->has_mode = true;
                break;
        case KEY_UID:
                m->uid = mount_number(p, f, false);
                break;
        case KEY_GID:
                m->gid = mount_number(p, f, false);
                break;
        default:
                mount_set_text(p, key, f, m);
                break;
        }
}

static void mount_apply(struct parser *p, const struct mount_field *f, struct dockerfile_mount *m) {
        const char *names[ARRAY_SIZE(mount_keys)], *near;
        struct diag *d;

        for (size_t i = 0; i < ARRAY_SIZE(mount_keys); i++) {
                names[i] = mount_keys[i].name;
                if (strcasecmp(mount_keys[i].name, f->key) != 0)
                        continue;
                if (f->value || mount_keys[i].is_switch)
                        mount_set(p, mount_keys[i].key, f, m);
                else
                        (void) parser_error(p, f->place, "%s of --mount needs a value", f->key);
                return;
        }
        d = parser_error(p, f->place, "unknown key \"%s\" of --mount", f->key);
        near = str_nearest(f->key, names, ARRAY_SIZE(names));
        if (near)
                diag_set_hint(d, "did you mean \"%s\"?", near);
}

/* What can't be said before all keys are known. */
static void mount_check(struct parser *p, struct dockerfile_mount *m) {
        if (m->type == DOCKERFILE_MOUNT_SECRET) {
                if (!m->id && !m->target)
                        (void) parser_error(p, m->place,
                                            "--mount=type=secret names no secret: add id=NAME");
                else if (!m->id) {
                        const char *slash = strrchr(m->target, '/');

                        m->id = slash ? slash + 1 : m->target;
                }
                return;
        }
        if (str_is_empty(m->target))
                (void) parser_error(p, m->place, "--mount has no target: add target=/PATH");
        if (m->from && m->type != DOCKERFILE_MOUNT_BIND)
                (void) parser_error(p, m->place, "from= is for type=bind only: caches begin empty");
        if (m->from && strchr(m->from, '$'))
                (void) parser_error(p, m->place,
                                    "variables are not substituted in from=: name a "
                                    "stage that begins with \"FROM %s AS name\"",
                                    m->from);
}

/* One field of comma-separated values, quotes taken off. */
static const char *mount_next(const char **text, struct arena *a) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        bool is_quoted = false;

        for (; **text && (is_quoted || **text != ','); (*text)++) {
                if (**text == '"')
                        is_quoted = !is_quoted;
                else
                        strbuf_add_char(&b, **text);
        }
        if (**text == ',')
                (*text)++;
        return b.has_failed ? NULL : arena_strdup(a, str_or_empty(b.s));
}

int mount_read(struct parser *p, const char *text, struct dockerfile_place place,
               struct dockerfile_instruction *in) {
        struct dockerfile_mount *room = list_room(p->a, in->mounts, in->n_mounts, sizeof(*room));
        struct dockerfile_mount m = { .place = place };

        if (!room)
                return -ENOMEM;
        if (in->n_mounts == MOUNTS_MAX) {
                (void) parser_error(p, place, "more than %d mounts", MOUNTS_MAX);
                return 0;
        }
        while (*text) {
                const char *word = mount_next(&text, p->a);
                char *equals = word ? strchr(word, '=') : NULL;
                struct mount_field f = { .key = word, .place = place };

                if (!word)
                        return -ENOMEM;
                if (equals) {
                        *equals = '\0';
                        f.value = equals + 1;
                }
                mount_apply(p, &f, &m);
        }
        mount_check(p, &m);
        in->mounts = room;
        room[in->n_mounts++] = m;
        return 0;
}
