/* Comments inside pictures: where a figure is from, for whoever finds the file. */
#pragma once
#include <stdbool.h>
#include "harness/base/error.h"
#include "harness/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ssmq_picture_format { SSMQ_PICTURE_SVG, SSMQ_PICTURE_PNG, SSMQ_PICTURE_PDF } ssmq_picture_format;

/* Puts the lines of comments into a picture: an XML comment, an iTXt chunk "Comment" (PNG specification,
 * 11.3.4.5), comment lines in front of "startxref" (where they move no offset, ISO 32000-1, 7.5.5).  IO if
 * the picture is not of its format. */
SSMQ_MUST_USE ssmq_status ssmq_picture_comment(ssmq_picture_format format, const char *comments,
                                               ssmq_str *picture);

#ifdef __cplusplus
}
#endif
