/* Finished runs with everything that figures are made of, whose numbers a test can work out again: the values
 * that statistics are of lie in dump.h5 as they are. */
#pragma once

/* Writes float, naive and quamba into a folder of its own, runs COMMAND FOLDER in a shell, removes the
 * folder; the command's exit status. */
int figure_runs_show(const char *command);
