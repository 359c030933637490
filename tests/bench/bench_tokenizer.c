/* Prints how fast the tokenizer is: bench_tokenizer [TOKENIZER TEXT].  Target: at least 10 MB/s of
 * WikiText-2 on one core.  Run from the project's root. */
#include <inttypes.h>
#include <stdio.h>
#include "harness/bench/tokenizer.h"

static void print(const char *name, const ssmq_bench_rate *r, const ssmq_bench_rate *floor)
{
    printf("  %-28s %9.1f MB/s  (quartiles %.1f to %.1f; %.2f %% of memcpy)\n", name, r->median,
           r->low, r->high, 100 * r->median / floor->median);
}

int main(int argc, char **argv)
{
    const char *tokenizer = argc == 3 ? argv[1] : "configs/data/gpt-neox-20b-tokenizer.json.zst";
    const char *text = argc == 3 ? argv[2] : "configs/data/wiki.test.raw";
    ssmq_bench_tokenizer b;
    const ssmq_status    st = ssmq_bench_tokenizer_run(tokenizer, text, &b);
    if (st != SSMQ_OK) {
        fprintf(stderr, "bench_tokenizer: %s\n", ssmq_error_last()->message);
        return ssmq_status_exit(st);
    }
    printf("%s, %" PRId64 " bytes, %" PRId64 " tokens; medians of %d samples, one thread\n", text,
           b.bytes, b.tokens, SSMQ_BENCH_TOKENIZER_SAMPLES);
    print("text read once", &b.cold, &b.copy);
    print("words of the text remembered", &b.warm, &b.copy);
    print("memcpy (the floor)", &b.copy, &b.copy);
    return 0;
}
