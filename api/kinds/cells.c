/* Cells of the tables that get prints. */
#include "api/kinds/labels.h"
#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "api/kinds/tables.h"
#include "api/schema/quantity.h"
#include "base/clock.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

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

int cell_add_since(json_t *cells, uint64_t since_usec, uint64_t now_usec) {
        char age[AGE_TEXT_MAX];

        return cell_add_text(cells, since_usec ? age_format(since_usec, now_usec, age) : NULL);
}

int cell_add_quantity(json_t *cells, struct quantity q) {
        char text[QUANTITY_TEXT_MAX];
        int64_t whole = q.milli / 1000;

        if (!q.is_set)
                return cell_add(cells, json_string(""));
        if (q.milli % 1000 == 0 && whole >= 1024 && whole % 1024 == 0)
                return cell_add(cells, json_string(quantity_format_bytes(whole, text)));
        return cell_add(cells, json_string(quantity_format_milli(q.milli, text)));
}

int cell_add_opt_bool(json_t *cells, struct opt_bool value) {
        return cell_add_text(cells, !value.is_set ? NULL : value.value ? "True" : "False");
}

int cell_add_opt_int(json_t *cells, struct opt_int value) {
        AUTO_FREE char *text =
                value.is_set ? str_format("%lld", (long long) value.value) : strdup("<unset>");

        return text ? cell_add_text(cells, text) : -ENOMEM;
}

int cell_add_selector(json_t *cells, const struct label_selector *selector) {
        AUTO_FREE char *text = NULL;

        if (!selector)
                return cell_add_text(cells, NULL);
        text = label_selector_format(selector);
        return text ? cell_add_text(cells, text) : -ENOMEM;
}

int cell_add_workload(json_t *cells, const struct pod_spec *spec,
                      const struct label_selector *selector) {
        if (cell_add_containers(cells, spec) < 0)
                return -ENOMEM;
        return cell_add_selector(cells, selector);
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
