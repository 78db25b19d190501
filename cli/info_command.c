/* senc info: what this program and this machine offer. */
#include <stdio.h>
#include <unistd.h>

#include "autograd/base/cpu.h"
#include "autograd/base/memory.h"
#include "autograd/base/terminal.h"
#include "autograd/base/threads.h"
#include "autograd/kernels/cpu/probe.h"
#include "autograd/kernels/kernels.h"
#include "cli/command.h"
#include "cli/output.h"

#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

typedef struct info_flags {
    bool measure;
} info_flags;

static const senc_option flags[] = {
    SENC_OPTION_BOOLEAN(info_flags, measure, "false",
                        "measure what the machine can do at most, which takes half a second"),
    {0},
};

static void add_cpu(senc_grid *grid) {
    const senc_cpu *cpu = senc_cpu_get();
    const struct {
        bool has;
        const char *name;
    } features[] = {
        {cpu->avx2, "AVX2"},
        {cpu->avx512, "AVX-512"},
        {cpu->avx512_vnni, "AVX512-VNNI"},
        {cpu->avx512_bf16, "AVX512-BF16"},
        {cpu->amx_bf16, "AMX-BF16"},
    };
    senc_buffer text = {0};
    for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
        if (features[i].has) senc_buffer_printf(&text, "%s%s", text.n_bytes ? ", " : "", features[i].name);
    }
    senc_grid_add(grid, "cpu");
    senc_grid_add(grid, "%s", cpu->name);
    senc_grid_add(grid, "features");
    senc_grid_add(grid, "%s", text.n_bytes ? senc_buffer_text(&text) : "none that senc has kernels for");
    grid->failed = grid->failed || text.failed;
    senc_buffer_free(&text);
}

static void add_limits(senc_grid *grid) {
    static const double seconds = 0.1;
    static const struct {
        kern_probe_kind kind;
        const char *name;
    } kinds[] = {
        {KERN_PROBE_FP32, "fp32 multiply-add"},
        {KERN_PROBE_BF16, "bf16 dot product"},
        {KERN_PROBE_INT8, "int8 dot product"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const double rate = kern_probe_operations(kinds[i].kind, seconds);
        senc_grid_add(grid, "%s", i == 0 ? "limits" : "");
        if (rate > 0)
            senc_grid_add(grid, "%s: %.0f GF/s", kinds[i].name, rate / 1e9);
        else
            senc_grid_add(grid, "%s: no instruction", kinds[i].name);
    }
    senc_grid_add(grid, "%s", "");
    senc_grid_add(grid, "copy in memory: %.1f GB/s", kern_probe_bytes(seconds) / 1e9);
}

static bool run_info(cli_call *call, senc_error *err) {
    if (!cli_start_threads(call, err)) return false;
    const kern_table *kernels = kern_best();
    char available[32], total[32];
    const int64_t physical = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGE_SIZE);
    senc_bytes_text(senc_memory_available_bytes(), available, sizeof available);
    senc_bytes_text(physical, total, sizeof total);
    int n_tables = 0;
    const kern_table *const *tables = kern_all(&n_tables);
    senc_grid grid;
    senc_grid_init(&grid, "ll");
    senc_grid_add(&grid, "version");
    senc_grid_add(&grid, "%s, built with %s", SENC_VERSION, COMPILER);
    add_cpu(&grid);
    senc_grid_add(&grid, "kernels");
    senc_buffer names = {0};
    for (int i = 0; i < n_tables; i++) senc_buffer_printf(&names, "%s%s", i ? ", " : "", tables[i]->name);
    senc_grid_add(&grid, "%s (SENC_KERNELS chooses: %s)", kernels->name, senc_buffer_text(&names));
    senc_buffer_free(&names);
    senc_grid_add(&grid, "products");
    senc_grid_add(&grid, "%s", kern_product_backend());
    senc_grid_add(&grid, "threads");
    senc_grid_add(&grid, "%d of %d CPUs", senc_threads_count(), senc_threads_cpus());
    senc_grid_add(&grid, "memory");
    senc_grid_add(&grid, "%s available of %s", available, total);
    const info_flags *f = call->flags;
    if (f->measure) add_limits(&grid);
    senc_buffer out = {0};
    senc_grid_print(&grid, 0, 0, &out);
    senc_grid_free(&grid);
    return cli_output_buffer(&out, err);
}

const cli_command cli_info_command = {
    .name = "info",
    .synopsis = "[--threads N] [--measure]",
    .help = "what this program and this machine offer",
    .flags = flags,
    .flags_bytes = sizeof(info_flags),
    .run = run_info,
};
