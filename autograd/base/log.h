/* Messages for people, on stderr. Results go to stdout and do not pass here. */
#ifndef SENC_LOG_H
#define SENC_LOG_H

#include <stdbool.h>

typedef enum senc_log_level { SENC_LOG_QUIET, SENC_LOG_WARNING, SENC_LOG_INFO, SENC_LOG_DEBUG } senc_log_level;

/* Default SENC_LOG_INFO; the environment variable SENC_LOG=quiet|warning|info|debug is read at the first message. */
void senc_log_set_level(senc_log_level level);
senc_log_level senc_log_get_level(void);

__attribute__((format(printf, 1, 2))) void senc_info(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void senc_warn(const char *fmt, ...); /* "warning: ..." */
__attribute__((format(printf, 1, 2))) void senc_debug(const char *fmt, ...);

/* As senc_info, broken between words into lines of at most 80 columns; those behind the first start with `indent`
 * spaces. */
__attribute__((format(printf, 2, 3))) void senc_info_wrapped(int indent, const char *fmt, ...);

/* True when stderr is a terminal, is not TERM=dumb and messages are on: progress bars may be drawn. */
bool senc_log_has_terminal(void);
/* Redraws one status line on the terminal; the next message clears it first. "" removes it. Where there is no terminal
 * it becomes a line of its own when nothing was said for 10 seconds, so that a log shows that work goes on. */
__attribute__((format(printf, 1, 2))) void senc_log_status(const char *fmt, ...);
/* Another time than 10 seconds, for tests. */
void senc_log_set_silence(double ms);
/* Columns of the terminal on stderr, 80 where unknown. */
int senc_log_columns(void);
/* True when colour may be written to this stream (1 = stdout, 2 = stderr): a terminal, and NO_COLOR is unset or empty.
 */
bool senc_log_has_color(int stream);

#endif
