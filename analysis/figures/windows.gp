# A figure of each window of an evaluation, a line for each run; dashed: its mean.  Settings: quantity (its column), name, mean[],
# log_y.

array legend[n]
do for [i=1:n] { legend[i] = label[i] }
legend_colour(i) = colour_of(run_colour[i])
eval lay_out_legend
eval draw_legend
unset key
set tmargin at screen 1 - up(top_cm + legend_cm)
set bmargin at screen up(0.95)
set lmargin at screen across(1.55)
set rmargin at screen 1 - across(0.25)
set xlabel 'window' offset 0,0.5
y_name = name
eval y_title
stats $data using (column('window')) nooutput
last = STATS_max
stats $data using (column(quantity)) nooutput
low = STATS_min
high = STATS_max
if (log_y && low > 0) {
    set logscale y
    set format y log_tics(low, high)
    if (few_decades(low, high)) { eval between_powers }
} else {
    room = high > low ? 0.05 * (high - low) : high == 0 ? 1 : 0.1 * abs(high)
    set yrange [low - room:high + room]
    set ytics tic_step(high - low + 2 * room, 5)
    set format y short_numbers(high)
}
set xrange [-0.02 * last - 0.3:1.02 * last + 0.3]
set xtics 0, (last > 8 ? tic_step(last, 8) : 1)
do for [i=1:n] {
    set arrow from graph 0, first mean[i] to graph 1, first mean[i] nohead back linewidth 0.7 dashtype 2 \
        linecolor rgb colour_of(run_colour[i])
}
plot for [i=1:n] $data index i-1 using (column('window')):(column(quantity)) with linespoints linewidth 0.7 \
    pointtype point_of(run_colour[i]) pointsize (last > 64 ? 0 : 0.3) linecolor rgb colour_of(run_colour[i])
