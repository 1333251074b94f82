#pragma once

#include <endian.h>
#include <stdint.h>
#include <string.h>

/* Eight bytes of text at a time: which of them ends a run of plain text (a quote, a backslash, a
 * control character). Top bits of the bytes in memory's order: text_word_first() says how many
 * bytes lie before the first one; those behind it may be reported wrongly. 0: none. */
static inline uint64_t text_word_load(const void *at) {
        uint64_t word;

        memcpy(&word, at, 8);
        return le64toh(word);
}

static inline uint64_t text_word_specials(uint64_t word) {
        const uint64_t ones = 0x0101010101010101U, tops = 0x8080808080808080U;
        uint64_t quote = word ^ (ones * '"'), slash = word ^ (ones * '\\');

        return (((quote - ones) & ~quote) | ((slash - ones) & ~slash) |
                ((word - ones * 0x20) & ~word)) &
               tops;
}

/* The same, and bytes above 0x7f. */
static inline uint64_t text_word_odd(uint64_t word) {
        return text_word_specials(word) | (word & 0x8080808080808080U);
}

static inline unsigned text_word_first(uint64_t specials) {
        return (unsigned) __builtin_ctzll(specials) / 8;
}
