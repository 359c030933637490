# How many tokens (y) have a divergence, or a change of probability, of x or more, a line for each run.  Settings: quantity (its
# column), name, most (the largest).

array legend[n]
do for [i=1:n] { legend[i] = label[i] }
legend_colour(i) = colour_of(run_colour[i])
eval lay_out_legend
eval draw_legend
unset key
set tmargin at screen 1 - up(top_cm + legend_cm)
set bmargin at screen up(0.95)
set lmargin at screen across(1.55)
set rmargin at screen 1 - across(0.35)
set xlabel name offset 0,0.5
y_name = 'share of tokens with more'
eval y_title
stats $data using (column('share')) nooutput
least_share = STATS_min
# Four decades below the largest tell runs apart; what is nearer to zero is rounding.
span = most > 0 ? most : 1
stats $data using (abs(column(quantity))) nooutput
low = STATS_min > 1e-4 * span ? STATS_min / 1.3 : 1e-4 * span
set logscale xy
set xrange [low:1.3 * span]
set yrange [least_share / 1.3:1.3]
set format x log_tics(low, span)
if (few_decades(low, span)) { do for [e=-12:12] { set xtics add (2 * 10.0 ** e, 5 * 10.0 ** e) } }
set format y '10^{%T}'
plot for [i=1:n] $data index i-1 using (abs(column(quantity)) > 0 ? abs(column(quantity)) : 1e-9 * span):(column('share')) \
    with lines linewidth 1 linecolor rgb colour_of(run_colour[i])
