# Bands between quantiles of each channel and their medians, one panel a run; dashed: where its codes end.  Settings: site,
# clip_low[], clip_high[], min_y, max_y, sorted, n_channel, n_point (of the lines).

set multiplot
head_cm = top_cm + 0.7
panel_cm = (height_cm - head_cm - 0.9) / n
eval find_clips
bottom = reach(min_y, least_clip)
top = reach(max_y, most_clip)
span = top - bottom
bottom = bottom - 0.05 * span
top = top + 0.05 * span
set yrange [bottom:top]
set ytics tic_step(span, 5)
set xrange [-0.5:n_channel - 0.5]
set lmargin at screen across(1.1)
set rmargin at screen 1 - across(0.25)
set ylabel 'value' offset 1.2,0
set key at screen 0.5, screen 1 - up(top_cm - 0.1) center top horizontal maxrows 2 Left reverse width -2.5
set style fill solid noborder
width = 1.0 * n_channel / n_point
centre = (width - 1) / 2
half = 0.51 * width
do for [i=1:n] {
    set tmargin at screen 1 - up(head_cm + panel_cm * (i - 1) + 0.35)
    set bmargin at screen 1 - up(head_cm + panel_cm * i - 0.1)
    set label 1 label[i] at graph 0, graph 1 offset 0,0.5 left noenhanced font ',6.5'
    if (i == n) {
        set xlabel sprintf(sorted ? 'channel of %s, by falling absmax' : 'channel of %s', site) \
            noenhanced offset 0,0.5
        set format x '%g'
    } else { set format x '' }
    unset arrow
    do for [k=1:2] {
        at = k == 1 ? clip_low[i] : clip_high[i]
        if (at == at && at > bottom && at < top) {
            set arrow from graph 0, first at to graph 1, first at nohead \
                linewidth 0.9 dashtype 2 linecolor rgb 0xD55E00 front
        }
    }
    plot for [k=0:3] $data index i-1 using (column('rank') + centre):(0): \
             (column('rank') + centre - half):(column('rank') + centre + half): \
             (column(word('p0 p0.01 p1 p25', k + 1))):(column(word('p100 p99.99 p99 p75', k + 1))) \
             with boxxyerror linewidth 0 fillcolor rgb int(word('13624048 10274530 5217484 29362', k + 1)) \
             title (i == 1 ? word('all 99.98% 98% 50%', k + 1) : ''), \
         '' index i-1 using (column('rank') + centre):(column('p50')) with lines linewidth 0.5 \
             linecolor rgb 0x000000 notitle, \
         NaN with lines linewidth 0.9 dashtype 2 linecolor rgb 0xD55E00 title (i == 1 && most_clip > least_clip ? 'end of codes' : '')
    unset label 1000
}
unset multiplot
