# One number of each layer (x) and site (y) as a colour, one panel a run, on one scale.  Settings: quantity (its column), name,
# least, most, layer_first, layer_last, n_site, site_name[].

set multiplot
panel_cm = (height_cm - top_cm - 0.8) / n
longest = 0
do for [k=1:n_site] { longest = strlen(site_name[k]) > longest ? strlen(site_name[k]) : longest }
layers = layer_last - layer_first + 1
# Numbers in the cells where these are large enough to read them, of as many digits as fit, light ones on dark.
letters = (width_cm - 1.9 - 0.125 * longest) / layers / 0.095
fits(t) = strlen(t) <= letters
number_of(v) = fits(sprintf('%.3g', v)) ? sprintf('%.3g', v) : fits(sprintf('%.2g', v)) ? sprintf('%.2g', v) : sprintf('%.1g', v)
set lmargin at screen across(0.3 + 0.125 * longest)
set rmargin at screen 1 - across(1.6)
set xrange [layer_first - 0.5:layer_last + 0.5]
set yrange [n_site - 0.5:-0.5]
set cbrange [least:most]
if (most > least) { set cbtics tic_step(most - least, 3) }
set format cb '%.3g'
unset grid
unset key
set border 15
set ytics scale 0 noenhanced font ',6.5' (site_name[1] 0)
do for [k=2:n_site] { set ytics add (site_name[k] k - 1) }
set xtics layer_first, (layers > 12 ? tic_step(layers, 12) : 1)
set style fill solid noborder
set cblabel name noenhanced offset 0.6,0
with_numbers = layers <= 12
light(v) = v < (least + most) / 2.0
do for [i=1:n] {
    top = 1 - up(top_cm + panel_cm * (i - 1) + 0.4)
    bottom = 1 - up(top_cm + panel_cm * i)
    set tmargin at screen top
    set bmargin at screen bottom
    set colorbox user origin 1 - across(1.45), bottom size across(0.2), top - bottom
    set label 1 label[i] at graph 0, graph 1 offset 0,0.5 left noenhanced font ',6.5'
    if (i == n) { set xlabel 'layer' offset 0,0.5; set format x '%g' } else { set format x '' }
    if (layer_first < 0) { set xtics add ((i == n ? 'none' : '') -1) } # sites outside of the layers
    plot $data index i-1 using (column('layer')):(column('site_number')):(0.505):(0.505):(column(quantity)) \
             with boxxyerror fillcolor palette linewidth 0, \
         '' index i-1 using (with_numbers ? column('layer') : NaN):(column('site_number')): \
             (number_of(column(quantity))):(light(column(quantity)) ? 0xffffff : 0x000000) \
             with labels font ',5' textcolor rgb variable
    unset label 1000
}
unset multiplot
