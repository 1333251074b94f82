#include "daemon/image/source.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <zlib.h>

/* 4.2 GiB: more than the 32 bits of gzip's own counter, and of the library's. */
#define PIECE (1U << 20)
#define N_PIECES 4301U
/* Of so many zeros: head -c 4509925376 /dev/zero | sha256sum. */
#define BIG_DIGEST "sha256:5303815af3f2d064cc78ea80bb1a8a43ab4e1885fbf1315e9a3ec045295daa43"

static void put(int fd, const void *data, size_t len) {
        assert_int_equal(write(fd, data, len), (ssize_t) len);
}

static void put_u32(int fd, uint32_t value) {
        const uint8_t bytes[] = { (uint8_t) value, (uint8_t) (value >> 8), (uint8_t) (value >> 16),
                                  (uint8_t) (value >> 24) };

        put(fd, bytes, sizeof(bytes));
}

/* One member of gzip (RFC 1952) of n pieces of zeros: a piece is deflated once, up to a byte's
 * edge, and repeated. off: added to the checksum and the length, to make them wrong. */
static int make_zeros(unsigned n, uint32_t crc_off, uint32_t length_off) {
        static const uint8_t header[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255 };
        static const uint8_t last_block[] = { 3, 0 };
        static uint8_t zeros[PIECE], packed[PIECE];
        z_stream z = { .next_in = zeros, .avail_in = PIECE };
        uLong crc = crc32(0, NULL, 0), piece_crc = crc32(0, zeros, PIECE);
        int fd = memfd_create("zeros", MFD_CLOEXEC);

        z.next_out = packed;
        z.avail_out = sizeof(packed);
        assert_true(fd >= 0);
        assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
        assert_int_equal(deflate(&z, Z_FULL_FLUSH), Z_OK);
        put(fd, header, sizeof(header));
        for (unsigned i = 0; i < n; i++) {
                put(fd, packed, z.total_out);
                crc = crc32_combine(crc, piece_crc, PIECE);
        }
        put(fd, last_block, sizeof(last_block));
        put_u32(fd, (uint32_t) crc + crc_off);
        put_u32(fd, (uint32_t) ((uint64_t) n * PIECE) + length_off);
        (void) deflateEnd(&z);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        return fd;
}

/* Reads fd to its end. Returns what source_next() failed with, or 0. */
static int drain(int fd, uint64_t *ret_len, char content[DIGEST_TEXT_MAX]) {
        AUTO(source) struct source *s = NULL;
        char blob[DIGEST_TEXT_MAX];
        struct err e = { 0 };
        int r = source_new(fd, &s, &e);
        size_t len = 1;

        *ret_len = 0;
        while (r == 0 && len > 0) {
                const void *data;

                len = 0;
                r = source_next(s, &data, &len, &e);
                *ret_len += len;
        }
        if (r == 0)
                source_digests(s, blob, content);
        return r;
}

static void more_than_32_bits_count_come_out_of_one_gzip_member(void **state) {
        char content[DIGEST_TEXT_MAX] = "";
        AUTO_CLOSE int fd = make_zeros(N_PIECES, 0, 0);
        uint64_t len = 0;
        (void) state;

        assert_int_equal(drain(fd, &len, content), 0);

        assert_true(len == (uint64_t) N_PIECES * PIECE);
        assert_string_equal(content, BIG_DIGEST);
}

static void a_wrong_checksum_or_length_is_damage(void **state) {
        char content[DIGEST_TEXT_MAX] = "";
        AUTO_CLOSE int right = make_zeros(3, 0, 0);
        AUTO_CLOSE int crc = make_zeros(3, 1, 0);
        AUTO_CLOSE int length = make_zeros(3, 0, 1);
        uint64_t len = 0;
        (void) state;

        assert_int_equal(drain(right, &len, content), 0);
        assert_int_equal(drain(crc, &len, content), -EBADMSG);
        assert_int_equal(drain(length, &len, content), -EBADMSG);
}

static void a_stream_that_ends_early_is_damage(void **state) {
        char content[DIGEST_TEXT_MAX] = "";
        AUTO_CLOSE int fd = make_zeros(3, 0, 0);
        off_t size = lseek(fd, 0, SEEK_END);
        uint64_t len = 0;
        (void) state;

        for (off_t cut = size - 1; cut > 0; cut -= cut > 16 ? 97 : 1) {
                assert_int_equal(ftruncate(fd, cut), 0);
                assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
                if (cut > 1)
                        assert_int_equal(drain(fd, &len, content), -EBADMSG);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(more_than_32_bits_count_come_out_of_one_gzip_member),
                cmocka_unit_test(a_wrong_checksum_or_length_is_damage),
                cmocka_unit_test(a_stream_that_ends_early_is_damage),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
