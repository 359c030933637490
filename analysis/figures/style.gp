# Style of all figures.  A script is written in front of this one that sets the terminal, and
#     title, width_cm, height_cm, n (number of series), label[1..n], variables of the kind,
#     run_colour[], $data: a block for each series with a line of column names.

# Colours that stay apart for colour-blind readers (Okabe and Ito, 2008), in an order in which neighbours differ in lightness
# too, for prints in grey; the first, grey, is float's, and comes back for nothing else.
array colours[8] = [0x777777, 0x0072B2, 0xE69F00, 0x009E73, 0xCC79A7, 0xD55E00, 0x56B4E9, 0x000000]
colour_of(i) = i < 2 ? colours[1] : colours[(int(i) - 2) % 7 + 2]
array dashes_of[5] = [1, 2, 4, 3, 5]
array points_of[7] = [7, 5, 9, 11, 13, 4, 6]
point_of(i) = i < 2 ? 7 : points_of[(int(i) - 2) % 7 + 1]

set datafile separator whitespace
set datafile columnheaders
set datafile missing NaN
set style data lines
set border 3 linewidth 0.5 linecolor rgb 0x333333
set tics nomirror out scale 0.5 textcolor rgb 0x333333
set grid linewidth 0.3 linecolor rgb 0xdddddd dashtype solid
set key noenhanced font ',6.5' samplen 1.6 spacing 1.1
set samples 2

# From dark to light, even in steps of lightness (viridis; van der Walt and Smith, 2015).
set palette defined (0 '#440154', 1 '#482878', 2 '#3e4989', 3 '#31688e', 4 '#26828e', \
                     5 '#1f9e89', 6 '#35b779', 7 '#6ece58', 8 '#b5de2b', 9 '#fde725')

# The place of panels in centimetres: margins of the picture as parts of it.
across(cm) = cm / width_cm
up(cm) = cm / height_cm
has_title = strlen(title) > 0
if (has_title) set label 1000 title at screen 0.5, screen 1 - up(0.28) center noenhanced
top_cm = has_title ? 0.6 : 0.15

# A legend of lines above the panels, laid out and drawn here: gnuplot's own leaves out entries, without a word, where names are
# long.  legend[1..|legend|] are the names; legend_colour, _dash, _width, _point (0: none), functions of their number.
letter_cm = 0.125 # of texts of 6.5 points
shortened(t, most) = strlen(t) > most ? t[1:most / 2 - 1] . '…' . t[strlen(t) - most / 2 + 1:strlen(t)] : t
legend_dash(i) = 1
legend_width(i) = 1
legend_point(i) = 0
lay_out_legend = 'widest = 1; do for [i=1:|legend|] { legend[i] = shortened(legend[i], int((width_cm - 1.2) / letter_cm)); ' . \
    'widest = strlen(legend[i]) > widest ? strlen(legend[i]) : widest }; entry_cm = 1 + letter_cm * widest; ' . \
    'fit = int((width_cm - 0.2) / entry_cm); legend_columns = |legend| < 4 || fit < 1 ? 1 : fit > 3 ? 3 : fit; ' . \
    'legend_rows = (|legend| + legend_columns - 1) / legend_columns; legend_cm = 0.29 * legend_rows + 0.2; ' . \
    'entry_x(i) = (width_cm - legend_columns * entry_cm) / 2 + entry_cm * ((i - 1) / legend_rows); ' . \
    'entry_y(i) = 1 - up(top_cm + 0.05 + 0.29 * ((i - 1) % legend_rows + 0.5))'
draw_legend = 'do for [i=1:|legend|] { set label 2000+i legend[i] at screen across(entry_x(i) + 0.75), screen entry_y(i) left ' . \
    'noenhanced font ",6.5"; set arrow 2000+i from screen across(entry_x(i)), screen entry_y(i) to ' . \
    'screen across(entry_x(i) + 0.6), screen entry_y(i) nohead linewidth legend_width(i) dashtype legend_dash(i) ' . \
    'linecolor rgb legend_colour(i); if (legend_point(i) > 0) { set label 3000+i "" at screen across(entry_x(i) + 0.3), ' . \
    'screen entry_y(i) point pointtype legend_point(i) pointsize 0.35 linecolor rgb legend_colour(i) } }'
clear_legend = 'do for [i=1:|legend|] { unset label 2000+i; unset arrow 2000+i; unset label 3000+i }'

# An axis of values reaches the ends of codes that lie outside of the values, unless they are far away.
find_clips = 'least_clip = 0; most_clip = 0; do for [i=1:n] { ' . \
    'least_clip = clip_low[i] == clip_low[i] && clip_low[i] < least_clip ? clip_low[i] : least_clip; ' . \
    'most_clip = clip_high[i] == clip_high[i] && clip_high[i] > most_clip ? clip_high[i] : most_clip }'
reach(end, clip) = abs(clip) > abs(end) && abs(clip) < 3 * abs(end) ? 1.01 * clip : end

# A step between tics that makes about count of them.
near(x) = x < 1.5 ? 1 : x < 3.5 ? 2 : x < 7.5 ? 5 : 10
step_near(x) = near(x / 10 ** floor(log10(x))) * 10 ** floor(log10(x))
tic_step(span, count) = step_near(1.0 * span / count) # integers would be divided as such

# A name to the left of an axis, as far out as the picture goes, whatever stands at its tics.
y_title = 'set label 1001 y_name at screen across(0.3), graph 0.5 center rotate noenhanced'

# Numbers of an axis without powers of ten: 20k, 3M.
short_numbers(most) = most >= 1e4 ? '%.0s%c' : '%g'

# Numbers of a logarithmic axis: powers of ten, and between them 2 and 5 times as much where there are few.
few_decades(low, high) = high / low < 300
log_tics(low, high) = !few_decades(low, high) ? '10^{%T}' : short_numbers(2 * high)
between_powers = 'do for [e=-12:12] { set ytics add (2 * 10.0 ** e, 5 * 10.0 ** e) }'
