# One number of each layer, a line for each run and site.  Settings: quantity (its column), name, log_y, colour[], dashes[].

columns = n > 4 ? 2 : 1
rows = ceil(n / (1.0 * columns))
set key at screen 0.5, screen 1 - up(top_cm - 0.1) center top vertical maxrows rows Left reverse
set tmargin at screen 1 - up(top_cm + 0.29 * rows + 0.15)
set bmargin at screen up(0.95)
set lmargin at screen across(1.35)
set rmargin at screen 1 - across(0.25)
set xlabel 'layer' offset 0,0.5
y_name = name
eval y_title
stats $data using (column('layer')) nooutput
set xrange [STATS_min - 0.3:STATS_max + 0.3]
set xtics STATS_min, (STATS_max - STATS_min > 8 ? tic_step(STATS_max - STATS_min, 8) : 1)
stats $data using (column(quantity)) nooutput
if (log_y) {
    set logscale y
    set format y log_tics(STATS_min, STATS_max)
    if (few_decades(STATS_min, STATS_max)) { eval between_powers }
} else {
    if (STATS_max > STATS_min) { set ytics tic_step(STATS_max - STATS_min, 5) }
    set format y short_numbers(STATS_max)
}
plot for [i=1:n] $data index i-1 using (column('layer')):(column(quantity)) with linespoints \
    linewidth 1 pointtype 7 pointsize 0.3 linecolor rgb colour_of(colour[i]) \
    dashtype dashes_of[(int(dashes[i]) - 1) % 5 + 1] title label[i]
