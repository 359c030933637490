# One number of each layer, a line for each run and site.  Settings: quantity (its column), name, log_y, colour[], dashes[].

array legend[n]
do for [i=1:n] { legend[i] = label[i] }
dash_for(i) = dashes_of[(int(dashes[i]) - 1) % 5 + 1]
legend_colour(i) = colour_of(colour[i])
legend_dash(i) = dash_for(i)
legend_point(i) = point_of(colour[i])
eval lay_out_legend
eval draw_legend
unset key
set tmargin at screen 1 - up(top_cm + legend_cm)
set bmargin at screen up(0.95)
set lmargin at screen across(1.55)
set rmargin at screen 1 - across(0.25)
set xlabel 'layer' offset 0,0.5
y_name = name
eval y_title
stats $data using (column('layer')) nooutput
set xrange [STATS_min - 0.3:STATS_max + 0.3]
set xtics STATS_min, (STATS_max - STATS_min > 8 ? tic_step(STATS_max - STATS_min, 8) : 1)
if (STATS_min < 0) { # sites outside of the layers, whose name needs room
    each_tic = STATS_max > 8 ? tic_step(STATS_max, 8) : 1
    first_tic = each_tic > 1 ? each_tic : 0
    set xtics first_tic, each_tic
    set xtics add ('none' -1)
}
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
    linewidth 1 pointtype point_of(colour[i]) pointsize 0.35 linecolor rgb colour_of(colour[i]) dashtype dash_for(i)
