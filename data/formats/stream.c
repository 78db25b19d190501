/* gzip and zstd streams: see stream.h. */
#include "data/formats/stream.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "autograd/base/buffer.h"
#include "autograd/base/file.h"
#include "autograd/base/mapping.h"
#include "autograd/base/memory.h"
#include "autograd/base/read_files.h"

#define INPUT_BYTES 65536

typedef enum packing { PLAIN, GZIP, ZSTD } packing;

struct data_stream {
    FILE *file;
    char *path;
    packing packing;
    z_stream gzip;
    bool gzip_open;
    ZSTD_DCtx *zstd;
    uint8_t *input; /* INPUT_BYTES */
    size_t n_input, input_at;
    bool between;  /* at the end of a gzip member or a zstd frame: the file may end here */
    int64_t n_out; /* content bytes so far */
    bool failed;
};

static packing find_packing(const uint8_t *b, size_t n) {
    if (n >= 2 && b[0] == 0x1f && b[1] == 0x8b) return GZIP; /* RFC 1952, 2.3.1 */
    /* RFC 8878: a frame (3.1.1), or a skippable frame (3.1.2) before it */
    if (n >= 4 && b[0] == 0x28 && b[1] == 0xb5 && b[2] == 0x2f && b[3] == 0xfd) return ZSTD;
    if (n >= 4 && (b[0] & 0xf0) == 0x50 && b[1] == 0x2a && b[2] == 0x4d && b[3] == 0x18) return ZSTD;
    return PLAIN;
}

static bool fill_input(data_stream *s, senc_error *err) {
    s->input_at = 0;
    s->n_input = fread(s->input, 1, INPUT_BYTES, s->file);
    if (s->n_input == 0 && ferror(s->file)) return senc_fail_errno(err, "%s: cannot read", s->path);
    return true;
}

static bool open_packing(data_stream *s, senc_error *err) {
    s->packing = find_packing(s->input, s->n_input);
    if (s->packing == GZIP) {
        s->gzip_open = inflateInit2(&s->gzip, 15 + 16) == Z_OK; /* largest window, gzip wrapper */
        if (!s->gzip_open) return senc_fail_memory(err, sizeof s->gzip, "a gzip stream");
    }
    if (s->packing == ZSTD) {
        s->zstd = ZSTD_createDCtx();
        if (!s->zstd) return senc_fail_memory(err, INPUT_BYTES, "a zstd stream");
        /* Files made with --long=31 need it; memory is taken only as the frame's own window asks. */
        ZSTD_DCtx_setParameter(s->zstd, ZSTD_d_windowLogMax, 31);
    }
    return true;
}

bool data_stream_open(const char *path, data_stream **out, senc_error *err) {
    *out = NULL;
    data_stream *s = senc_alloc_zero(1, sizeof *s);
    if (!s) return senc_fail_memory(err, sizeof *s, "a stream");
    s->path = senc_strdup(path);
    s->input = senc_alloc(INPUT_BYTES, 1);
    bool ok = s->path && s->input;
    if (!ok) senc_fail_memory(err, INPUT_BYTES, "a stream");
    if (ok && senc_path_is_folder(path)) {
        errno = EISDIR;
        ok = senc_fail_errno(err, "%s: cannot read", path);
    }
    if (ok) {
        s->file = fopen(path, "rb");
        if (s->file) senc_read_files_note(fileno(s->file));
        ok = s->file || senc_fail_errno(err, "%s: cannot read", path);
    }
    ok = ok && fill_input(s, err) && open_packing(s, err);
    if (!ok) {
        data_stream_close(s);
        return false;
    }
    *out = s;
    return true;
}

void data_stream_close(data_stream *s) {
    if (!s) return;
    if (s->gzip_open) inflateEnd(&s->gzip);
    ZSTD_freeDCtx(s->zstd);
    if (s->file) fclose(s->file);
    free(s->path);
    free(s->input);
    free(s);
}

