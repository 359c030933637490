# What each operator takes, the longest on top, a panel for the prefill and one for a decoding step; black: what it
# would take at the machine's peaks.  Settings: series_colour[], rows[] (operators of the two phases).

set multiplot
array legend[n + 1]
do for [i=1:n] { legend[i] = label[i] }
legend[n + 1] = 'at the peaks'
legend_colour(i) = i > n ? 0x000000 : colour_of(series_colour[i])
legend_width(i) = i > n ? 1.2 : 5
eval lay_out_legend
eval draw_legend
unset key
head_cm = top_cm + legend_cm
panels = rows[2] > 0 ? 2 : 1
gap_cm = 1.25
unit_cm = (height_cm - head_cm - 0.35 - gap_cm * panels) / (rows[1] + rows[2])
name_length = 0
do for [i=1:n] {
    stats $data index i-1 using (name_length = strlen(strcol('operator')) > name_length ? \
        strlen(strcol('operator')) : name_length, column('rank')) nooutput
}
set lmargin at screen across(0.3 + 0.125 * name_length)
set rmargin at screen 1 - across(0.35)
set ytics scale 0 noenhanced font ',6.5'
set style fill solid noborder
thick = 0.8 / n
place(rank, i) = rank - 0.4 + thick * (i - 0.5)
inside(p) = column('panel') == p ? 1 : NaN
begin_cm = head_cm
do for [p=0:panels-1] {
    most = 0
    set autoscale # of the panel before
    do for [i=1:n] {
        stats $data index i-1 using (inside(p) == 1 ? column('ms') : 0) nooutput
        most = STATS_max > most ? STATS_max : most
        stats $data index i-1 using (inside(p) == 1 ? column('bound_ms') : 0) nooutput
        most = STATS_max > most ? STATS_max : most
    }
    set tmargin at screen 1 - up(begin_cm + 0.35)
    set bmargin at screen 1 - up(begin_cm + 0.35 + unit_cm * rows[p + 1])
    begin_cm = begin_cm + unit_cm * rows[p + 1] + gap_cm
    set label 1 (p == 0 ? 'prefill' : 'decoding step') at graph 0, graph 1 offset 0,0.5 left noenhanced font ',6.5'
    set xlabel 'ms' offset 0,0.7
    set xrange [0:most > 0 ? 1.05 * most : 1]
    set yrange [rows[p + 1] - 0.5:-0.5]
    set xtics tic_step(most > 0 ? most : 1, 5)
    plot for [i=1:n] $data index i-1 using (0):(column('panel') == p ? column('rank') : -9):(0):(0):ytic(strcol('operator')) \
             with boxxyerror, \
         for [i=1:n] '' index i-1 using (column('ms') / 2 * inside(p)):(place(column('rank'), i)): \
             (column('ms') / 2):(thick * 0.45) with boxxyerror linecolor rgb colour_of(series_colour[i]), \
         for [i=1:n] '' index i-1 using (column('bound_ms') * inside(p)):(place(column('rank'), i)):(0):(thick * 0.5) \
             with vectors nohead linewidth 1.2 linecolor rgb 0x000000, \
         for [i=1:n] '' index i-1 using (column('bound_ms') * inside(p)):(place(column('rank'), i)):(0):(-thick * 0.5) \
             with vectors nohead linewidth 1.2 linecolor rgb 0x000000
    unset label 1000
    eval clear_legend
}
unset multiplot
