/* What a file is that is no text of rows: see foreign.h. */
#include "data/formats/foreign.h"

#include <string.h>
#include <strings.h>

#include "autograd/base/buffer.h"
#include "autograd/base/file.h"
#include "data/formats/stream.h"

static const struct {
    const char *bytes;
    size_t n_bytes;
    const char *what, *advice;
} kinds[] = {
    {"PAR1", 4, "a Parquet file",
     "pandas.read_parquet(\"FILE\").to_json(\"rows.jsonl\", orient=\"records\", lines=True) in Python writes one that "
     "senc reads"},
    {"ARROW1", 6, "an Arrow file",
     "pandas.read_feather(\"FILE\").to_json(\"rows.jsonl\", orient=\"records\", lines=True) in Python writes one that "
     "senc reads"},
    {"\xD0\xCF\x11\xE0", 4, "an old Office document", "save the sheet as CSV in UTF-8"},
    {"SQLite format 3", 15, "an SQLite database", "sqlite3 -header -csv FILE 'select ...' writes a csv"},
    {"BZh", 3, "compressed with bzip2", "bunzip2 FILE unpacks it; senc reads gz and zst as they are"},
    {"\xFD"
     "7zXZ",
     5, "compressed with xz", "unxz FILE unpacks it; senc reads gz and zst as they are"},
    {"7z\xBC\xAF\x27\x1C", 6, "a 7z archive", "unpack it; senc reads gz and zst as they are"},
    {"version https://git-lfs", 23, "a pointer of Git LFS, not the file itself", "git lfs pull fetches it"},
    {"\x89HDF", 4, "an HDF5 file", "write its rows as csv or jsonl"},
    {"\x80\x04\x95", 3, "a Python pickle", "write its rows as csv or jsonl"},
};

static bool fail_kind(const char *path, const char *what, const char *advice, senc_error *err) {
    senc_buffer text = {0};
    const char *mark = strstr(advice, "FILE");
    if (mark)
        senc_buffer_printf(&text, "%.*s%s%s", (int)(mark - advice), advice, path, mark + 4);
    else
        senc_buffer_append_text(&text, advice);
    senc_fail(err, SENC_BAD_INPUT, "%s: is %s; %s", path, what, senc_buffer_text(&text));
    senc_buffer_free(&text);
    return false;
}

/* A zip archive: Excel's and LibreOffice's files are some. */
static bool fail_zip(const char *path, senc_error *err) {
    static const char *const sheets[] = {".xlsx", ".xlsm", ".ods"};
    for (size_t i = 0; i < sizeof sheets / sizeof *sheets; i++)
        if (senc_path_ends_with(path, sheets[i]))
            return fail_kind(path, "a spreadsheet", "save the sheet as CSV in UTF-8", err);
    return fail_kind(path, "a zip archive (a spreadsheet is one too)",
                     "unpack it with unzip, or save the sheet as CSV in UTF-8", err);
}

/* Text of the Latin alphabet in two or four bytes a character, with or without its mark; its name for iconv. */
static const char *wide_text(const char *b, size_t n) {
    if (n >= 4 && memcmp(b, "\xFF\xFE\0\0", 4) == 0) return "UTF-32";
    if (n >= 2 && (memcmp(b, "\xFF\xFE", 2) == 0 || memcmp(b, "\xFE\xFF", 2) == 0)) return "UTF-16";
    if (n < 4) return NULL;
    if (b[0] && !b[1] && b[2] && !b[3]) return "UTF-16LE";
    return !b[0] && b[1] && !b[2] && b[3] ? "UTF-16BE" : NULL;
}

static const char *reader_of(const char *path) {
    return senc_path_ends_with(path, ".gz") ? "zcat" : senc_path_ends_with(path, ".zst") ? "zstdcat" : NULL;
}

void data_append_conversion(const char *path, const char *from, senc_buffer *out) {
    const char *reader = reader_of(path);
    if (strcmp(path, "standard input") == 0)
        senc_buffer_printf(out, "iconv -f %s -t UTF-8", from);
    else if (reader)
        senc_buffer_printf(out, "%s %s | iconv -f %s -t UTF-8 > NEW", reader, path, from);
    else
        senc_buffer_printf(out, "iconv -f %s -t UTF-8 %s > NEW", from, path);
}

static bool fail_wide(const char *path, const char *name, senc_error *err) {
    senc_buffer text = {0};
    senc_buffer_printf(&text, "%s: looks like text in %s, expected UTF-8; ", path, name);
    data_append_conversion(path, name, &text);
    senc_fail(err, SENC_BAD_INPUT, "%s converts it", senc_buffer_text(&text));
    senc_buffer_free(&text);
    return false;
}

bool data_foreign_check(const char *path, const char *bytes, size_t n_bytes, senc_error *err) {
    if (n_bytes >= 4 && memcmp(bytes, "PK\x03\x04", 4) == 0) return fail_zip(path, err);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (n_bytes >= kinds[i].n_bytes && memcmp(bytes, kinds[i].bytes, kinds[i].n_bytes) == 0)
            return fail_kind(path, kinds[i].what, kinds[i].advice, err);
    static const char *const pages[] = {"<!doctype html", "<html"};
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        if (n_bytes >= strlen(pages[i]) && strncasecmp(bytes, pages[i], strlen(pages[i])) == 0)
            return fail_kind(path, "a web page", "was it downloaded with the wrong link?", err);
    const char *wide = wide_text(bytes, n_bytes);
    return !wide || fail_wide(path, wide, err);
}
