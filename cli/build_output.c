#include "cli/build_output.h"

#include "base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int output_type(const char *type, const char **ret, struct err *e) {
        *ret = str_eq(type, "oci")      ? "oci-archive"
               : str_eq(type, "docker") ? "docker-archive"
                                        : NULL;
        if (*ret)
                return 0;
        return err_set(e, -EINVAL,
                       "--output type=%s is not there; write type=oci,dest=FILE or "
                       "type=docker,dest=FILE, or push with: orch image push",
                       type);
}

int build_output_parse(const char *text, struct build_output *ret, struct err *e) {
        AUTO_DONE(build_output) struct build_output o = { 0 };
        AUTO_FREE char *copy = strdup(text);
        char *save = NULL;
        int r = copy ? 0 : err_set(e, -ENOMEM, "out of memory");

        /* A folder alone is type=local. */
        if (r == 0 && !strchr(text, '='))
                return output_type("local", &o.format, e);
        for (char *field = copy ? strtok_r(copy, ",", &save) : NULL; r == 0 && field;
             field = strtok_r(NULL, ",", &save)) {
                if (str_starts_with(field, "type=")) {
                        r = output_type(field + strlen("type="), &o.format, e);
                } else if (str_starts_with(field, "dest=") && !o.dest) {
                        o.dest = strdup(field + strlen("dest="));
                        r = o.dest ? 0 : err_set(e, -ENOMEM, "out of memory");
                } else {
                        r = err_set(e, -EINVAL, "--output: \"%s\" is none of type=… and dest=…",
                                    field);
                }
        }
        if (r == 0 && (!o.format || str_is_empty(o.dest)))
                r = err_set(e, -EINVAL, "--output %s: write type=oci,dest=FILE", text);
        if (r < 0)
                return r;
        *ret = o;
        o = (struct build_output){ 0 };
        return 0;
}

void build_output_done(struct build_output *o) {
        free(o->dest);
        *o = (struct build_output){ 0 };
}
