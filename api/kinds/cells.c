/* Cells of the tables that get prints. */
#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "api/kinds/tables.h"
#include "base/clock.h"
#include "base/str.h"

#include <stdio.h>

int cell_add(json_t *cells, json_t *take_value) {
        return take_value && json_array_append_new(cells, take_value) == 0 ? 0 : -ENOMEM;
}

int cell_add_text(json_t *cells, const char *text) {
        return cell_add(cells, json_string(str_is_empty(text) ? "<none>" : text));
}

int cell_add_age(json_t *cells, const struct object_meta *m, uint64_t now_usec) {
        char age[AGE_TEXT_MAX];

        return cell_add_text(cells, age_format(m->creation_timestamp, now_usec, age));
}

int cell_add_containers(json_t *cells, const struct pod_spec *spec) {
        AUTO_DONE(strbuf) struct strbuf names = { 0 }, images = { 0 };

        for (size_t i = 0; i < spec->containers.n; i++) {
                const char *comma = i > 0 ? "," : "";

                strbuf_addf(&names, "%s%s", comma, str_or_empty(spec->containers.items[i].name));
                strbuf_addf(&images, "%s%s", comma, str_or_empty(spec->containers.items[i].image));
        }
        if (names.has_failed || images.has_failed || cell_add_text(cells, names.s) < 0)
                return -ENOMEM;
        return cell_add_text(cells, images.s);
}

int cell_add_map(json_t *cells, const struct string_map *m) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        for (size_t i = 0; i < m->n; i++)
                strbuf_addf(&b, "%s%s=%s", i > 0 ? "," : "", m->items[i].key, m->items[i].value);
        return b.has_failed ? -ENOMEM : cell_add_text(cells, b.s);
}

/* As kubectl: the further back, the coarser. */
char *age_format(uint64_t since_usec, uint64_t now_usec, char buf[AGE_TEXT_MAX]) {
        unsigned long long s, m, h, d;

        if (since_usec == 0) {
                (void) snprintf(buf, AGE_TEXT_MAX, "<unknown>");
                return buf;
        }
        s = now_usec > since_usec ? (now_usec - since_usec) / USEC_PER_SEC : 0;
        m = s / 60;
        h = m / 60;
        d = h / 24;
        if (s < 120)
                (void) snprintf(buf, AGE_TEXT_MAX, "%llus", s);
        else if (m < 10 && s % 60 != 0)
                (void) snprintf(buf, AGE_TEXT_MAX, "%llum%llus", m, s % 60);
        else if (m < 180)
                (void) snprintf(buf, AGE_TEXT_MAX, "%llum", m);
        else if (h < 8 && m % 60 != 0)
                (void) snprintf(buf, AGE_TEXT_MAX, "%lluh%llum", h, m % 60);
        else if (h < 48)
                (void) snprintf(buf, AGE_TEXT_MAX, "%lluh", h);
        else if (d < 8 && h % 24 != 0)
                (void) snprintf(buf, AGE_TEXT_MAX, "%llud%lluh", d, h % 24);
        else if (d < 730)
                (void) snprintf(buf, AGE_TEXT_MAX, "%llud", d);
        else if (d < 8 * 365 && d % 365 != 0)
                (void) snprintf(buf, AGE_TEXT_MAX, "%lluy%llud", d / 365, d % 365);
        else
                (void) snprintf(buf, AGE_TEXT_MAX, "%lluy", d / 365);
        return buf;
}
