#include "base/str.h"
#include "daemon/image/tar.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

/* A stream under construction, read in pieces of a few bytes. */
struct stream {
        struct strbuf bytes;
        size_t at, piece;
        struct strbuf raw;
};

static int next(void *userdata, const void **ret, size_t *ret_len, struct err *e) {
        struct stream *s = userdata;
        (void) e;

        *ret = s->bytes.s + s->at;
        *ret_len = MIN(s->piece, s->bytes.len - s->at);
        s->at += *ret_len;
        return 0;
}

static int raw(void *userdata, const void *data, size_t len, struct err *e) {
        struct stream *s = userdata;
        (void) e;

        strbuf_add_len(&s->raw, data, len);
        return 0;
}

static void add_header(struct stream *s, const char *name, char type, const char *size) {
        char block[TAR_BLOCK] = { 0 };
        unsigned sum = 0;

        (void) snprintf(block, 100, "%s", name);
        (void) snprintf(block + 100, 8, "0000644");
        (void) snprintf(block + 124, 12, "%s", size);
        block[156] = type;
        memcpy(block + 257, "ustar\00000", 8);
        memset(block + 148, ' ', 8);
        for (size_t i = 0; i < sizeof(block); i++)
                sum += (unsigned char) block[i];
        (void) snprintf(block + 148, 8, "%06o", sum & 0777777);
        strbuf_add_len(&s->bytes, block, sizeof(block));
}

static void add_data(struct stream *s, const char *data, size_t len) {
        static const char zeros[TAR_BLOCK];

        strbuf_add_len(&s->bytes, data, len);
        strbuf_add_len(&s->bytes, zeros, -len & (TAR_BLOCK - 1));
}

static void add_end(struct stream *s) {
        static const char zeros[2 * TAR_BLOCK];

        strbuf_add_len(&s->bytes, zeros, sizeof(zeros));
}

static void stream_done(struct stream *s) {
        strbuf_done(&s->bytes);
        strbuf_done(&s->raw);
}
DEFINE_AUTO_DONE(stream);

static struct tar_reader *reader_of(struct stream *s) {
        struct tar_reader *reader = NULL;

        if (s->piece == 0)
                s->piece = 77;
        assert_int_equal(
                tar_reader_new(&(struct tar_input){ .next = next, .raw = raw, .userdata = s },
                               &reader, NULL),
                0);
        return reader;
}

static void a_pax_header_says_more_of_the_next_entry(void **state) {
        static const char pax[] = "19 path=other/name\n22 mtime=1234567890.5\n"
                                  "30 SCHILY.xattr.user.a=x\0y=\nz\n";
        AUTO_DONE(stream) struct stream s = { 0 };
        AUTO(tar_reader) struct tar_reader *reader = reader_of(&s);
        const struct tar_entry *entry = NULL;
        (void) state;

        add_header(&s, "x", 'x', "00000000107");
        add_data(&s, pax, 71);
        add_header(&s, "name", '0', "00000000000");
        add_header(&s, "second", '0', "00000000000");
        add_end(&s);

        assert_int_equal(tar_next(reader, &entry, NULL), 0);
        assert_string_equal(entry->path, "other/name");
        assert_int_equal(entry->mtime_sec, 1234567890);
        assert_int_equal(entry->mtime_nsec, 500000000);
        assert_int_equal(entry->n_xattrs, 1);
        assert_string_equal(entry->xattrs[0].name, "user.a");
        assert_int_equal(entry->xattrs[0].len, 6);
        assert_memory_equal(entry->xattrs[0].value, "x\0y=\nz", 6);
        assert_int_equal(tar_next(reader, &entry, NULL), 0);
        assert_string_equal(entry->path, "second");
        assert_int_equal(entry->n_xattrs, 0);
        assert_int_equal(tar_next(reader, &entry, NULL), 0);
        assert_null(entry);
}

static void what_is_no_payload_is_told_and_both_make_the_stream(void **state) {
        AUTO_DONE(stream) struct stream s = { .piece = 100 };
        AUTO(tar_reader) struct tar_reader *reader = reader_of(&s);
        const struct tar_entry *entry = NULL;
        const void *data;
        size_t len = 0, payload = 0;
        (void) state;

        add_header(&s, "read", '0', "00000001001");
        add_data(&s, (const char[513]){ 'r' }, 513);
        add_header(&s, "unread", '0', "00000000007");
        add_data(&s, "passed!", 7);
        add_end(&s);
        add_end(&s); /* tapes are filled up */

        assert_int_equal(tar_next(reader, &entry, NULL), 0);
        do {
                assert_int_equal(tar_data(reader, &data, &len, NULL), 0);
                payload += len;
        } while (len > 0);
        assert_int_equal(tar_next(reader, &entry, NULL), 0);
        assert_int_equal(tar_next(reader, &entry, NULL), 0);
        assert_null(entry);
        assert_int_equal(payload, 513);
        assert_int_equal(s.raw.len + payload, s.bytes.len);
        assert_int_equal(tar_position(reader), s.bytes.len);
}

/* Sizes beyond eight octal gigabytes are binary; the payload isn't asked for here. */
static void a_size_may_be_larger_than_octal_digits_say(void **state) {
        AUTO_DONE(stream) struct stream s = { 0 };
        AUTO(tar_reader) struct tar_reader *reader = reader_of(&s);
        const struct tar_entry *entry = NULL;
        static const char pax[] = "20 size=10000000000\n";
        (void) state;

        add_header(&s, "x", 'x', "00000000024");
        add_data(&s, pax, 20);
        add_header(&s, "big", '0', "00000000000");
        add_data(&s, "b", 1);

        assert_int_equal(tar_next(reader, &entry, NULL), 0);
        assert_true(entry->size_bytes == 10000000000);
        assert_int_equal(tar_next(reader, &entry, NULL), -EBADMSG);
}

static void damaged_streams_are_refused_in_words(void **state) {
        static const struct {
                const char *name, *size;
                char type;
                const char *word;
        } cases[] = {
                { "f", "00000009000", '0', "size" },       /* no octal digit */
                { "f", "00000001000", '0', "cut short" },  /* there is no payload */
                { "x", "77777777777", 'x', "larger than" } /* a header of 8 GiB */
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                AUTO_DONE(stream) struct stream s = { 0 };
                AUTO(tar_reader) struct tar_reader *reader = reader_of(&s);
                const struct tar_entry *entry = NULL;
                struct err e = { 0 };
                int r;

                add_header(&s, cases[i].name, cases[i].type, cases[i].size);
                r = tar_next(reader, &entry, &e);
                if (r == 0)
                        r = tar_next(reader, &entry, &e);

                assert_true(r < 0);
                assert_non_null(strstr(err_text(&e), cases[i].word));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_pax_header_says_more_of_the_next_entry),
                cmocka_unit_test(what_is_no_payload_is_told_and_both_make_the_stream),
                cmocka_unit_test(a_size_may_be_larger_than_octal_digits_say),
                cmocka_unit_test(damaged_streams_are_refused_in_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
