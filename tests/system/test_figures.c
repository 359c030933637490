/* `ssmq export` and `ssmq plot` of every kind, on runs made up for it: tests/support/figures.sh. */
#include "tests/support/figure_runs.h"

int main(void)
{
    return figure_runs_show("bash tests/support/figures.sh");
}
