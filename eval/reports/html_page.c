/* One HTML file that needs nothing else: see html_page.h. */
#include "eval/reports/html_page.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/formats/utf8.h"

#define PHONE_COLUMNS 46 /* of letters, that a phone shows side by side */

/* Colours: two series that people with any colour vision tell apart (blue, orange), each with 4.5:1 against its
 * background, light and dark. Charts are drawn 360 wide, so that they are about 1:1 on a phone. */
static const char *const style[] = {
    ":root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--soft:#5b6570;--line:#d8dde3;--card:#f6f8fa;--a:#1f63c4;"
    "--b:#b3530e;--c:#23784a;--d:#7b3fa8;--good:#1c7a3f;--bad:#b42318;--warn:#8a5a00;--grid:#e6e9ed}\n",
    "@media (prefers-color-scheme:dark){:root{--bg:#14171b;--fg:#e4e8ec;--soft:#9aa5b1;--line:#333b44;--card:#1c2127;"
    "--a:#6ea8fe;--b:#f0a060;--c:#6fce97;--d:#c79bf2;--good:#62cf8b;--bad:#ff8a80;--warn:#e8b64c;--grid:#2a3138}}\n",
    "*{box-sizing:border-box}body{margin:0 auto;max-width:1160px;padding:20px 16px 60px;background:var(--bg);"
    "color:var(--fg);font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,\"DejaVu Sans\",sans-serif}\n",
    "h1{font-size:1.7rem;line-height:1.25;margin:.2em 0}h2{font-size:1.3rem;margin:2em 0 .6em;padding-top:.7em;"
    "border-top:1px solid var(--line)}h3{font-size:1.03rem;margin:1.6em 0 .5em}h1,h2,h3,p,li,dt,dd,figcaption"
    "{overflow-wrap:anywhere}p{margin:.5em 0;max-width:80ch}li{max-width:90ch}.soft{color:var(--soft)}.lead{"
    "font-size:1.05rem}code,pre{font:.92em ui-monospace,Menlo,Consolas,\"DejaVu Sans Mono\",monospace}"
    "pre{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px 12px;margin:.5em 0;"
    "overflow-x:auto;max-width:760px}\n",
    ".tiles{display:grid;grid-auto-flow:dense;grid-template-columns:repeat(auto-fill,minmax(min(165px,100%),1fr));gap:"
    "10px;margin:14px 0}"
    ".tile{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px 12px;break-inside:avoid}"
    ".tile dt{color:var(--soft);font-size:.83rem}.tile dd{margin:0;font-size:1.1rem;font-weight:600;line-height:1.35}"
    ".hero .tile dd{font-size:1.7rem}.hero{grid-template-columns:repeat(auto-fill,minmax(min(300px,100%),1fr))}"
    ".facts dt{color:var(--soft);font-size:.83rem}.facts dd{margin:0 0 .5em}"
    ".tile small{display:block;font-weight:400;font-size:.8rem;color:var(--soft);line-height:1.4}"
    ".hero small{margin-top:.2em}.wide{grid-column:span 2}.hero dd{white-space:nowrap}.hero "
    "small{white-space:normal}\n",
    ".charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(340px,100%),1fr));gap:14px;margin:14px 0}"
    "figure{margin:0;background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px 12px;"
    "break-inside:avoid;max-width:460px}figcaption{font-weight:600;font-size:.93rem}figure p{font-size:.83rem;"
    "margin:.2em 0;color:var(--soft)}svg{display:block;width:100%;height:auto}\n",
    ".key{display:flex;flex-wrap:wrap;gap:2px 14px;font-size:.83rem;color:var(--soft);margin:2px 0;padding:0;"
    "list-style:none}.key i{display:inline-block;width:14px;height:4px;border-radius:2px;background:var(--k);"
    "vertical-align:middle;margin-right:5px}\n",
    ".k0{--k:var(--a)}.k1{--k:var(--b)}.k2{--k:var(--c)}.k3{--k:var(--d)}.k4{--k:var(--soft)}.kg{--k:var(--good)}"
    ".kb{--k:var(--bad)}svg text{fill:var(--soft);font-size:12.5px;paint-order:stroke;stroke:var(--card);"
    "stroke-width:2.5px;stroke-linejoin:round}svg .v{fill:var(--fg)}svg .grid{stroke:var(--grid)}"
    "svg .axis{stroke:var(--soft)}svg .ln{fill:none;stroke:var(--k);stroke-width:2;stroke-linejoin:round}"
    "svg .dash{stroke-dasharray:5 3}svg .ar{fill:var(--k);fill-opacity:.28;stroke:var(--k);stroke-width:1.3}"
    "svg .dots{stroke:var(--k);stroke-width:3.4;stroke-linecap:round;stroke-opacity:.45;fill:none}"
    "svg .pt{fill:var(--k);stroke:var(--card)}svg .st{fill:var(--k);fill-opacity:.75}"
    "svg .ci{stroke:var(--k);stroke-width:2}svg .ref{stroke:var(--fg);stroke-dasharray:2 3}\n",
    ".scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem;margin:.5em 0}caption{text-align:left;"
    "font-weight:600;padding:.4em 0}th,td{padding:4px 12px 4px 0;text-align:left;vertical-align:top;border-bottom:1px "
    "solid var(--line)}th{color:var(--soft);font-weight:600}td:first-child{overflow-wrap:anywhere;min-width:7em}"
    ".n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}th.n{white-space:normal}\n",
    ".unit{border:1px solid var(--line);border-radius:8px;padding:10px 12px;margin:10px 0;break-inside:avoid}"
    ".unit .head{font-weight:600;margin-top:0}.unit p{margin:.3em 0}.unit ol{margin:.3em 0;padding-left:1.6em}"
    ".unit li{margin:.15em 0}.unit .tag,.tag{font-size:.78rem;border:1px solid var(--line);border-radius:9px;"
    "padding:0 7px;color:var(--soft);white-space:nowrap}.ok{color:var(--good)}.no{color:var(--bad)}"
    ".so{color:var(--warn)}\n",
    ".verdict{border:1px solid var(--line);border-left:6px solid var(--k);border-radius:8px;background:var(--card);"
    "padding:10px 14px;break-inside:avoid}.verdicts{display:grid;gap:12px;margin:14px 0;grid-template-columns:"
    "repeat(auto-fit,minmax(min(460px,100%),1fr))}.verdict>b{font-size:1.12rem;color:var(--k)}.kw{--k:var(--warn)}"
    ".two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(330px,100%),1fr));gap:4px 28px}"
    "ul.plain{padding-left:1.2em;margin:.4em 0}\n",
    ".terms{columns:2;column-gap:28px;margin:.5em 0}.terms div{break-inside:avoid;margin:0 0 .6em}.terms dt{"
    "font-weight:600}.terms dd{margin:0;color:var(--soft)}\n",
    "@media (min-width:800px){.unit.two{grid-template-columns:1fr 2fr}}@media "
    "(max-width:700px){.terms{columns:1}}@media (max-width:480px){body{padding:14px 14px 40px}figure{padding:8px"
    " 8px}pre{font-size:.78rem;white-space:pre-wrap;overflow-wrap:anywhere}table{font-size:.8rem}th,td{padding-right:"
    "8px}"
    "h1{font-size:1.4rem}.many,.many tbody,.many tr{display:block}.many thead{display:none}.many tr{padding:6px 0;"
    "border-bottom:1px solid var(--line)}.many td{display:flex;justify-content:space-between;gap:12px;border:0;"
    "padding:0;text-align:right}.many "
    "td::before{content:attr(data-head);color:var(--soft);font-weight:400;white-space:nowrap;text-align:left}.many "
    "td:empty{display:none}"
    ".many td:first-child{font-weight:600}.many td:first-child::before{content:none}}\n",
    "@media print{:root{--bg:#fff;--fg:#000;--soft:#444;--line:#bbb;--card:#fff;--a:#1f63c4;--b:#b3530e;--c:#23784a;"
    "--d:#7b3fa8;--good:#1c7a3f;--bad:#b42318;--warn:#8a5a00;--grid:#ddd}body{max-width:none;padding:0;font-size:10pt}"
    ".charts{grid-template-columns:1fr 1fr}h1,h2,h3,h3+p,h2+p,caption{break-after:avoid}li,tr,pre,ul.plain{"
    "break-inside:avoid}p{orphans:3;widows:3}.two{grid-template-columns:1fr 1fr;gap:4px 18px}table{font-size:8pt}"
    "thead{display:table-header-group}.unit{font-size:8.5pt;padding:6px 10px;margin:7px "
    "0}.terms{columns:3;font-size:8pt}.terms div{margin-bottom:.4em}.plain{font-size:9pt}.lead "
    ".plain{font-size:11pt}.tile{padding:6px "
    "10px}.tiles{grid-template-columns:repeat(auto-fill,minmax(125px,1fr))}.hero{grid-template-columns:repeat(auto-"
    "fill,minmax(230px,1fr))}h2{margin:1.4em 0 .4em}.hero .tile "
    "dd{font-size:15pt}.facts{break-inside:avoid}.unit.two{grid-template-columns:1fr 2fr}.facts dd{font-size:9pt}.many "
    "td:first-child{min-width:14em}th,td{padding:2px 8px 2px 0}.scroll{"
    "overflow:visible}.keep{break-inside:avoid}pre{white-space:pre-wrap}"
    "*{-webkit-print-color-adjust:exact;print-color-adjust:exact}@page{margin:14mm}}\n",
};

