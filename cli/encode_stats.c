/* What senc encode --stats prints: see encode_stats.h. */
#include "cli/encode_stats.h"

#include "autograd/base/terminal.h"
#include "autograd/kernels/cpu/probe.h"
#include "cli/output.h"

/* Operations a second that the machine can do at most in the precision that was used, or, where it has no instructions
 * for that, in what stands in for them. */
static double measure_limit(bool int8, kern_storage storage, const char **what) {
    static const double seconds = 0.05; /* at most three of them */
    double limit = 0;
    *what = "int8 dot product";
    if (int8 && (limit = kern_probe_operations(KERN_PROBE_INT8, seconds)) > 0) return limit;
    *what = "bf16 dot product";
    if (storage == KERN_BF16 && (limit = kern_probe_operations(KERN_PROBE_BF16, seconds)) > 0) return limit;
    *what = "fp32 multiply-add";
    return kern_probe_operations(KERN_PROBE_FP32, seconds);
}

static void add_number(senc_grid *grid, const char *name, double value, int digits) {
    senc_grid_add(grid, "%s", name);
    senc_grid_add(grid, "%.*f", digits, value);
}

bool cli_encode_stats_print(const eval_encoder_stats *stats, bool int8, kern_storage storage, senc_error *err) {
    const double seconds = stats->encode_ms / 1e3, per_second = seconds > 0 ? 1 / seconds : 0;
    const double rate = stats->flops * per_second;
    const char *what;
    const double limit = measure_limit(int8, storage, &what);
    senc_grid grid;
    senc_grid_init(&grid, "lr");
    add_number(&grid, "texts", (double)stats->n_texts, 0);
    add_number(&grid, "tokens", (double)stats->n_tokens, 0);
    add_number(&grid, "truncated", (double)stats->n_truncated, 0);
    add_number(&grid, "empty", (double)stats->n_empty, 0);
    add_number(&grid, "seconds", seconds, 3);
    add_number(&grid, "texts/s", (double)stats->n_texts * per_second, 1);
    add_number(&grid, "tokens/s", (double)stats->n_tokens * per_second, 0);
    add_number(&grid, "GF/s", rate / 1e9, 1);
    add_number(&grid, "limit GF/s", limit / 1e9, 1);
    senc_grid_add(&grid, "share");
    senc_grid_add(&grid, "%.1f %%", limit > 0 ? 100 * rate / limit : 0.0);
    senc_grid_add(&grid, "precision");
    senc_grid_add(&grid, "%s", int8 ? "int8" : storage == KERN_BF16 ? "bf16" : "fp32");
    senc_grid_add(&grid, "limit of");
    senc_grid_add(&grid, "%s", what);
    senc_buffer out = {0};
    senc_grid_print(&grid, 0, 0, &out);
    senc_grid_free(&grid);
    return cli_output_buffer(&out, err);
}
