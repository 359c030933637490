# Style of all figures.  A script is written in front of this one that sets the terminal, and
#     title, width_cm, height_cm, n (number of series), label[1..n], variables of the kind,
#     run_colour[], $data: a block for each series with a line of column names.

# Colours that stay apart for colour-blind readers and in print (Okabe and Ito, 2008); the first, grey, is float's, and
# comes back for nothing else.
array colours[8] = [0x777777, 0x0072B2, 0xD55E00, 0x009E73, 0xCC79A7, 0xE69F00, 0x56B4E9, 0x000000]
colour_of(i) = i < 2 ? colours[1] : colours[(int(i) - 2) % 7 + 2]
array dashes_of[5] = [1, 2, 4, 3, 5]

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