static int64_t fail_stream(data_stream *s, senc_error *err, const char *what, const char *detail) {
    s->failed = true;
    senc_fail(err, SENC_BAD_INPUT, "%s: %s %s stream after %" PRId64 " bytes%s%s", s->path, what,
              s->packing == GZIP ? "gzip" : "zstd", s->n_out, detail ? ": " : "", detail ? detail : "");
    return -1;
}

static int64_t read_plain(data_stream *s, uint8_t *bytes, size_t n_bytes, senc_error *err) {
    if (s->input_at == s->n_input && !fill_input(s, err)) return -1;
    const size_t there = s->n_input - s->input_at, n = n_bytes < there ? n_bytes : there;
    memcpy(bytes, s->input + s->input_at, n);
    s->input_at += n;
    return (int64_t)n;
}

/* One step: some input becomes some output. Returns the bytes that came out, -1 on failure. */
static int64_t step_gzip(data_stream *s, uint8_t *bytes, size_t n_bytes, senc_error *err) {
    if (s->between) { /* zeros (padding of tapes and blocks) are skipped, as gzip does; another member may follow */
        while (s->input_at < s->n_input && s->input[s->input_at] == 0) s->input_at++;
        if (s->input_at == s->n_input) return 0;
        if (s->input[s->input_at] != 0x1f) return fail_stream(s, err, "corrupt", "junk behind its end");
        inflateReset(&s->gzip);
        s->between = false;
    }
    s->gzip.next_in = s->input + s->input_at;
    s->gzip.avail_in = (uInt)(s->n_input - s->input_at);
    s->gzip.next_out = bytes;
    s->gzip.avail_out = (uInt)(n_bytes < (1u << 30) ? n_bytes : (1u << 30));
    const uInt room = s->gzip.avail_out;
    const int result = inflate(&s->gzip, Z_NO_FLUSH);
    s->input_at = s->n_input - s->gzip.avail_in;
    if (result == Z_MEM_ERROR) {
        s->failed = true;
        senc_fail_memory(err, INPUT_BYTES, "a gzip stream");
        return -1;
    }
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
        s->n_out += room - s->gzip.avail_out;
        return fail_stream(s, err, "corrupt", s->gzip.msg);
    }
    s->between = result == Z_STREAM_END;
    return room - s->gzip.avail_out;
}

static int64_t step_zstd(data_stream *s, uint8_t *bytes, size_t n_bytes, senc_error *err) {
    ZSTD_inBuffer in = {s->input, s->n_input, s->input_at};
    ZSTD_outBuffer out = {bytes, n_bytes, 0};
    const size_t result = ZSTD_decompressStream(s->zstd, &out, &in);
    s->input_at = in.pos;
    if (ZSTD_isError(result)) {
        s->n_out += (int64_t)out.pos;
        return fail_stream(s, err, "corrupt", ZSTD_getErrorName(result));
    }
    s->between = result == 0;
    return (int64_t)out.pos;
}

/* Bytes that are still inside the decoder come out without more input; so a step is made at the end of the file too. */
static int64_t read_packed(data_stream *s, uint8_t *bytes, size_t n_bytes, senc_error *err) {
    for (;;) {
        if (s->input_at == s->n_input && !feof(s->file) && !fill_input(s, err)) return -1;
        const bool at_end = s->input_at == s->n_input;
        if (at_end && s->between) return 0;
        const int64_t n = s->packing == GZIP ? step_gzip(s, bytes, n_bytes, err) : step_zstd(s, bytes, n_bytes, err);
        if (n != 0) return n;
        if (at_end && !s->between) return fail_stream(s, err, "truncated", NULL);
    }
}

int64_t data_stream_read(data_stream *s, void *bytes, size_t n_bytes, senc_error *err) {
    if (n_bytes == 0) return 0;
    if (s->failed) return fail_stream(s, err, "corrupt", NULL);
    const int64_t n = s->packing == PLAIN ? read_plain(s, bytes, n_bytes, err) : read_packed(s, bytes, n_bytes, err);
    if (n > 0) s->n_out += n;
    return n;
}

/* ---- whole files ---- */

