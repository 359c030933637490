# Each unit alone quantised and alone left out, the worst on top, one panel a run.  Settings: name (of the metric), longest.

set multiplot
head_cm = top_cm + 0.42
panel_cm = (height_cm - head_cm - 0.9) / n
name_length = 0
do for [i=1:n] {
    stats $data index i-1 using (name_length = strlen(strcol('unit')) > name_length ? \
        strlen(strcol('unit')) : name_length, column('rank')) nooutput
}
set lmargin at screen across(0.3 + 0.125 * name_length)
set rmargin at screen 1 - across(0.35)
set ytics scale 0 noenhanced font ',6.5'
set style fill solid noborder
set key at screen 0.5, screen 1 - up(top_cm - 0.1) center top horizontal maxrows 1
stats $data using (column('only_on')) nooutput
most = STATS_records > 0 ? STATS_max : 0
least = STATS_records > 0 && STATS_min < 0 ? STATS_min : 0
stats $data using (column('only_off')) nooutput
if (STATS_records > 0) {
    most = STATS_max > most ? STATS_max : most
    least = STATS_min < least ? STATS_min : least
}
set yrange [longest - 0.5:-0.5]
set xrange [least - 0.02 * (most - least):most + 0.03 * (most - least)]
set xtics tic_step(most - least, 5)
do for [i=1:n] {
    set tmargin at screen 1 - up(head_cm + panel_cm * (i - 1) + (n > 1 ? 0.4 : 0.1))
    set bmargin at screen 1 - up(head_cm + panel_cm * i)
    if (n > 1) { set label 1 label[i] at graph 0, graph 1 offset 0,0.5 left noenhanced font ',6.5' }
    if (i == n) { set xlabel name noenhanced offset 0,0.5; set format x '%g' } else { set format x '' }
    plot $data index i-1 using (column('only_on') / 2):(column('rank') - 0.2):(abs(column('only_on') / 2)):(0.19):ytic(strcol('unit')) \
             with boxxyerror linecolor rgb colour_of(3) title (i == 1 ? 'only this on' : ''), \
         '' index i-1 using (column('only_off') / 2):(column('rank') + 0.2):(abs(column('only_off') / 2)):(0.19) \
             with boxxyerror linecolor rgb colour_of(2) title (i == 1 ? 'all but this on' : '')
    unset label 1000
}
unset multiplot
