/* The catalogue of the program, for tests that run experiments. */
#pragma once
#include "harness/run/experiment/catalogue.h"

extern const ssmq_catalogue test_catalogue;