/* An unlinked temporary file; -1 on failure. */
static int open_temporary(senc_error *err) {
    const char *folder = getenv("TMPDIR");
    if (!folder || !*folder) folder = "/tmp";
    char *path = senc_path_join(folder, "senc-text-XXXXXX");
    if (!path) {
        senc_fail_memory(err, strlen(folder), "a path");
        return -1;
    }
    const int fd = mkstemp(path);
    if (fd < 0)
        senc_fail_errno(err, "%s: cannot create a temporary file", folder);
    else
        unlink(path);
    free(path);
    return fd;
}

static bool write_all(int fd, const char *bytes, size_t n_bytes, const char *path, senc_error *err) {
    while (n_bytes > 0) {
        const ssize_t n = write(fd, bytes, n_bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return senc_fail_errno(err, "%s: cannot write its decompressed text to $TMPDIR or /tmp", path);
        bytes += n;
        n_bytes -= (size_t)n;
    }
    return true;
}

static bool unpack(data_stream *s, int fd, size_t *n_bytes, senc_error *err) {
    const size_t block_bytes = 1 << 18;
    char *block = senc_alloc(block_bytes, 1);
    if (!block) return senc_fail_memory(err, block_bytes, "a stream");
    int64_t n;
    bool ok = true;
    *n_bytes = 0;
    while (ok && (n = data_stream_read(s, block, block_bytes, err)) != 0) {
        ok = n > 0 && write_all(fd, block, (size_t)n, s->path, err);
        if (ok) *n_bytes += (size_t)n;
    }
    free(block);
    return ok;
}

/* "" for no bytes: mmap refuses them. */
static bool map_text(int fd, size_t n_bytes, const char *path, data_text *out, senc_error *err) {
    *out = (data_text){"", n_bytes};
    if (n_bytes == 0) return true;
    const char *data = senc_mapping_open(fd, n_bytes, path, err);
    *out = data ? (data_text){data, n_bytes} : (data_text){0};
    return data != NULL;
}

bool data_text_open(const char *path, data_text *out, senc_error *err) {
    *out = (data_text){0};
    data_stream *s;
    if (!data_stream_open(path, &s, err)) return false;
    struct stat info;
    bool ok = true;
    int fd = -1;
    size_t n_bytes = 0;
    if (s->packing == PLAIN && fstat(fileno(s->file), &info) == 0 && S_ISREG(info.st_mode)) {
        ok = map_text(fileno(s->file), (size_t)info.st_size, path, out, err);
    } else { /* compressed, or a pipe */
        fd = open_temporary(err);
        ok = fd >= 0 && unpack(s, fd, &n_bytes, err) && map_text(fd, n_bytes, path, out, err);
    }
    if (fd >= 0) close(fd);
    data_stream_close(s);
    return ok;
}

void data_text_close(data_text *t) {
    if (t->n_bytes) senc_mapping_close(t->data);
    *t = (data_text){0};
}

void data_text_forget(const data_text *t, size_t n_bytes) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE),
                 whole = (n_bytes < t->n_bytes ? n_bytes : t->n_bytes) / page * page;
    if (whole) madvise((void *)(uintptr_t)t->data, whole, MADV_DONTNEED); /* only advice: nothing depends on it */
}

size_t data_path_stem_bytes(const char *path) {
    static const char *const suffixes[] = {".gz", ".zst"};
    const size_t n = strlen(path);
    for (size_t i = 0; i < 2; i++) {
        const size_t m = strlen(suffixes[i]);
        if (n > m && strcmp(path + n - m, suffixes[i]) == 0) return n - m;
    }
    return n;
}

char *data_path_find_packed(const char *folder, const char *name) {
    static const char *const suffixes[] = {"", ".gz", ".zst"};
    for (size_t i = 0; i < 3; i++) {
        senc_buffer b = {0};
        senc_buffer_printf(&b, "%s%s", name, suffixes[i]);
        char *packed = senc_buffer_take(&b);
        char *path = packed ? senc_path_join(folder, packed) : NULL;
        free(packed);
        if (path && senc_path_is_file(path)) return path;
        free(path);
    }
    return NULL;
}
