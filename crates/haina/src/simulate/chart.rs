//! Charts as HTML with inline SVG: the picture stretches with the page, and texts keep their size.

use std::fmt::Write;

use super::palette::colour;

/// A scale of 0 to 1: how far each tick is, with its text.
pub type Ticks = Vec<(f64, String)>;

/// A named row of points, each from 0 to 1 on both axes.
pub struct Series {
    /// Its name.
    pub name: String,
    /// (right, up).
    pub points: Vec<(f64, f64)>,
}

/// A chart with lines.
pub fn lines(right: &Ticks, up: &Ticks, series: &[Series]) -> String {
    let mut paths = String::new();
    for (number, row) in series.iter().enumerate() {
        let (colour, dashed) = colour(number);
        let dashes = if dashed { " stroke-dasharray=\"6 4\"" } else { "" };
        let path = path(&row.points);
        _ = write!(
            paths,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-linejoin=\"round\"{dashes} vector-effect=\"non-scaling-stroke\"/>"
        );
    }
    plot(right, up, &paths) + &legend(series, "")
}

/// A chart of areas that stand on each other: each row has its own height.
pub fn areas(right: &Ticks, up: &Ticks, series: &[Series]) -> String {
    let mut paths = String::new();
    let mut base: Vec<f64> = series.first().map_or(Vec::new(), |row| vec![0.0; row.points.len()]);
    for (number, row) in series.iter().enumerate() {
        let below: Vec<(f64, f64)> = row.points.iter().zip(&base).map(|((x, _), below)| (*x, *below)).collect();
        base.iter_mut().zip(&row.points).for_each(|(base, (_, y))| *base += y);
        let above = row.points.iter().zip(&base).map(|((x, _), above)| (*x, *above));
        let outline: Vec<(f64, f64)> = above.chain(below.into_iter().rev()).collect();
        _ = write!(paths, "<path d=\"{}Z\" fill=\"{}\" fill-opacity=\".85\"/>", path(&outline), colour(number).0);
    }
    plot(right, up, &paths) + &legend(series, " class=\"area\"")
}

fn path(points: &[(f64, f64)]) -> String {
    let mut text = String::new();
    for (index, (x, y)) in points.iter().enumerate() {
        let letter = if index == 0 { 'M' } else { 'L' };
        _ = write!(text, "{letter}{:.1} {:.1}", x * 1000.0, 1000.0 - y.clamp(0.0, 1.0) * 1000.0);
    }
    text
}

fn plot(right: &Ticks, up: &Ticks, paths: &str) -> String {
    let mut grid = String::new();
    let mut texts = String::new();
    let rule = "stroke=\"var(--rule)\" vector-effect=\"non-scaling-stroke\"";
    for (at, text) in up {
        let y = 1000.0 - at * 1000.0;
        _ = write!(grid, "<path d=\"M0 {y:.1}H1000\" {rule}/>");
        _ = write!(texts, "<span class=\"y\" style=\"bottom:{:.2}%\">{}</span>", at * 100.0, escaped(text));
    }
    for (at, text) in right {
        _ = write!(grid, "<path d=\"M{:.1} 0V1000\" {rule}/>", at * 1000.0);
        _ = write!(texts, "<span class=\"x\" style=\"left:{:.2}%\">{}</span>", at * 100.0, escaped(text));
    }
    format!(
        "<div class=\"plot\"><svg viewBox=\"0 0 1000 1000\" preserveAspectRatio=\"none\" aria-hidden=\"true\">{grid}{paths}</svg>{texts}</div>"
    )
}

fn legend(series: &[Series], class: &str) -> String {
    let mut items = String::new();
    for (number, row) in series.iter().enumerate() {
        let (colour, dashed) = colour(number);
        let (class, style) = match (class, dashed) {
            ("", true) => (" class=\"dashed\"", format!("border-color:{colour}")),
            ("", false) => ("", format!("border-color:{colour}")),
            _ => (class, format!("background:{colour}")),
        };
        _ = write!(items, "<span><i{class} style=\"{style}\"></i>{}</span>", escaped(&row.name));
    }
    format!("<div class=\"legend\">{items}</div>")
}

/// About five round steps from 0 to at least `most`; the end of the scale, and the ticks on it.
pub fn round_scale(most: f64, text: impl Fn(f64) -> String) -> (f64, Ticks) {
    let rough = (most / 5.0).max(f64::MIN_POSITIVE);
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= rough);
    let step = step.unwrap_or(10.0 * power);
    let count = (most / step).ceil().max(1.0);
    let ticks = (0..=count as u32).map(|index| (f64::from(index) / count, text(f64::from(index) * step)));
    (count * step, ticks.collect())
}

/// Text in HTML.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_round_and_reach_far_enough() {
        for (most, end, steps) in
            [(1.0, 1.0, 5), (97.0, 100.0, 5), (512.0, 600.0, 3), (3.1, 4.0, 4), (12_000.0, 12_500.0, 5)]
        {
            let (scale, ticks) = round_scale(most, |value| format!("{value}"));
            assert_eq!((scale, ticks.len() - 1), (end, steps), "{most}: {ticks:?}");
        }
        assert!(round_scale(0.0, |value| value.to_string()).0 > 0.0, "an empty chart has a scale");
    }

    #[test]
    fn names_from_a_trace_are_text_and_nothing_else() {
        let series =
            [Series { name: "<script>alert(\"a & b\")</script>".to_owned(), points: vec![(0.0, 0.5), (1.0, 2.0)] }];
        let html = lines(&Vec::new(), &Vec::new(), &series);
        assert!(html.contains("&lt;script&gt;alert(&quot;a &amp; b&quot;)"), "{html}");
        assert!(html.contains("M0.0 500.0L1000.0 0.0"), "what is beyond the scale stays on the chart: {html}");
    }
}
