/* senc info: what this program and this machine offer. */
#include <stdio.h>
#include <unistd.h>

#include "autograd/base/cpu.h"
#include "autograd/base/memory.h"
#include "autograd/base/terminal.h"
#include "autograd/base/threads.h"
#include "autograd/kernels/kernels.h"
#include "cli/command.h"
#include "cli/output.h"

#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

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
    senc_buffer out = {0};
    senc_grid_print(&grid, 0, 0, &out);
    senc_grid_free(&grid);
    return cli_output_buffer(&out, err);
}

const cli_command cli_info_command = {
    .name = "info",
    .synopsis = "[--threads N]",
    .help = "what this program and this machine offer",
    .run = run_info,
};
