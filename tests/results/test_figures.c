/* What `ssmq export` writes of every kind against the HDF5 that it is from: check_figures.py. */
#include "tests/support/figure_runs.h"

int main(void)
{
    return figure_runs_show("tests/results/check_figures.py");
}
