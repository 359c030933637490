# Magnitudes over tokens and channels, one panel a run, on one scale.  Settings: site, rows, columns (what they
# are), log_z.

set multiplot
panel_cm = (height_cm - top_cm) / n
stats $data using (column('magnitude')) nooutput
least = STATS_min; most = STATS_max
if (log_z) {
    least = least > 1e-6 * most ? least : 1e-6 * most
    set logscale zcb
    set format z '10^{%T}'
    set format cb '10^{%T}'
}
height_of(v) = v > least ? v : least
set zrange [(log_z ? least : 0):most]
set cbrange [(log_z ? least : 0):most]
set pm3d corners2color max depthorder border linewidth 0.08 linecolor rgb 0x333333
set view 58, 38, 1.05, 0.95
set xyplane at (log_z ? least : 0)
set border 1 + 2 + 4 + 8 + 16 linewidth 0.4
unset grid
unset key
stats $data using (column('channel')) nooutput
set xtics 0, tic_step(STATS_max + 1, 4) offset -0.4,-0.3
stats $data using (column('token')) nooutput
set ytics 0, tic_step(STATS_max + 1, 3) offset 0.6,-0.2
set xlabel columns rotate parallel offset 0,-0.2
set ylabel rows rotate parallel offset 0,-0.2
if (!log_z) { set ztics 0, tic_step(most, 4); set cbtics 0, tic_step(most, 4) }
set zlabel '|x|' rotate by 90 offset (log_z ? 0.5 : 1.5),0
do for [i=1:n] {
    bottom_cm = height_cm - top_cm - panel_cm * i
    set origin across(0.25), up(bottom_cm - 0.35)
    set size across(width_cm - 1.45), up(panel_cm + 0.5)
    if (i == 1) {
        set colorbox user origin across(width_cm - 1.15), up(bottom_cm + 0.25 * panel_cm) \
            size across(0.2), up(0.5 * panel_cm)
    } else { unset colorbox }
    set label 1 label[i] at screen across(0.2), screen up(bottom_cm + panel_cm - 0.35) left noenhanced font ',6.5'
    splot $data index i-1 using (column('channel')):(column('token')):(height_of(column('magnitude'))) with pm3d
    unset label 1000
}
unset multiplot
