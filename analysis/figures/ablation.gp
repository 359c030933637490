# A bar for each run, how far it is from its baseline, with standard errors; light: within two of them.  What has no figure says
# how it ended.  Settings: x_name, rows, longest (letters of a name).

set termoption noenhanced # names have braces
shown = longest > 34 ? 34 : longest
# The beginning and the end of a long name, which tells it from others.
short(t) = strlen(t) > 36 ? t[1:14] . '…' . t[strlen(t)-19:strlen(t)] : t
set lmargin at screen across(0.45 + 0.14 * shown)
set rmargin at screen 1 - across(0.4)
set tmargin at screen 1 - up(top_cm + 0.1)
set bmargin at screen up(0.95)
# Below the middle of the axis, if the picture is wide enough there.
half_name = 0.5 * 0.145 * strlen(x_name)
middle_cm = (0.45 + 0.14 * shown + width_cm - 0.4) / 2
set label 1001 x_name at screen across(middle_cm + half_name < width_cm - 0.1 ? middle_cm : width_cm - 0.1 - half_name), \
    screen up(0.22) center noenhanced
set ytics scale 0 noenhanced font ',6.5'
set style fill solid noborder
set errorbars 0.5
unset key
known(v) = v == v ? v : 0
stats $data using (known(column('value')) + known(column('se'))) nooutput
most = STATS_max > 0 ? STATS_max : 0
stats $data using (known(column('value')) - known(column('se'))) nooutput
least = STATS_min < 0 ? STATS_min : 0
span = most > least ? most - least : 1
set xrange [least - (least < 0 ? 0.05 : 0) * span:most + (most > 0 || least == 0 ? 0.05 : 0) * span]
set xtics tic_step(span, longest > 24 ? 3 : 5)
set format x short_numbers(most > -least ? most : -least)
set yrange [rows - 0.5:-0.5]
set arrow from 0, graph 0 to 0, graph 1 nohead front linewidth 0.6 linecolor rgb 0x333333
bar_colour(noise) = noise == 1 ? 0xA6CBE3 : colour_of(2)
plot $data using (0):(column('rank')):(0):(0):ytic(short(strcol('name'))) with boxxyerror, \
    '' using (known(column('value')) / 2):(column('rank')):(abs(known(column('value'))) / 2):(0.32): \
        (bar_colour(column('noise'))) with boxxyerror linecolor rgb variable, \
    '' using (known(column('value'))):(column('rank')):(known(column('se'))) with xerrorbars pointtype 0 linewidth 0.6 \
        linecolor rgb 0x000000, \
    '' using (0):(column('rank')):(column('value') == column('value') ? '' : strcol('status')) with labels left \
        offset 0.5,0 font ',6' textcolor rgb 0x555555 noenhanced
