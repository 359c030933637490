# Above: what each sample of the calibration gave, with the end of codes that came of it dashed.  Below: what it counted for.
# Settings: site, colour[].

set multiplot
array legend[n]
do for [i=1:n] { legend[i] = label[i] }
legend_colour(i) = colour_of(colour[i])
legend_point(i) = point_of(i + 1)
eval lay_out_legend
eval draw_legend
unset key
first_cm = top_cm + legend_cm
weights_cm = 1.7
set lmargin at screen across(1.55)
set rmargin at screen 1 - across(0.3)
stats $data using (column('sample')) nooutput
last = STATS_max
set xtics 0, (last > 8 ? tic_step(last, 8) : 1)
set format x ''
stats $data using (column('value')) nooutput
low = STATS_min < 0 ? STATS_min : 0
high = STATS_max > 0 ? STATS_max : 0
array clip_end[2 * n]
do for [i=1:n] {
    stats $data index i-1 using (column('value')) nooutput
    positive = STATS_max > 0
    negative = STATS_min < 0
    above = NaN
    below = NaN
    stats $data index i-1 using (above = column('clip_high'), below = column('clip_low'), column('sample')) nooutput
    clip_end[2 * i - 1] = positive ? above : NaN
    clip_end[2 * i] = negative ? below : NaN
}
do for [k=1:2*n] {
    c = clip_end[k]
    if (c == c) { low = c < low ? c : low; high = c > high ? c : high }
}
room = high > low ? 0.05 * (high - low) : 1
set xrange [-0.02 * last - 0.3:1.02 * last + 0.3]
set yrange [(low < 0 ? low - room : 0):(high > 0 ? high + room : 0)]
set ytics tic_step(high - low + room, 5)
set format y short_numbers(high)
set tmargin at screen 1 - up(first_cm)
set bmargin at screen up(1.1 + weights_cm)
y_name = 'value at ' . site
eval y_title
do for [k=1:2*n] {
    if (clip_end[k] == clip_end[k]) {
        set arrow 100+k from graph 0, first clip_end[k] to graph 1, first clip_end[k] nohead back linewidth 0.8 dashtype 2 \
            linecolor rgb colour_of(colour[int((k + 1) / 2)])
    }
}
plot for [i=1:n] $data index i-1 using (column('sample')):(column('value')) with points \
    pointtype point_of(i + 1) pointsize 0.35 linecolor rgb colour_of(colour[i])
do for [k=1:2*n] { unset arrow 100+k }
eval clear_legend
unset label 1000
set format x '%g'
set xlabel 'sample' offset 0,0.5
set tmargin at screen up(0.95 + weights_cm - 0.15)
set bmargin at screen up(0.95)
set yrange [*:*]
stats $data using (column('weight')) nooutput
set yrange [0:STATS_max > 0 ? 1.08 * STATS_max : 1]
set ytics tic_step(STATS_max > 0 ? STATS_max : 1, 3)
set format y '%g'
y_name = 'weight'
eval y_title
plot for [i=1:n] $data index i-1 using (column('sample')):(column('weight')) with lines linewidth 1 linecolor rgb colour_of(colour[i])
unset multiplot
