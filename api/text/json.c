#include "api/text/text.h"

#include <string.h>

/* Whether brackets nest too deeply. Looks at brackets outside of strings only; what isn't JSON at
 * all is the parser's business. */
static bool json_is_too_deep(const char *text, size_t len) {
        size_t depth = 0;
        bool is_string = false;

        for (size_t i = 0; i < len; i++) {
                if (is_string) {
                        if (text[i] == '\\')
                                i++;
                        else
                                is_string = text[i] != '"';
                        continue;
                }
                if (text[i] == '"')
                        is_string = true;
                else if (text[i] == '{' || text[i] == '[')
                        depth++;
                else if ((text[i] == '}' || text[i] == ']') && depth > 0)
                        depth--;
                if (depth > TEXT_DEPTH_MAX)
                        return true;
        }
        return false;
}

int text_read_json(const char *text, size_t len, size_t max_bytes, json_t **ret, struct err *e) {
        json_error_t why;
        json_t *tree;

        if (max_bytes == 0)
                max_bytes = TEXT_BYTES_MAX;
        if (len > max_bytes)
                return err_set(e, -EFBIG, "larger than %zu bytes", max_bytes);
        if (json_is_too_deep(text, len))
                return err_set(e, -EINVAL, "nested deeper than %d levels", TEXT_DEPTH_MAX);
        tree = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
        if (!tree && json_error_code(&why) == json_error_out_of_memory)
                return err_set(e, -ENOMEM, "out of memory");
        if (!tree)
                return err_set(e, -EINVAL, "not valid JSON: line %d, column %d: %s", why.line,
                               why.column, why.text);
        *ret = tree;
        return 0;
}

char *text_json_dump(const json_t *tree, size_t *ret_len) {
        char *text = json_dumps(tree, JSON_COMPACT | JSON_ENCODE_ANY);

        if (text && ret_len)
                *ret_len = strlen(text);
        return text;
}
