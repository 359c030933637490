# What weights take up against what a run costs, with standard errors; the front is stepped, its points are filled.  Settings: size
# (its column), unit, x_name, y_name, log_x, log_y.

set tmargin at screen 1 - up(top_cm + 0.2)
set bmargin at screen up(0.95)
set lmargin at screen across(1.35)
set rmargin at screen 1 - across(0.4)
set xlabel x_name offset 0,0.5
eval y_title
set errorbars 0.3
unset key
known(v) = v == v ? v : 0
stats $data using (column(size) / unit) nooutput
x_low = STATS_min
x_high = STATS_max
stats $data using (column('value') - known(column('se'))) nooutput
y_low = STATS_min
stats $data using (column('value') + known(column('se'))) nooutput
y_high = STATS_max
stats $data using (column('value')) nooutput
if (log_y) {
    set logscale y
    y_low = STATS_min
    set format y log_tics(y_low, y_high)
    if (few_decades(y_low, y_high)) { eval between_powers }
}
if (log_x) {
    set logscale x
    x_room = (x_high / x_low) ** 0.12
    x_room = x_room > 1 ? x_room : 1.2
    left = x_low / x_room
    right = x_high * x_room
} else {
    x_room = x_high > x_low ? 0.12 * (x_high - x_low) : 0.2 * x_high
    left = x_low - x_room
    right = x_high + x_room
    set xtics tic_step(right - left, 5)
}
set xrange [left:right]
if (log_y) {
    y_room = (y_high / y_low) ** 0.12
    y_room = y_room > 1 ? y_room : 1.2
    low = y_low / y_room
    high = y_high * y_room
} else {
    y_room = y_high > y_low ? 0.12 * (y_high - y_low) : y_high == 0 ? 1 : 0.2 * abs(y_high)
    low = y_low - y_room
    high = y_high + y_room
    set ytics tic_step(high - low, 5)
    set format y short_numbers(high)
}
set yrange [low:high]
# The beginning and the end of a long name, which tells it from others.
short(t) = strlen(t) > 26 ? t[1:10] . '…' . t[strlen(t)-13:strlen(t)] : t
middle = log_x ? sqrt(left * right) : (left + right) / 2
at_left(x) = x > middle
# Names of points to the right stand on their left.
is_labelled(side) = column('named') == 1 && at_left(column(size) / unit) == side
floor_of(v, e) = log_y && v - e < low ? low : v - e
colour_at(is_float, front) = is_float == 1 ? colour_of(1) : front == 1 ? colour_of(3) : colour_of(2)
plot $data using (column('front') == 1 ? column(size) / unit : NaN):(column('front') == 1 ? column('value') : NaN) \
        with steps linewidth 0.8 dashtype 2 linecolor rgb colour_of(3), \
    '' using (column(size) / unit):(column('value')):(floor_of(column('value'), known(column('se')))): \
        (column('value') + known(column('se'))):(colour_at(column('float'), column('front'))) \
        with yerrorbars pointtype 0 linewidth 0.6 linecolor rgb variable, \
    '' using (column(size) / unit):(column('value')):(colour_at(column('float'), column('front'))) \
        with points pointtype 7 pointsize 0.45 linecolor rgb variable, \
    '' using (column(size) / unit):(column('value')):(is_labelled(0) ? short(strcol('name')) : '') \
        with labels left offset 0.6,0.4 font ',6' noenhanced, \
    '' using (column(size) / unit):(column('value')):(is_labelled(1) ? short(strcol('name')) : '') \
        with labels right offset -0.6,0.4 font ',6' noenhanced
