//! Lives of certificates as bars on one scale, in whole pixels.

use time::{Date, Month, OffsetDateTime, Time};

use super::markup::Markup;
use super::trust::EndingTogether;

const WIDTH: i64 = 340;
const MARGIN: i64 = 16;
const HEIGHT: &str = "22";

/// The scale of all bars.
pub(super) struct Scale {
    from: OffsetDateTime,
    to: OffsetDateTime,
    at: OffsetDateTime,
}

impl Scale {
    /// From the first beginning to the last end, and `at` wherever it is; none where there is nothing to show.
    pub(super) fn of(endings: &[EndingTogether], at: OffsetDateTime) -> Option<Scale> {
        let from = endings.iter().map(|one| one.not_before).min()?.min(at);
        let to = endings.iter().map(|one| one.not_after).max()?.max(at);
        (from < to).then_some(Scale { from, to, at })
    }

    fn x(&self, instant: OffsetDateTime) -> String {
        let whole = (self.to - self.from).whole_seconds().max(1);
        let part = (instant - self.from).whole_seconds().clamp(0, whole);
        // Of ten thousand years in seconds the product has room still.
        (MARGIN + part * (WIDTH - 2 * MARGIN) / whole).to_string()
    }

    /// The years, where they have room, each at its first day.
    pub(super) fn axis(&self, markup: &mut Markup) {
        let years = self.from.year()..=self.to.year();
        let first = |year: i32| {
            let day = Date::from_calendar_date(year, Month::January, 1).ok()?;
            Some(OffsetDateTime::new_utc(day, Time::MIDNIGHT))
        };
        let starts = years.filter_map(|year| Some((year, first(year)?)));
        let inside: Vec<_> = starts
            .filter(|(_, start)| self.from <= *start && *start <= self.to)
            .collect();
        const MOST: usize = 7;
        let every = inside.len().div_ceil(MOST).max(1);
        self.svg(markup, |markup| {
            for (year, start) in inside.iter().step_by(every) {
                let x = self.x(*start);
                markup.shape(
                    "line",
                    &[("class", "tick"), ("x1", &x), ("x2", &x), ("y1", "15"), ("y2", "22")],
                );
                markup.leaf("text", &[("x", &x), ("y", "12")], &year.to_string());
            }
        });
    }

    /// The life of one, with what is left of it, the instant of the report and the last day for its renewal.
    pub(super) fn bar(&self, markup: &mut Markup, one: &EndingTogether) {
        let (start, end, now) = (self.x(one.not_before), self.x(one.not_after), self.x(self.at));
        let rect = |markup: &mut Markup, class: &str, from: &str, to: &str| {
            let width = to.parse::<i64>().unwrap_or(0) - from.parse::<i64>().unwrap_or(0);
            let width = width.max(1).to_string();
            markup.shape(
                "rect",
                &[
                    ("class", class),
                    ("x", from),
                    ("y", "7"),
                    ("width", &width),
                    ("height", "8"),
                ],
            );
        };
        self.svg(markup, |markup| {
            rect(markup, "life", &start, &end);
            if self.at < one.not_after {
                let from = if one.not_before < self.at { &now } else { &start };
                rect(markup, if one.is_soon { "soon" } else { "left" }, from, &end);
            }
            if one.renew_by < one.not_after {
                let x = self.x(one.renew_by);
                markup.shape(
                    "line",
                    &[("class", "renew"), ("x1", &x), ("x2", &x), ("y1", "3"), ("y2", "19")],
                );
            }
            markup.shape(
                "line",
                &[("class", "now"), ("x1", &now), ("x2", &now), ("y1", "0"), ("y2", "22")],
            );
        });
    }

    /// The dates beside it say the same, so that it is hidden from who can't see it.
    fn svg(&self, markup: &mut Markup, inside: impl FnOnce(&mut Markup)) {
        let attributes = [
            ("class", "bar"),
            ("viewBox", &*format!("0 0 {WIDTH} {HEIGHT}")),
            ("width", &*WIDTH.to_string()),
            ("height", HEIGHT),
            ("aria-hidden", "true"),
        ];
        markup.element("svg", &attributes, inside);
    }
}
