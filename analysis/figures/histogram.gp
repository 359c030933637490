# Density of the values at a site, a line for each run; dashed: where its codes end.  Settings: site, scale[],
# clip_low[], clip_high[], log_y, least and most (of the densities), floor_x (where logarithmic bins of |x| begin; 0: linear
# ones), min_x, max_x.

line_name(i) = scale[i] == scale[i] ? \
    sprintf("%s: step %.3g, clip at %.3g", label[i], scale[i], clip_high[i]) : label[i]
bottom = log_y ? 10 ** floor(log10(least)) : 0
shown(d) = d > bottom ? d : bottom
if (log_y) { set logscale y; set format y '10^{%T}' }
set yrange [bottom:(log_y ? 10 ** ceil(log10(most)) : 1.05 * most)]

array legend[n]
do for [i=1:n] { legend[i] = line_name(i) }
line_width(i) = run_colour[i] == 1 && n > 1 ? 2.4 : 1
legend_colour(i) = colour_of(run_colour[i])
legend_width(i) = line_width(i)
eval lay_out_legend
unset key
head_cm = top_cm + legend_cm
set tmargin at screen 1 - up(head_cm)
set bmargin at screen up(0.95)
left = 1.1; right = width_cm - 0.25

# A panel shows the values of one sign (0: of both) on an axis from its inner to its outer end.
inside(low, high) = sign == 0 || (sign > 0 ? low >= floor_x : high <= -floor_x)
axis(x) = sign < 0 ? -x : x
marks = 'unset arrow; do for [i=1:n] { do for [k=1:2] { at = axis(k == 1 ? clip_low[i] : clip_high[i]); ' . \
    'if (at == at && at > inner && at < outer) { set arrow from first at, graph 0 to first at, graph 1 ' . \
    'nohead front linewidth 0.9 dashtype 2 linecolor rgb colour_of(run_colour[i]) } } }'
# Steps begin where bins do; the last bin of a panel gets its upper edge by a line of its own.
is_last(high) = high >= max_x || (sign < 0 && high == -floor_x)
lines = 'plot for [i=1:n] $data index i-1 using (inside(column("low"), column("high")) ? ' . \
    'axis(column("low")) : NaN):(shown(column("density"))) with steps linewidth ' . \
    'line_width(i) linecolor rgb colour_of(run_colour[i]), ' . \
    'for [i=1:n] $data index i-1 using (inside(column("low"), column("high")) && is_last(column("high")) ? ' . \
    'axis(column("low")) : NaN):(shown(column("density"))):(axis(column("high")) - axis(column("low"))):(0) ' . \
    'with vectors nohead linewidth line_width(i) linecolor rgb colour_of(run_colour[i])'

eval find_clips
set multiplot
if (floor_x == 0) {
    set lmargin at screen across(left)
    set rmargin at screen across(right)
    set ylabel 'density (1 / unit)' offset 1,0
    set xlabel sprintf('value at %s', site) noenhanced offset 0,0.5
    sign = 0; inner = reach(min_x, least_clip); outer = reach(max_x, most_clip)
    set xrange [inner:outer]
    eval marks
    eval draw_legend
    eval lines
} else {
    # Both signs side by side, each as wide as it has decades.
    low_x = reach(min_x, least_clip)
    high_x = reach(max_x, most_clip)
    below = min_x < -floor_x ? log10(-low_x / floor_x) : 0
    above = max_x > floor_x ? log10(high_x / floor_x) : 0
    gap = below > 0 && above > 0 ? 0.3 : 0
    # Powers of ten that leave room for their names, or 1, 2, 5 and 10 times where there are few.
    farthest = log10(high_x > -low_x ? high_x : -low_x)
    first = ceil(log10(floor_x) + 0.4)
    decade = farthest - first > 3 ? ceil((farthest - first) / 3) : 1
    minus = ''
    power_tics = 'do for [e=first:int(farthest):int(decade)] { set xtics add (sprintf("%s10^{%d}", minus, e) 10.0 ** e) }'
    close_tics = 'do for [e=first-2:first+2] { do for [m in "1 2 5"] { ' . \
        'at = m * 10.0 ** e; if (at > floor_x * 1.05) { set xtics add (sprintf("%s%g", minus, at) at) } } }'
    tics = farthest - log10(floor_x) > 1.5 ? power_tics : close_tics
    middle = left + (right - left - gap) * below / (below + above)
    set logscale x
    inner = floor_x
    set ylabel 'density (1 / decade)' offset 1,0
    set label 1 sprintf('value at %s', site) at screen across((left + right) / 2), screen up(0.22) center noenhanced
    if (below > 0) {
        set lmargin at screen across(left)
        set rmargin at screen across(middle)
        sign = -1; outer = -low_x
        set xrange [outer:inner]
        set xtics ('' inner)
        minus = '−'
        eval tics
        eval marks
        eval draw_legend
        eval lines
        unset ylabel; unset label
        set border 1
        set format y ''
        set tics scale 0.5
        unset ytics
        set grid y
    }
    if (above > 0) {
        set lmargin at screen across(middle + gap)
        set rmargin at screen across(right)
        sign = 1; outer = high_x
        set xrange [inner:outer]
        set xtics ('' inner)
        minus = ''
        eval tics
        eval marks
        if (below <= 0) { eval draw_legend }
        eval lines
    }
}
unset multiplot
