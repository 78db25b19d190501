/* The output of `senc encode` and what lies beside it while it is being written:
 *
 *     OUTPUT.partial        the rows so far (OUTPUT.scales.f32.partial: of i8)
 *     OUTPUT.partial.json   that senc wrote it, how far it is, and what it depends on (eval/encode_progress.h)
 *
 * The second is written first, so that a partial file without it is somebody else's and is never touched. */
#ifndef ENCODE_OUTPUT_H
#define ENCODE_OUTPUT_H

#include "cli/encode_run.h"

/* Opens the output at its beginning, or with --resume behind what an interrupted run has done. Without --overwrite
 * refuses a file that is there, and an interrupted run that --resume would go on with. */
bool cli_encode_output_open(cli_encode_run *run, senc_error *err);
/* Every save_every_ms: what --resume needs. */
bool cli_encode_output_save_when_due(cli_encode_run *run, senc_error *err);
/* ok: puts the complete file in its place. Otherwise keeps what is done where --resume can go on with it, and says so
 * in the message of an interruption; returns false. */
bool cli_encode_output_end(cli_encode_run *run, bool ok, senc_error *err);

#endif
