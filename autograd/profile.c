/* Time per op: see profile.h. */
#include "autograd/profile.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "autograd/base/memory.h"

ag_profile *ag_profile_create(void) {
    return senc_alloc_zero(1, sizeof(ag_profile));
}

double ag_profile_clock_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

void ag_profile_add(ag_profile *p, const ag_node *node, bool backward, double ms) {
    int i = 0;
    while (i < AG_PROFILE_ROWS - 1 && p->rows[i].op && p->rows[i].op != node->op) i++;
    ag_profile_row *row = &p->rows[i];
    const double flops = node->op->flops ? node->op->flops(node) : 0;
    row->op = node->op;
    if (backward) {
        row->backward_ms += ms;
        row->backward_flops += 2 * flops;
    } else {
        row->calls++;
        row->forward_ms += ms;
        row->forward_flops += flops;
    }
}

static int by_time(const void *a, const void *b) {
    const ag_profile_row *x = a, *y = b;
    const double dx = x->forward_ms + x->backward_ms, dy = y->forward_ms + y->backward_ms;
    if (dx != dy) return dx < dy ? 1 : -1;
    return x->op && y->op ? strcmp(x->op->name, y->op->name) : 0;
}

/* "123.4", or "-" where nothing was counted. */
static const char *rate(char out[16], double flops, double ms) {
    if (flops > 0 && ms > 0)
        snprintf(out, 16, "%.1f", flops / ms * 1e-6);
    else
        snprintf(out, 16, "-");
    return out;
}

static void write_row(FILE *out, const char *name, const ag_profile_row *r, double total_ms) {
    char forward[16], backward[16];
    fprintf(out, "%-19.19s %8lld %12.1f %8s %12.1f %8s %6.1f\n", name, (long long)r->calls, r->forward_ms,
            rate(forward, r->forward_flops, r->forward_ms), r->backward_ms,
            rate(backward, r->backward_flops, r->backward_ms),
            total_ms > 0 ? 100 * (r->forward_ms + r->backward_ms) / total_ms : 0.0);
}

void ag_profile_write(const ag_profile *p, FILE *out) {
    ag_profile sorted = *p;
    ag_profile_row total = {0};
    qsort(sorted.rows, AG_PROFILE_ROWS, sizeof sorted.rows[0], by_time);
    for (int i = 0; i < AG_PROFILE_ROWS; i++) {
        total.calls += sorted.rows[i].calls;
        total.forward_ms += sorted.rows[i].forward_ms;
        total.backward_ms += sorted.rows[i].backward_ms;
        total.forward_flops += sorted.rows[i].forward_flops;
        total.backward_flops += sorted.rows[i].backward_flops;
    }
    const double total_ms = total.forward_ms + total.backward_ms;
    fprintf(out, "%-19s %8s %12s %8s %12s %8s %6s\n", "op", "calls", "forward ms", "GF/s", "backward ms", "GF/s",
            "share%");
    for (int i = 0; i < AG_PROFILE_ROWS; i++) {
        if (sorted.rows[i].op) write_row(out, sorted.rows[i].op->name, &sorted.rows[i], total_ms);
    }
    write_row(out, "all", &total, total_ms);
}

void ag_profile_print(const ag_tape *t) {
    if (t->profile) ag_profile_write(t->profile, stderr);
}
