/* A catalogue with one of everything and no arithmetic, for tests of the loader: its messages and
 * listings do not change when a method is added to the program.
 *
 * Family `fake` reads {"model_type": "fake", "layers": N}; the sites of layer N are
 * layers.N.proj.in (activation of op linear, width 8), layers.N.proj.weight, layers.N.scan.x
 * (activation of op scan, width 6), layers.N.scan.state; and head.weight.  Backends `ref` (no
 * options) and `cpu` (isa).  Methods `round` (weights), `watch` (activations, observes), `spin`
 * (inputs of linear ops; refuses twice). Statistics absmax, quantile (p); across max, ema (rate).
 */
#pragma once
#include "harness/run/experiment/catalogue.h"

extern const ssmq_catalogue fake_catalogue;

typedef struct fake_round {
    const char *const *sites;
    int                bits, scope;
    bool               careful;
    double             factor;
    const char        *label;
    ssmq_observer      observer;
} fake_round;

typedef struct fake_watch {
    const char *const *sites;
    int                bits;
    ssmq_observer      observer;
} fake_watch;

typedef struct fake_quantile {
    double p;
} fake_quantile;
typedef struct fake_ema {
    double rate;
} fake_ema;
typedef struct fake_cpu {
    int isa;
} fake_cpu;

extern const ssmq_option fake_round_options[];
