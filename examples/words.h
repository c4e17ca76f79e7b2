/* Words and how often they are there: counted in files, packed into bytes, added up, printed. */
#ifndef WORDS_H
#define WORDS_H

#include <stddef.h>
#include <stdint.h>

#include <apr_errno.h>
#include <apr_pools.h>

/*
 * A word is a run of ASCII letters, taken as lower case, and of bytes above 0x7f, as UTF-8 has
 * them.
 */
typedef struct words words;

/* Empty ones, which live as long as the pool. */
words *words_make(apr_pool_t *pool);

/* Notes that a file could not be counted, and why. The same complaint is kept once. */
void words_complain(words *to, const char *path, const char *reason);
void words_complain_of_status(words *to, const char *path, apr_status_t status);

/*
 * Counts the words of a file that begin from the byte begin on and before end; the last of them
 * may go beyond. So each word of a file that is cut into blocks is counted once.
 */
void words_count_file(words *to, const char *path, uint64_t begin, uint64_t end);

/* All as bytes, for another process of this program: their size; writes them; adds them to others. */
size_t words_packed_size(const words *from);
void words_pack(const words *from, char *bytes);
void words_unpack(words *to, const char *bytes, size_t size);

/*
 * Prints to stdout the most frequent words with their counts, those of the same count in the order
 * of their bytes. Returns how many different words there are.
 */
size_t words_print_top(const words *from, size_t top);

/* Prints to stderr, a line each. Returns how many there are. */
size_t words_print_complaints(const words *from);

#endif
