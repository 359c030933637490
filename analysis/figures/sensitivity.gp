# What each unit does alone and when it is left out, with standard errors, the costliest on top, one panel a run;
# dashed: the whole recipe.  Settings: name (of the metric), all_on[], longest.

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
set errorbars 0 # a bar of no length, where there is no standard error, is not seen
set key at screen 0.5, screen 1 - up(top_cm - 0.1) center top horizontal maxrows 1 Left reverse

# The ends of the bars and of their standard errors; one that was not measured counts as 0.
known(v) = v == v ? v : 0
most = 0
least = 0
do for [k=1:2] {
    value = word('only_on only_off', k)
    stats $data using (known(column(value)) + known(column(value . '_se'))) nooutput
    most = STATS_max > most ? STATS_max : most
    stats $data using (known(column(value)) - known(column(value . '_se'))) nooutput
    least = STATS_min < least && STATS_min < 0 ? STATS_min : least
}
span = most > least ? most - least : 1
left = least - (least < 0 ? 0.03 : 0) * span
right = most + 0.05 * span
set xrange [left:right]
set yrange [longest - 0.5:-0.5]
set xtics tic_step(span, 5)
do for [i=1:n] {
    set tmargin at screen 1 - up(head_cm + panel_cm * (i - 1) + (n > 1 ? 0.4 : 0.1))
    set bmargin at screen 1 - up(head_cm + panel_cm * i)
    if (n > 1) { set label 1 label[i] at graph 0, graph 1 offset 0,0.5 left noenhanced font ',6.5' }
    if (i == n) { set xlabel name noenhanced offset 0,0.5; set format x '%g' } else { set format x '' }
    unset arrow
    if (least < 0) { set arrow from 0, graph 0 to 0, graph 1 nohead linewidth 0.5 linecolor rgb 0x333333 }
    if (all_on[i] == all_on[i] && all_on[i] > left && all_on[i] < right) {
        set arrow from all_on[i], graph 0 to all_on[i], graph 1 nohead front linewidth 0.9 dashtype 2 \
            linecolor rgb colour_of(1)
    }
    plot $data index i-1 using (0):(column('rank')):(0):(0):ytic(strcol('unit')) with boxxyerror notitle, \
         for [k=1:2] '' index i-1 using (known(column(word('only_on only_off', k))) / 2): \
             (column('rank') + 0.4 * k - 0.6):(abs(known(column(word('only_on only_off', k)))) / 2):(0.19) \
             with boxxyerror linecolor rgb colour_of(4 - k) \
             title (i == 1 ? (k == 1 ? 'alone' : 'left out') : ''), \
         for [k=1:2] '' index i-1 using (known(column(word('only_on only_off', k)))):(column('rank') + 0.4 * k - 0.6): \
             (known(column(word('only_on only_off', k) . '_se'))) with xerrorbars pointtype 0 linewidth 0.6 \
             linecolor rgb 0x000000 notitle
    unset label 1000
}
unset multiplot
