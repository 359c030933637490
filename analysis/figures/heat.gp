# One number of each layer (x) and site (y) as a colour, one panel a run, on one scale.  Settings: quantity (its column), name,
# least, most, layer_first, layer_last, n_site, site_name[]; of anything else than sites over layers x_column and y_column (their
# columns, x_column its name too), y_name, x_step (between columns), log_z (colours).
if (!exists('x_column')) { x_column = 'layer'; y_column = 'site_number'; y_name = ''; x_step = 1; log_z = 0 }

set multiplot
panel_cm = (height_cm - top_cm - 0.8) / n
longest = 0
do for [k=1:n_site] { longest = strlen(site_name[k]) > longest ? strlen(site_name[k]) : longest }
layers = layer_last - layer_first + 1
left_cm = 0.3 + 0.125 * longest + (strlen(y_name) > 0 ? 0.5 : 0)
right_cm = log_z ? 2.05 : 1.6 # room for the numbers of the colours
# Numbers in the cells where these are large enough to read them, of as many digits as fit, light ones on dark.
letters = (width_cm - left_cm - right_cm) / layers / 0.095
fits(t) = strlen(t) <= letters
number_of(v) = fits(sprintf('%.3g', v)) ? sprintf('%.3g', v) : fits(sprintf('%.2g', v)) ? sprintf('%.2g', v) : sprintf('%.1g', v)
set lmargin at screen across(left_cm)
set rmargin at screen 1 - across(right_cm)
set xrange [layer_first - 0.5:layer_last + x_step - 0.5]
set yrange [n_site - 0.5:-0.5]
set cbrange [least:most]
set format cb '%.3g'
if (most > least && !log_z) { set cbtics tic_step(most - least, 3) }
if (log_z) { set logscale cb; set format cb log_tics(least, most) }
if (log_z && few_decades(least, most)) { do for [e=-12:12] { set cbtics add (10.0 ** e, 2 * 10.0 ** e, 5 * 10.0 ** e) } }
unset grid
unset key
set border 15
set ytics scale 0 noenhanced font ',6.5' (site_name[1] 0)
do for [k=2:n_site] { set ytics add (site_name[k] k - 1) }
first_tic = layer_first
each_tic = layers > 12 ? tic_step(layers, x_column eq 'layer' ? 12 : 5) : 1
if (layer_first < 0) { first_tic = each_tic > 1 ? each_tic : 0 } # room for the name of sites outside of the layers
set xtics first_tic, each_tic
set style fill solid noborder
set cblabel name noenhanced offset 0.6,0
with_numbers = layers <= 12 && x_column eq 'layer'
light(v) = v < (log_z ? sqrt(least * most) : (least + most) / 2.0)
do for [i=1:n] {
    top = 1 - up(top_cm + panel_cm * (i - 1) + 0.4)
    bottom = 1 - up(top_cm + panel_cm * i)
    set tmargin at screen top
    set bmargin at screen bottom
    set colorbox user origin 1 - across(right_cm - 0.15), bottom size across(0.2), top - bottom
    set label 1 label[i] at graph 0, graph 1 offset 0,0.5 left noenhanced font ',6.5'
    if (strlen(y_name) > 0) { eval y_title }
    if (i == n) { set xlabel x_column offset 0,0.5; set format x '%g' } else { set format x '' }
    if (layer_first < 0) { set xtics add ((i == n ? 'none' : '') -1) }
    plot $data index i-1 using (column(x_column) + 0.5 * (x_step - 1)):(column(y_column)):(0.505 * x_step):(0.505):(column(quantity)) \
             with boxxyerror fillcolor palette linewidth 0, \
         '' index i-1 using (column(x_column)):(column(y_column)): \
             (with_numbers ? number_of(column(quantity)) : ''):(light(column(quantity)) ? 0xffffff : 0x000000) \
             with labels font ',5' textcolor rgb variable
    unset label 1000
}
unset multiplot
