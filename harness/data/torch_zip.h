/* PyTorch's zip checkpoints (torch.save since version 1.6), pytorch_model.bin: a zip archive
 * with the description of the tensors in ROOT/data.pkl and each storage's bytes in
 * ROOT/data/KEY, used in place.  Builds tensors and nothing else, executes nothing (pickle.h).
 * Sources: torch/serialization.py and caffe2/serialize/inline_container.cc of PyTorch. */
#pragma once
#include "harness/data/stored.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The tensors of a mapped file; ones that share a storage share its bytes.  INPUT, naming file
 * and tensor or entry, for anything malformed, for another byte order, for tensors that are not
 * contiguous and for the format from before 1.6. */
SSMQ_MUST_USE ssmq_status ssmq_torch_zip_read(const char *path, const ssmq_mapping *m,
                                              ssmq_arena *a, ssmq_stored **out, int64_t *count);

#ifdef __cplusplus
}
#endif
