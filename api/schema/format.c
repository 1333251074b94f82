#include "api/schema/schema.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

/* Kubernetes' words; people search for them. */
#define FORMAT_MSG_LABEL                                                                           \
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "   \
        "and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', "   \
        "regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
#define FORMAT_MSG_LABEL_1035                                                                      \
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with "  \
        "an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "    \
        "'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
#define FORMAT_MSG_SUBDOMAIN                                                                       \
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' "  \
        "or '.', and must start and end with an alphanumeric character (e.g. 'example.com', "      \
        "regex used for validation is "                                                            \
        "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
#define FORMAT_MSG_QUALIFIED                                                                       \
        "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and "  \
        "end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex "  \
        "used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
#define FORMAT_MSG_LABEL_VALUE                                                                     \
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' "   \
        "or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or "      \
        "'my_value',  or '12345', regex used for validation is "                                   \
        "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
#define FORMAT_MSG_CONFIG_KEY                                                                      \
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. "       \
        "'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is "                \
        "'[-._a-zA-Z0-9]+')"

static bool format_is_alnum(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Letters, digits and "-_.", with letters or digits at both ends. */
static bool format_is_name(const char *s, size_t n) {
        if (n == 0 || !format_is_alnum(s[0]) || !format_is_alnum(s[n - 1]))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!format_is_alnum(s[i]) && !strchr("-_.", s[i]))
                        return false;
        return true;
}

static const char *format_qualified_name(const char *s) {
        const char *slash = strchr(s, '/');
        char prefix[254];

        if (slash) {
                size_t n = (size_t) (slash - s);

                if (n == 0)
                        return "prefix part must be non-empty";
                if (n >= sizeof(prefix))
                        return "prefix part must be no more than 253 characters";
                memcpy(prefix, s, n);
                prefix[n] = '\0';
                if (!str_is_dns_subdomain(prefix))
                        return "prefix part " FORMAT_MSG_SUBDOMAIN;
                s = slash + 1;
        }
        if (*s == '\0')
                return "name part must be non-empty";
        if (strlen(s) > 63)
                return "name part must be no more than 63 characters";
        return format_is_name(s, strlen(s)) ? NULL : FORMAT_MSG_QUALIFIED;
}

static const char *format_label_value(const char *s) {
        if (strlen(s) > 63)
                return "must be no more than 63 characters";
        return *s == '\0' || format_is_name(s, strlen(s)) ? NULL : FORMAT_MSG_LABEL_VALUE;
}

static const char *format_port_name(const char *s) {
        bool has_letter = false;
        size_t n = strlen(s);

        if (n > 15)
                return "must be no more than 15 characters";
        for (size_t i = 0; i < n; i++) {
                if (!islower((unsigned char) s[i]) && !isdigit((unsigned char) s[i]) && s[i] != '-')
                        return "must contain only alphanumeric characters (a-z, 0-9), and hyphens "
                               "(-)";
                has_letter = has_letter || islower((unsigned char) s[i]);
        }
        if (strstr(s, "--"))
                return "must not contain consecutive hyphens";
        if (!has_letter)
                return "must contain at least one letter (a-z)";
        if (s[0] == '-' || s[n - 1] == '-')
                return "must not begin or end with a hyphen";
        return NULL;
}

static const char *format_config_key(const char *s) {
        size_t n = strlen(s);

        if (n > 253)
                return "must be no more than 253 characters";
        if (n == 0)
                return FORMAT_MSG_CONFIG_KEY;
        for (size_t i = 0; i < n; i++)
                if (!format_is_alnum(s[i]) && !strchr("-_.", s[i]))
                        return FORMAT_MSG_CONFIG_KEY;
        if (strcmp(s, ".") == 0)
                return "must not be '.'";
        if (s[0] == '.' && s[1] == '.')
                return "must not start with '..'";
        return NULL;
}

static bool format_is_ip(const char *s) {
        uint8_t addr[16];

        return inet_pton(AF_INET, s, addr) == 1 || inet_pton(AF_INET6, s, addr) == 1;
}

