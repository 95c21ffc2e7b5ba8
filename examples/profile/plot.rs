//! Series as an SVG picture, one below the other. Drawn with floating point numbers: a picture needs no more.

use super::series::{Point, Series};
use super::ticks;
use chrono::{Duration, NaiveDate, NaiveDateTime};
use plotters::coord::combinators::BindKeyPoints;
use plotters::prelude::*;
use std::error::Error;

const WIDTH: u32 = 900;
const HEIGHT: u32 = 300;

/// The picture as text. Values without a number leave a gap; series without any time are drawn over their storage
/// numbers, of the others the values of unknown time are left out and the caption counts them.
///
/// # Errors
/// Those of the drawing library.
pub fn svg(all: &[Series]) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    let rows = all.len().max(1);
    {
        let height = HEIGHT.saturating_mul(u32::try_from(rows)?);
        let area = SVGBackend::with_string(&mut text, (WIDTH, height)).into_drawing_area();
        area.fill(&WHITE)?;
        for (series, part) in all.iter().zip(area.split_evenly((rows, 1))) {
            draw(series, &part)?;
        }
        area.present()?;
    }
    Ok(text)
}

fn draw<DB: DrawingBackend>(
    series: &Series,
    area: &DrawingArea<DB, plotters::coord::Shift>,
) -> Result<(), Box<dyn Error>>
where
    DB::ErrorType: 'static,
{
    let values: Vec<Option<f64>> = series.points.iter().map(number).collect();
    let numbers = values.iter().flatten();
    let (low, high) =
        numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), y| (low.min(*y), high.max(*y)));
    if low > high {
        return Ok(());
    }
    let margin = if high > low { (high - low) * 0.05 } else { 1.0 };
    let (low, high) = (low - margin, high + margin);
    let timed: Vec<(NaiveDateTime, Option<f64>)> = (series.points.iter().zip(&values))
        .filter_map(|(point, value)| Some((time(&point.time)?, *value)))
        .collect();
    let left_out = if timed.is_empty() { 0 } else { values.len().saturating_sub(timed.len()) };
    let caption = match left_out {
        0 => format!("{} [{}]", series.title, series.unit),
        n => format!("{} [{}], without {n} of unknown time", series.title, series.unit),
    };
    let mut chart = ChartBuilder::on(area);
    chart.caption(caption, ("sans-serif", 16)).margin(10).x_label_area_size(40).y_label_area_size(90);
    // As many decimals as the values have, a few more where the grid lies closer.
    let decimals = series.points.iter().filter_map(|point| point.value.as_ref().ok());
    let decimals = decimals.map(|text| text.split_once('.').map_or(0, |(_, part)| part.len())).max();
    let decimals = decimals.unwrap_or(0).min(6).max(if high - low < 10.0 { 1 } else { 0 });
    let coarse = if high - low > 50.0 { 0 } else { decimals };
    let y_label = |y: &f64| format!("{y:.coarse$}");
    if let (Some((first, _)), Some((last, _))) = (timed.first().copied(), timed.last().copied()) {
        let last = if last > first { last } else { first + Duration::seconds(1) };
        let (marks, form) = ticks::between(first, last);
        let axis = RangedDateTime::from(first..last).with_key_points(marks);
        let mut chart = chart.build_cartesian_2d(axis, low..high)?;
        let x_label = |at: &NaiveDateTime| at.format(form).to_string();
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .x_labels(8)
            .x_label_formatter(&x_label)
            .y_label_formatter(&y_label)
            .draw()?;
        for line in runs(timed.into_iter()) {
            chart.draw_series(LineSeries::new(line, &BLUE).point_size(3))?;
        }
    } else {
        let storage = |point: &Point| i64::try_from(point.storage).unwrap_or(i64::MAX);
        let numbers = || series.points.iter().map(storage);
        let (first, last) = (numbers().min().unwrap_or_default(), numbers().max().unwrap_or_default());
        let mut chart = chart.build_cartesian_2d(first..last.max(first.saturating_add(1)), low..high)?;
        let mut mesh = chart.configure_mesh();
        mesh.light_line_style(WHITE).x_desc("storage number").y_label_formatter(&y_label).draw()?;
        for line in runs(numbers().zip(values)) {
            chart.draw_series(LineSeries::new(line, &BLUE).point_size(3))?;
        }
    }
    Ok(())
}

/// A number that can be drawn.
fn number(point: &Point) -> Option<f64> {
    point.value.as_ref().ok()?.parse().ok().filter(|number: &f64| number.abs() < 1e30)
}

/// The stretches without a gap.
fn runs<X>(points: impl Iterator<Item = (X, Option<f64>)>) -> Vec<Vec<(X, f64)>> {
    let mut all = vec![Vec::new()];
    for (x, y) in points {
        match (y, all.last_mut()) {
            (Some(y), Some(run)) => run.push((x, y)),
            _ => all.push(Vec::new()),
        }
    }
    all
}

fn time(text: &str) -> Option<NaiveDateTime> {
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
    ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .or_else(day)
}
