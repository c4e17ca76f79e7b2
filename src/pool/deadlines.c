#include "pool/deadlines.h"

#include "pool/pool_impl.h"

static void put_below(brood_result *top, brood_result *job)
{
    job->more->by_deadline.previous = top;
    job->more->by_deadline.next = top->more->by_deadline.below;
    if (job->more->by_deadline.next != NULL) {
        job->more->by_deadline.next->more->by_deadline.previous = job;
    }
    top->more->by_deadline.below = job;
}

/* Two heaps become one. */
static brood_result *meld(brood_result *a, brood_result *b)
{
    if (a == NULL || b == NULL) {
        return a != NULL ? a : b;
    }
    if (b->more->deadline < a->more->deadline) {
        put_below(b, a);
        return b;
    }
    put_below(a, b);
    return a;
}

static brood_result *cut_off(brood_result *job)
{
    job->more->by_deadline.next = job->more->by_deadline.previous = NULL;
    return job;
}

/* Melds siblings in pairs, and returns the pairs as a list by `next`, the last pair first. */
static brood_result *meld_pairs(brood_result *first)
{
    brood_result *pairs = NULL;

    while (first != NULL) {
        brood_result *second = first->more->by_deadline.next;
        brood_result *following = second != NULL ? second->more->by_deadline.next : NULL;
        brood_result *pair = meld(cut_off(first), second != NULL ? cut_off(second) : NULL);

        pair->more->by_deadline.next = pairs;
        pairs = pair;
        first = following;
    }
    return pairs;
}

static brood_result *meld_all(brood_result *first)
{
    brood_result *pairs = meld_pairs(first);
    brood_result *all = NULL;

    while (pairs != NULL) {
        brood_result *following = pairs->more->by_deadline.next;

        all = meld(all, cut_off(pairs));
        pairs = following;
    }
    return all;
}

/*
 * Takes the job, with all that is below it, out of the list of siblings. The job is not the root.
 */
static void unlink_from_row(brood_result *job)
{
    brood_result *previous = job->more->by_deadline.previous;
    brood_result *next = job->more->by_deadline.next;

    if (previous->more->by_deadline.below == job) {
        previous->more->by_deadline.below = next;
    } else {
        previous->more->by_deadline.next = next;
    }
    if (next != NULL) {
        next->more->by_deadline.previous = previous;
    }
}

void brood_deadlines_add(brood_result **earliest, brood_result *job)
{
    job->more->by_deadline = (brood_deadline_links){.is_linked = true};
    *earliest = meld(*earliest, job);
}

void brood_deadlines_remove(brood_result **earliest, brood_result *job)
{
    brood_result *rest = NULL;

    if (!job->more->by_deadline.is_linked) {
        return;
    }
    rest = meld_all(job->more->by_deadline.below);
    if (job == *earliest) {
        *earliest = rest;
    } else {
        unlink_from_row(job);
        *earliest = meld(*earliest, rest);
    }
    job->more->by_deadline = (brood_deadline_links){.is_linked = false};
}