static const char *escape_of(unsigned char byte) {
    switch (byte) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return byte < 0x20 || byte == 0x7f ? " " : NULL;
    }
}

void eval_html_text(senc_buffer *out, const char *text) {
    if (!text) return;
    senc_buffer good = {0};
    data_utf8_append_replaced(text, strlen(text), &good);
    out->failed = out->failed || good.failed;
    size_t from = 0;
    for (size_t i = 0; i < good.n_bytes; i++) {
        const char *escaped = escape_of((unsigned char)good.data[i]);
        if (!escaped) continue;
        senc_buffer_append(out, good.data + from, i - from);
        senc_buffer_append_text(out, escaped);
        from = i + 1;
    }
    if (good.n_bytes > from) senc_buffer_append(out, good.data + from, good.n_bytes - from);
    senc_buffer_free(&good);
}

void eval_html_printf(senc_buffer *out, const char *fmt, ...) {
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    const int n = vasprintf(&text, fmt, args);
    va_end(args);
    if (n < 0) {
        out->failed = true;
        return;
    }
    eval_html_text(out, text);
    free(text);
}

void eval_html_beginning(senc_buffer *out, const char *text, size_t max_bytes) {
    size_t n = text ? strlen(text) : 0;
    const bool is_cut = n > max_bytes;
    if (is_cut) {
        for (n = max_bytes; n > max_bytes - max_bytes / 6 && text[n] != ' ';) n--;
        while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80) n--;
    }
    senc_buffer_append_text(out, "<bdi>");
    eval_html_printf(out, "%.*s%s", (int)n, n > 0 ? text : "", n == 0 ? "(no text)" : is_cut ? " ..." : "");
    senc_buffer_append_text(out, "</bdi>");
}

