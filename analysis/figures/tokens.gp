# An error of a site against the position in the window, one panel a site; dotted: of clean inputs.
# Settings: quantity (its column), name, log_y, run_name[], panel_name[], and of each series panel[], colour[] (0: of its layer) and
# dashes[]; by_layer and layer_last: a line for each layer of one run.

set multiplot
any_clean = 0
do for [i=1:n] { any_clean = dashes[i] > 1 ? 1 : any_clean }
n_legend = by_layer ? 0 : |run_name| + any_clean
array legend[n_legend > 0 ? n_legend : 1]
if (n_legend > 0) {
    do for [i=1:|run_name|] { legend[i] = run_name[i] }
    if (any_clean) { legend[n_legend] = 'dotted: clean inputs' }
}
is_run(i) = i <= |run_name|
legend_colour(i) = is_run(i) ? colour_of(run_colour[i]) : 0x333333
legend_dash(i) = is_run(i) ? 1 : 3
if (n_legend > 0) { eval lay_out_legend; eval draw_legend } else { legend_cm = 0.1 }
unset key
first_cm = top_cm + legend_cm
panel_cm = (height_cm - first_cm - 0.95) / |panel_name|
set lmargin at screen across(1.55)
set rmargin at screen 1 - across(by_layer ? 1.6 : 0.35)
y_name = name
drawn(v) = log_y && v <= 0 ? NaN : v
stats $data using (column('token')) nooutput
set xrange [0:STATS_max > 0 ? STATS_max : 1]
set cbrange [0:layer_last > 0 ? layer_last : 1]
set cblabel 'layer' offset 0.2,0
set cbtics tic_step(layer_last > 0 ? layer_last : 1, 4)
do for [p=1:|panel_name|] {
    set tmargin at screen 1 - up(first_cm + panel_cm * (p - 1) + 0.4)
    set bmargin at screen 1 - up(first_cm + panel_cm * p)
    unset logscale y
    set yrange [*:*] # which stats looks at
    low = NaN
    high = NaN
    do for [i=1:n] {
        if (panel[i] == p) {
            stats $data index i-1 using (drawn(column(quantity))) nooutput
            low = STATS_min < low || low != low ? STATS_min : low
            high = STATS_max > high || high != high ? STATS_max : high
        }
    }
    if (log_y && high / low > 3) { # else there would hardly be a tic
        set logscale y
        room = (high / low) ** 0.06
        set yrange [low / room:high * room]
        set format y log_tics(low, high)
        set ytics autofreq
        if (few_decades(low, high)) { eval between_powers }
    } else {
        room = high > low ? 0.06 * (high - low) : high == 0 ? 1 : 0.1 * abs(high)
        set yrange [low - room:high + room]
        set ytics tic_step(high - low + 2 * room, 4)
        set format y short_numbers(high)
    }
    eval y_title
    set label 1 panel_name[p] at graph 0, graph 1 offset 0,0.5 left noenhanced font ',6.5'
    if (p == |panel_name|) { set xlabel 'position in the window (tokens)' offset 0,0.5; set format x '%g' } else { set format x '' }
    command = 'plot '
    do for [i=1:n] {
        if (panel[i] == p) {
            command = command . (command eq 'plot ' ? '' : ', ') . sprintf("$data index %d using (column('token')):" . \
                "(drawn(column(quantity))):(column('layer')) with lines linewidth %g dashtype %d linecolor %s", i - 1, \
                colour[i] == 0 ? 0.7 : 1, dashes[i], colour[i] == 0 ? 'palette' : sprintf('rgb %d', colour_of(colour[i])))
        }
    }
    eval command
    unset label 1000
}
unset multiplot
