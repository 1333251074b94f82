#pragma once

#include <stddef.h>
#include <stdint.h>

/* Standard base64 with padding, as Secrets carry it; blanks and line ends are skipped, as Go does.
 */

/* Bytes that text may decode to, at most (one more for a NUL is the caller's business). */
size_t base64_decoded_max(size_t text_len);

/* Decodes into out (base64_decoded_max() bytes). Returns 0 or -EINVAL; *ret_len is set on success.
 */
int base64_decode(const char *text, size_t text_len, uint8_t *out, size_t *ret_len);

/* Characters of the text for len bytes, without NUL. */
size_t base64_encoded_len(size_t len);

/* Encodes into out (base64_encoded_len() + 1 bytes, NUL included). */
void base64_encode(const uint8_t *data, size_t len, char *out);
