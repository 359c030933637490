# A box for each group of channels: 25 to 75 %, whiskers from 1 to 99 %, crosses at 0.01 and 99.99 %, points at the
# extremes; one panel a run; dashed: where its codes end.  Settings as for channels.

set multiplot
head_cm = top_cm + 0.7
panel_cm = (height_cm - head_cm - 0.9) / n
eval find_clips
bottom = reach(min_y, least_clip)
top = reach(max_y, most_clip)
span = top - bottom
bottom = bottom - 0.05 * span
top = top + 0.05 * span
stats $data index 0 using (column('group')) nooutput
groups = STATS_max + 1
set yrange [bottom:top]
set ytics tic_step(span, 5)
set xrange [-0.7:groups - 0.3]
set boxwidth 0.62
set lmargin at screen across(1.1)
set rmargin at screen 1 - across(0.25)
set ylabel 'value' offset 1.2,0
set key at screen 0.5, screen 1 - up(top_cm - 0.1) center top horizontal maxrows 2 Left reverse width -2.5
do for [i=1:n] {
    set tmargin at screen 1 - up(head_cm + panel_cm * (i - 1) + 0.35)
    set bmargin at screen 1 - up(head_cm + panel_cm * i - 0.1)
    set label 1 label[i] at graph 0, graph 1 offset 0,0.5 left noenhanced font ',6.5'
    if (i == n) {
        set xlabel sprintf(groups == n_channel ? (sorted ? 'channel of %s, by falling absmax' : 'channel of %s') : \
            sorted ? 'group of channels of %s, by falling absmax' : 'group of channels of %s', site) \
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
    plot $data index i-1 using (column('group')):(column('p25')):(column('p1')):(column('p99')):(column('p75')) \
             with candlesticks whiskerbars 0.5 linewidth 0.6 linecolor rgb 0x0072B2 \
             fillstyle solid 0.35 title (i == 1 ? '50 and 98%' : ''), \
         '' index i-1 using (column('group')):(column('p50')):(column('p50')):(column('p50')):(column('p50')) \
             with candlesticks linewidth 0.9 linecolor rgb 0x000000 notitle, \
         for [k=1:2] '' index i-1 using (column('group')):(column(word('p0.01 p99.99', k))) with points \
             pointtype 1 pointsize 0.25 linewidth 0.6 linecolor rgb 0x009E73 title (i == 1 && k == 1 ? '99.98%' : ''), \
         for [k=1:2] '' index i-1 using (column('group')):(column(word('p0 p100', k))) with points \
             pointtype 7 pointsize 0.16 linecolor rgb 0xCC79A7 title (i == 1 && k == 1 ? 'extremes' : ''), \
         NaN with lines linewidth 0.9 dashtype 2 linecolor rgb 0xD55E00 title (i == 1 && most_clip > least_clip ? 'end of codes' : '')
    unset label 1000
}
unset multiplot
