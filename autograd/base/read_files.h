/* Which files a command has read: an output that the user names may not take the place of one of them, whatever it
 * is (data, weights, a vocabulary, a report), because what was read would be gone with it. Whatever opens files of the
 * user for reading notes them: senc_file_read, senc_file_map_open, data streams. */
#ifndef SENC_READ_FILES_H
#define SENC_READ_FILES_H

#include <stdbool.h>

#include "autograd/base/error.h"

/* From here on files are noted; before, and in programs that do not ask for it, none is. */
void senc_read_files_begin(void);
/* Notes an open file; streams and what cannot be asked are not noted. Any thread. */
void senc_read_files_note(int fd);
/* False (BAD_INPUT) when `path`, through links, is a file that was noted: "m/vocab.txt: cannot write: it has been read
 * as an input". A path where nothing is, is fine. */
bool senc_read_files_check(const char *path, senc_error *err);

#endif
