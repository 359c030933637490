# Above: kurtosis of the site by layer.  Below, one panel a run: the top channels of each layer; the area of a
# circle is the channel's share of the squared norm, its colour how persistently it is among the top ones; of weights, which have
# no samples, all of one colour.  A line joins a channel that is among the top ones of neighbouring layers.
# Settings: channel_last, kurtosis_most, with_persistence.

set multiplot
array legend[n]
do for [i=1:n] { legend[i] = label[i] }
legend_colour(i) = colour_of(run_colour[i])
legend_point(i) = point_of(run_colour[i])
eval lay_out_legend
has_legend = n > 1 && kurtosis_most > 0
head_cm = top_cm + (has_legend ? legend_cm : 0)
unset key
first_cm = kurtosis_most > 0 ? head_cm + 2.2 : head_cm
panel_cm = (height_cm - first_cm - 0.9) / n
set lmargin at screen across(1.35)
set rmargin at screen 1 - across(with_persistence ? 1.65 : 0.35)
stats $data using (column('layer')) nooutput
set xrange [STATS_min - 0.6:STATS_max + 0.6]
set xtics STATS_min, (STATS_max - STATS_min > 12 ? tic_step(STATS_max - STATS_min, 12) : 1)
set format x ''
if (kurtosis_most > 0) {
    if (has_legend) { eval draw_legend }
    set tmargin at screen 1 - up(head_cm + 0.05)
    set bmargin at screen 1 - up(first_cm - 0.15)
    set logscale y
    set format y '10^{%T}'
    y_name = 'kurtosis'
    eval y_title
    plot for [i=1:n] $data index i-1 using (column('layer')):(column('rank') == 0 ? column('kurtosis') : NaN) \
        with linespoints pointtype point_of(run_colour[i]) pointsize 0.35 linecolor rgb colour_of(run_colour[i])
    unset label 1000
    if (has_legend) { eval clear_legend }
    unset logscale y
    set format y '%g'
}
set yrange [-0.04 * channel_last:1.04 * channel_last]
y_name = 'channel'
eval y_title
set ytics tic_step(channel_last, 5)
set cbrange [0:1]
set cblabel 'persistence' offset 0.2,0
size_of(share) = 0.12 + 2 * sqrt(share)
joined(text) = text eq '1' ? 1 : 0
lines = "with vectors nohead linewidth 0.8 linecolor rgb 0x999999"
do for [i=1:n] {
    top = 1 - up(first_cm + panel_cm * (i - 1) + 0.4)
    bottom = 1 - up(first_cm + panel_cm * i)
    set tmargin at screen top
    set bmargin at screen bottom
    set colorbox user origin 1 - across(1.5), bottom size across(0.2), top - bottom
    if (n > 1) { set label 1 label[i] at graph 0, graph 1 offset 0,0.5 left noenhanced font ',6.5' }
    if (i == n) { set xlabel 'layer' offset 0,0.5; set format x '%g' }
    if (with_persistence) {
        plot $data index i-1 using (column('layer')):(column('channel')):(joined(strcol('in_next'))):(0) @lines, \
            '' index i-1 using (column('layer')):(column('channel')):(size_of(column('share'))):(column('persistence')) \
            with points pointtype 7 pointsize variable linecolor palette
    } else {
        plot $data index i-1 using (column('layer')):(column('channel')):(joined(strcol('in_next'))):(0) @lines, \
            '' index i-1 using (column('layer')):(column('channel')):(size_of(column('share'))) \
            with points pointtype 7 pointsize variable linecolor rgb colour_of(run_colour[i])
    }
    unset label 1000
}
unset multiplot