void eval_html_open(senc_buffer *out, const char *title) {
    senc_buffer_append_text(
        out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
             "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
             "<title>");
    eval_html_text(out, title);
    senc_buffer_append_text(out, "</title>\n<style>\n");
    for (size_t i = 0; i < sizeof style / sizeof *style; i++) senc_buffer_append_text(out, style[i]);
    senc_buffer_append_text(out, "</style>\n</head>\n<body>\n");
}

void eval_html_close(senc_buffer *out) {
    senc_buffer_append_text(out, "</body>\n</html>\n");
}

/* Whether a phone cannot show the columns side by side: then rows become blocks there. */
static bool is_wide(const senc_grid *grid) {
    int64_t sum = 0;
    for (int64_t c = 0; c < grid->n_columns; c++) {
        int64_t widest = 0;
        for (int64_t i = c; i < grid->n_cells; i += grid->n_columns) {
            const int64_t width = senc_text_width(grid->cells[i], (int64_t)strlen(grid->cells[i]));
            if (width > widest) widest = width;
        }
        sum += widest + 1;
    }
    return grid->n_columns > 2 && sum > PHONE_COLUMNS;
}

/* A cell; of wide tables with its head, which stands beside it where rows become blocks. */
static void put_cell(senc_buffer *out, const senc_grid *grid, bool wide, int64_t i) {
    const int64_t column = i % grid->n_columns;
    const bool is_head = i < grid->n_columns;
    const char *class_name = grid->alignment[column] == 'r' ? " class=\"n\"" : "";
    senc_buffer_printf(out, is_head ? "<th scope=\"col\"%s" : "<td%s", class_name);
    if (!is_head && wide) {
        senc_buffer_append_text(out, " data-head=\"");
        eval_html_text(out, grid->cells[column]);
        senc_buffer_append_text(out, "\"");
    }
    senc_buffer_append_text(out, ">");
    eval_html_text(out, grid->cells[i]);
    senc_buffer_append_text(out, is_head ? "</th>" : "</td>");
}

void eval_html_grid(senc_buffer *out, const char *caption, const senc_grid *grid) {
    out->failed = out->failed || grid->failed;
    if (grid->failed) return;
    const bool wide = is_wide(grid);
    senc_buffer_printf(out, "<div class=\"scroll\"><table%s>\n", wide ? " class=\"many\"" : "");
    if (caption) {
        senc_buffer_append_text(out, "<caption>");
        eval_html_text(out, caption);
        senc_buffer_append_text(out, "</caption>\n");
    }
    senc_buffer_append_text(out, "<thead>\n"); /* is repeated on every printed page */
    for (int64_t i = 0; i < grid->n_cells; i++) {
        const int64_t column = i % grid->n_columns;
        if (column == 0) senc_buffer_append_text(out, "<tr>");
        put_cell(out, grid, wide, i);
        if (column + 1 == grid->n_columns) senc_buffer_append_text(out, "</tr>\n");
        if (i + 1 == grid->n_columns) senc_buffer_append_text(out, "</thead>\n<tbody>\n");
    }
    senc_buffer_append_text(out,
                            grid->n_cells < grid->n_columns ? "</thead></table></div>\n" : "</tbody></table></div>\n");
}

const char *eval_html_count(int64_t n, char *out, size_t out_bytes) {
    char digits[24];
    const int length = snprintf(digits, sizeof digits, "%lld", (long long)n);
    size_t at = 0;
    for (int i = 0; i < length && at + 2 < out_bytes; i++) {
        if (i > 0 && digits[i - 1] != '-' && (length - i) % 3 == 0) out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}
