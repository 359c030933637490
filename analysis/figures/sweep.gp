# A metric over an axis, a line with standard errors for each series; a level is drawn dashed across.  Settings: x_name, y_name,
# log_x, log_y, even (values at even distances), tic[] at tic_at[], level[] (NaN: a line), colour[].

array legend[n]
do for [i=1:n] { legend[i] = label[i] }
is_level(i) = level[i] == level[i]
dash_for(i) = is_level(i) ? 2 : dashes_of[int((colour[i] - 2) / 7) % 5 + 1]
legend_colour(i) = colour_of(colour[i])
legend_dash(i) = dash_for(i)
legend_point(i) = is_level(i) ? 0 : point_of(colour[i])
eval lay_out_legend
eval draw_legend
unset key
set tmargin at screen 1 - up(top_cm + legend_cm)
set bmargin at screen up(0.95)
set lmargin at screen across(1.55)
set rmargin at screen 1 - across(0.3)
set xlabel x_name offset 0,0.5 noenhanced
eval y_title
set errorbars 0.4

# The ends of the axis, half a step or a twentieth beyond the values.
m = |tic_at|
first = tic_at[1]
last = tic_at[m]
beyond = m == 1 ? (first == 0 ? 0.5 : 0.5 * abs(first)) : even ? 0.3 : 0.05 * (last - first)
if (log_x) {
    set logscale x
    ratio = m == 1 ? 2 : (last / first) ** 0.05
    x_low = first / ratio
    x_high = last * ratio
} else {
    x_low = first - beyond
    x_high = last + beyond
}
set xrange [x_low:x_high]
# Labels that would run into each other are shortened, and many long ones turned.
fits = floor((width_cm - 1.7) / m / 0.125)
widest = 0
do for [i=1:m] { widest = strlen(tic[i]) > widest ? strlen(tic[i]) : widest }
turned = even && widest > fits && fits < 12
letters = turned ? 14 : fits
ends(t) = t[strlen(t) - (turned ? letters : letters / 2) + 2:strlen(t)]
short(t) = strlen(t) > letters ? (turned ? '' : t[1:letters / 2 - 1]) . '…' . ends(t) : t
set xtics () noenhanced
if (turned) {
    set xtics rotate by 45 right offset 0.4,-0.1
    set bmargin at screen up(0.8 + 0.1 * (widest > 14 ? 14 : widest))
    unset xlabel
    set label 1002 x_name at graph 0.5, screen up(0.25) center noenhanced
}
if (even || m <= 8) {
    do for [i=1:m] { set xtics add ((even ? short(tic[i]) : tic[i]) tic_at[i]) }
} else {
    set xtics autofreq
}

if (log_y) { set logscale y }
known(v) = v == v ? v : 0
stats $data using (column('value')) nooutput
y_low = STATS_min
y_high = STATS_max
if (!log_y) {
    stats $data using (column('value') - known(column('se'))) nooutput
    y_low = STATS_min < y_low ? STATS_min : y_low
}
stats $data using (column('value') + known(column('se'))) nooutput
y_high = STATS_max > y_high ? STATS_max : y_high
if (log_y) {
    y_room = (y_high / y_low) ** 0.06
    y_room = y_room > 1 ? y_room : 1.1
    set yrange [y_low / y_room:y_high * y_room]
    set format y log_tics(y_low, y_high)
    if (few_decades(y_low, y_high)) { eval between_powers }
} else {
    y_room = y_high > y_low ? 0.06 * (y_high - y_low) : y_high == 0 ? 1 : 0.1 * abs(y_high)
    set yrange [y_low - y_room:y_high + y_room]
    set ytics tic_step(y_high - y_low + 2 * y_room, 5)
    set format y short_numbers(y_high)
}
do for [i=1:n] {
    if (level[i] == level[i]) {
        set arrow from x_low, level[i] to x_high, level[i] nohead back linewidth 1 dashtype 2 linecolor rgb colour_of(colour[i])
    }
}
# An error bar that would leave a logarithmic axis ends where the axis does.
floor_of(v, e) = log_y && v - e < y_low / y_room ? y_low / y_room : v - e
# A level is a point without size at the edge.
across_axis(i, x) = is_level(i) ? x_low : x
plot for [i=1:n] $data index i-1 using (across_axis(i, column('place'))):(column('value')): \
        (is_level(i) ? column('value') : floor_of(column('value'), known(column('se')))): \
        (column('value') + (is_level(i) ? 0 : known(column('se')))) \
        with yerrorbars pointtype 0 linewidth 0.7 linecolor rgb colour_of(colour[i]), \
    for [i=1:n] '' index i-1 using (across_axis(i, column('place'))):(column('value')) with linespoints linewidth 1 \
        pointtype point_of(colour[i]) pointsize (is_level(i) ? 0 : 0.4) linecolor rgb colour_of(colour[i]) \
        dashtype dash_for(i)
