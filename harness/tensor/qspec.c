#include "harness/tensor/qspec.h"

const char *const ssmq_scopes[] = {"tensor", "channel", "group", "token", NULL};
const char *const ssmq_formats[] = {"int", "e4m3", "e5m2", "f16", "bf16", NULL};
const char *const ssmq_roundings[] = {"half-even", "half-away", "truncate", NULL};
const char *const ssmq_precisions[] = {"f32", "f16", NULL};