static bool format_is_cidr(const char *s) {
        const char *slash = strchr(s, '/');
        int64_t bits;
        char ip[64];

        if (!slash || (size_t) (slash - s) >= sizeof(ip))
                return false;
        memcpy(ip, s, (size_t) (slash - s));
        ip[slash - s] = '\0';
        return format_is_ip(ip) &&
               str_to_int64(slash + 1, 0, strchr(ip, ':') ? 128 : 32, &bits) == 0;
}

static bool format_is_percent(const char *s) {
        size_t n = strlen(s);

        if (n < 2 || s[n - 1] != '%' || n > 10)
                return false;
        return strspn(s, "0123456789") == n - 1;
}

static const char *format_env_name(const char *s) {
        for (; *s; s++)
                if (*s < 0x20 || *s > 0x7e || *s == '=')
                        return "a valid environment variable name must consist only of printable "
                               "ASCII characters other than '='";
        return NULL;
}

static const char *format_relative_path(const char *s) {
        if (s[0] == '/')
                return "must be a relative path";
        for (const char *p = s; p; p = strchr(p, '/')) {
                p += *p == '/';
                if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == '\0'))
                        return "must not contain '..'";
        }
        return NULL;
}

/* k8s.io/apimachinery/pkg/api/validation/path. */
static const char *format_path_segment(const char *s) {
        if (strcmp(s, ".") == 0)
                return "may not be '.'";
        if (strcmp(s, "..") == 0)
                return "may not be '..'";
        if (strchr(s, '/'))
                return "may not contain '/'";
        return strchr(s, '%') ? "may not contain '%'" : NULL;
}

static const char *format_dns(enum field_format format, const char *s) {
        if (format == FORMAT_DNS_SUBDOMAIN) {
                if (strlen(s) > 253)
                        return "must be no more than 253 characters";
                return str_is_dns_subdomain(s) ? NULL : FORMAT_MSG_SUBDOMAIN;
        }
        if (strlen(s) > 63)
                return "must be no more than 63 characters";
        if (format == FORMAT_DNS_LABEL_1035)
                return str_is_dns_label(s) && islower((unsigned char) s[0]) ? NULL
                                                                            : FORMAT_MSG_LABEL_1035;
        return str_is_dns_label(s) ? NULL : FORMAT_MSG_LABEL;
}

const char *schema_format_check(enum field_format format, const char *text) {
        switch (format) {
        case FORMAT_DNS_LABEL:
        case FORMAT_DNS_LABEL_1035:
        case FORMAT_DNS_SUBDOMAIN:
                return format_dns(format, text);
        case FORMAT_QUALIFIED_NAME:
        case FORMAT_ANNOTATIONS:
        case FORMAT_RESOURCES:
                return format_qualified_name(text);
        case FORMAT_LABELS:
                return format_label_value(text);
        case FORMAT_CONFIG_KEY:
                return format_config_key(text);
        case FORMAT_PORT:
        case FORMAT_PORT_NAME:
                return format_port_name(text);
        case FORMAT_IP:
                return format_is_ip(text)
                               ? NULL
                               : "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
        case FORMAT_CIDR:
                return format_is_cidr(text) ? NULL
                                            : "must be a valid CIDR value, (e.g. 10.9.8.0/24 or "
                                              "2001:db8::/64)";
        case FORMAT_ABSOLUTE_PATH:
                return text[0] == '/' ? NULL : "must be an absolute path";
        case FORMAT_RELATIVE_PATH:
                return format_relative_path(text);
        case FORMAT_PATH_SEGMENT:
                return format_path_segment(text);
        case FORMAT_ENV_NAME:
                return format_env_name(text);
        case FORMAT_PERCENT:
                return format_is_percent(text)
                               ? NULL
                               : "a valid percent string must be a numeric string followed by an "
                                 "ending '%' (e.g. '1%',  or '93%', regex used for validation is "
                                 "'[0-9]+%')";
        case FORMAT_NONE:
        case FORMAT_NON_EMPTY:
                return NULL;
        }
        return NULL;
}
