/* Runs a fuzz target over every file of the folders given as arguments: a corpus as an ordinary test. Fails when there
 * is no file to run. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

/* The input lies in a block of exactly its size, so that a sanitizer sees a read past its end. */
static int run_file(const char *folder, const char *name) {
    senc_error err = {0};
    size_t n_bytes = 0;
    char *path = senc_path_join(folder, name);
    char *text = path ? senc_file_read(path, 0, &n_bytes, &err) : NULL;
    uint8_t *input = malloc(n_bytes ? n_bytes : 1);
    const int ok = text && input;
    if (ok) {
        fprintf(stderr, "%s\n", path); /* the last line names the culprit of a crash */
        memcpy(input, text, n_bytes);
        LLVMFuzzerTestOneInput(input, n_bytes);
    } else {
        fprintf(stderr, "%s\n", err.text);
    }
    free(input);
    free(text);
    free(path);
    return ok;
}

/* The number of files run, or -1. */
static int run_folder(const char *folder) {
    struct dirent **entries = NULL;
    const int n = scandir(folder, &entries, NULL, alphasort);
    int n_run = 0;
    if (n < 0) fprintf(stderr, "%s: cannot read the folder\n", folder);
    for (int i = 0; i < n; i++) {
        if (entries[i]->d_name[0] != '.' && n_run >= 0) n_run = run_file(folder, entries[i]->d_name) ? n_run + 1 : -1;
        free(entries[i]);
    }
    free(entries);
    return n < 0 ? -1 : n_run;
}

int main(int argc, char **argv) {
    int n_total = 0;
    for (int i = 1; i < argc; i++) {
        const int n = run_folder(argv[i]);
        if (n < 0) return EXIT_FAILURE;
        n_total += n;
    }
    if (n_total == 0)
        fprintf(stderr, "no input: give the folder of a corpus\n");
    else
        printf("%d inputs\n", n_total);
    return n_total == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
