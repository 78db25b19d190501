/* Messages for people: see log.h. */
#include "autograd/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "autograd/base/buffer.h"
#include "autograd/base/file.h"
#include "autograd/base/terminal.h"

#define WRAP_COLUMNS 80

static senc_log_level level = SENC_LOG_INFO;
static bool level_is_set;
static bool status_shown;
static double last_line_ms;              /* when the last line was written; 0: none yet */
static double most_silence_ms = 10000.0; /* between lines of progress where there is no terminal */

void senc_log_set_level(senc_log_level new_level) {
    level = new_level;
    level_is_set = true;
}

senc_log_level senc_log_get_level(void) {
    if (!level_is_set) {
        static const char *const names[] = {"quiet", "warning", "info", "debug"};
        const char *wanted = getenv("SENC_LOG");
        for (int i = 0; wanted && i < 4; i++) {
            if (strcmp(wanted, names[i]) == 0) level = (senc_log_level)i;
        }
        level_is_set = true;
    }
    return level;
}

static void clear_status(void) {
    if (!status_shown) return;
    fputs("\r\x1b[K", stderr);
    status_shown = false;
}

static void write_message(const char *prefix, const char *fmt, va_list args) {
    clear_status();
    fputs(prefix, stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    last_line_ms = senc_clock_ms();
}

#define DEFINE_LOG(name, at_level, prefix)                                                                             \
    void name(const char *fmt, ...) {                                                                                  \
        if (senc_log_get_level() < (at_level)) return;                                                                 \
        va_list args;                                                                                                  \
        va_start(args, fmt);                                                                                           \
        write_message(prefix, fmt, args);                                                                              \
        va_end(args);                                                                                                  \
    }

DEFINE_LOG(senc_info, SENC_LOG_INFO, "")
DEFINE_LOG(senc_warn, SENC_LOG_WARNING, "warning: ")
DEFINE_LOG(senc_debug, SENC_LOG_DEBUG, "debug: ")

void senc_info_wrapped(int indent, const char *fmt, ...) {
    if (senc_log_get_level() < SENC_LOG_INFO) return;
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    const int n = vasprintf(&text, fmt, args);
    va_end(args);
    if (n < 0) return;
    senc_buffer lines = {0};
    senc_text_wrap(&lines, text, 0, indent, WRAP_COLUMNS);
    if (lines.n_bytes > 0) senc_info("%.*s", (int)lines.n_bytes - 1, senc_buffer_text(&lines)); /* its end is info's */
    senc_buffer_free(&lines);
    free(text);
}

bool senc_log_has_terminal(void) {
    const char *term = getenv("TERM");
    return senc_log_get_level() >= SENC_LOG_INFO && isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0);
}

int senc_log_columns(void) {
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    return 80;
}

/* The bytes of the first n characters, taking each for one column wide. */
static int bytes_of_columns(const char *text, int n) {
    int i = 0;
    for (; text[i]; i++) {
        const bool begins_character = ((unsigned char)text[i] & 0xc0) != 0x80;
        if (begins_character && n-- == 0) break;
    }
    return i;
}

void senc_log_set_silence(double ms) {
    most_silence_ms = ms;
}

/* Progress without a terminal: the first call starts the clock. */
static void say_plainly(const char *line) {
    const double now_ms = senc_clock_ms();
    if (last_line_ms == 0) last_line_ms = now_ms;
    if (line[0] && now_ms - last_line_ms >= most_silence_ms) senc_info("%s", line);
}

void senc_log_status(const char *fmt, ...) {
    if (senc_log_get_level() < SENC_LOG_INFO) return;
    char line[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (!senc_log_has_terminal()) {
        say_plainly(line);
        return;
    }
    clear_status();
    if (!line[0]) return;
    fprintf(stderr, "%.*s", bytes_of_columns(line, senc_log_columns() - 1), line);
    fflush(stderr);
    status_shown = true;
}

bool senc_log_has_color(int stream) {
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(stream) && !(no_color && no_color[0]) && !(term && strcmp(term, "dumb") == 0);
}
