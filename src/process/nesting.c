#include "process/nesting.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/here.h"
#include "runtime/sync.h"

#define TEXT_ROOM 64

brood_nesting brood_nesting_here(void)
{
    const brood_nesting *own = brood_thread_own();

    return own != NULL ? *own
                       : (brood_nesting){brood_here()->nesting.depth, brood_here()->nesting.cores};
}

const brood_nesting *brood_nesting_begin_thread(const brood_nesting *nesting)
{
    const brood_nesting *before = brood_thread_own();

    brood_thread_set_own(nesting);
    return before;
}

static void learn(const brood_nesting *here)
{
    brood_here()->nesting.depth = here->depth;
    brood_here()->nesting.cores = here->cores;
}

/* With the number of the process: what it starts by other means than ours has the variable, too. */
void brood_nesting_tell(const brood_nesting *here)
{
    char text[TEXT_ROOM];

    learn(here);
    if (here->depth > 0) {
        snprintf(text, sizeof text, "%" PRIu32 ":%" PRIu32 ":%" PRId64, here->depth, here->cores,
                 brood_os_self_pid());
        brood_os_environment_set(BROOD_NESTING_VARIABLE, text);
    }
}

/* A number and the character behind it. */
static bool take_number(char **text, uint64_t *number, char behind)
{
    char *end = NULL;

    *number = strtoull(*text, &end, 10);
    if (end == *text || *end != behind) {
        return false;
    }
    *text = end + (behind != '\0');
    return true;
}

static bool parse(char *text, brood_nesting *told, int64_t *pid)
{
    uint64_t numbers[3];

    for (int i = 0; i < 3; i++) {
        if (!take_number(&text, &numbers[i], i < 2 ? ':' : '\0')) {
            return false;
        }
    }
    *told = (brood_nesting){(uint32_t)numbers[0], (uint32_t)numbers[1]};
    *pid = (int64_t)numbers[2];
    return true;
}

void brood_nesting_learn(void)
{
    brood_nesting told = {0, 0};
    int64_t pid = 0;
    char text[TEXT_ROOM];
    size_t size = brood_os_environment_get(BROOD_NESTING_VARIABLE, text, sizeof text);

    if (brood_here()->nesting.depth == 0 && size > 0 && size <= sizeof text &&
        parse(text, &told, &pid) && pid == brood_os_self_pid()) {
        learn(&told);
    }
}
