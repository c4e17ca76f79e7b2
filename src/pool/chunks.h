/* Lists of chunks. */
#ifndef BROOD_SRC_POOL_CHUNKS_H
#define BROOD_SRC_POOL_CHUNKS_H

#include "pool/job.h"

void brood_chunks_append(brood_chunk_list *list, brood_chunk *chunk);
void brood_chunks_remove(brood_chunk_list *list, brood_chunk *chunk);

#endif
