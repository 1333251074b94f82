#include "daemon/image/mount.h"
#include "tests/unit/test.h"

#include <string.h>

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static void mounts_of_the_store_are_found_with_their_places(void **state) {
        static const char text[] =
                "22 1 0:21 / / rw,relatime shared:1 - ext4 /dev/root rw\n"
                "40 22 0:44 / /run/orch/image-mounts/x ro,nosuid,nodev shared:7 master:1 - overlay "
                "orch-image:sha256:" HEX_A "@/var/lib/orch/images ro,lowerdir=a:b\n"
                "41 22 0:45 / /mnt/with\\040a\\011blank\\134 ro - overlay "
                "orch-image:sha256:" HEX_B "@/var/lib/orch/images ro\n";
        AUTO_DONE(image_mounts) struct image_mounts mounts = { 0 };
        (void) state;

        assert_int_equal(image_mounts_parse(text, "/var/lib/orch/images", &mounts), 0);

        assert_int_equal(mounts.n, 2);
        assert_string_equal(image_mounts_find(&mounts, "sha256:" HEX_A),
                            "/run/orch/image-mounts/x");
        assert_string_equal(mounts.items[1].id, "sha256:" HEX_B);
        assert_string_equal(mounts.items[1].path, "/mnt/with a\tblank\\");
        assert_null(image_mounts_find(&mounts, "sha256:c"));
}

static void mounts_of_others_are_none(void **state) {
        static const char text[] =
                /* of another store, of another type, no image's ID, of somebody else, cut lines */
                "40 22 0:44 / /a ro - overlay orch-image:sha256:" HEX_A "@/other ro\n"
                "41 22 0:44 / /b ro - tmpfs orch-image:sha256:" HEX_A "@/s ro\n"
                "42 22 0:44 / /c ro - overlay orch-image:sha256:12@/s ro\n"
                "43 22 0:44 / /d ro - overlay overlay ro\n"
                "44 22 0:44 / /e ro - overlay orch-image:sha256:" HEX_A "\n"
                "45 22 0:44 / /f ro - overlay\n"
                "46 - overlay x\n"
                "\n- overlay orch-image:sha256:" HEX_A "@/s ro\n"
                "47 22 0:44 / /g\\0 ro - overlay";
        AUTO_DONE(image_mounts) struct image_mounts mounts = { 0 };
        (void) state;

        assert_int_equal(image_mounts_parse(text, "/s", &mounts), 0);

        assert_int_equal(mounts.n, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(mounts_of_the_store_are_found_with_their_places),
                cmocka_unit_test(mounts_of_others_are_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
