//! The picture as SVG: within the page, and as a file of its own with a legend.

use super::connections::{GroupConnection, Health};
use super::markup::Markup;
use super::picture::{BOX, HEAD, Picture};
use super::style::{PICTURE_STYLE, PICTURE_VARIABLES};
use super::told::{Report, moment};

/// How wide a character of 12 and of 13 pixels gets at most in a font of even widths, in hundredths of a pixel.
const WIDTH_OF_12: usize = 740;
const WIDTH_OF_13: usize = 800;

/// Where the number of a line leads.
pub(super) enum Leads {
    /// To its finding, else to its row of the table.
    ToFinding,
    /// To its line of the legend.
    ToLegend,
}

/// A file of its own: the picture, and below it what each number stands for.
pub fn to_svg(report: &Report) -> String {
    let picture = Picture::of(report);
    let legend = legend(report);
    const LINE: i32 = 18;
    const ABOVE: i32 = 64;
    let height = ABOVE + picture.height + 24 + LINE * legend.len() as i32 + 16;
    let widest = legend.iter().map(|(_, text)| text.chars().count()).max().unwrap_or(0);
    let width = picture.width.max((widest * WIDTH_OF_12 / 100) as i32 + 24);
    let mut markup = Markup::default();
    markup.constant("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- khw-gen report: who talks to whom -->\n");
    let view = format!("0 0 {width} {height}");
    let attributes = [
        ("xmlns", "http://www.w3.org/2000/svg"),
        ("viewBox", &*view),
        ("width", &*width.to_string()),
        ("height", &*height.to_string()),
        ("class", "picture"),
    ];
    markup.element("svg", &attributes, |markup| {
        markup.leaf("title", &[], &format!("Who talks to whom: {}", report.title));
        markup.element("style", &[], |markup| {
            markup.constant(PICTURE_VARIABLES);
            markup.constant(PICTURE_STYLE);
        });
        markup.shape("rect", &[("class", "sheet"), ("width", "100%"), ("height", "100%")]);
        markup.leaf("text", &[("class", "heading"), ("x", "10"), ("y", "26")], &report.title);
        let at = format!(
            "{} {}",
            report.verdict(),
            format_args!("Judged as of {}.", moment(report.at))
        );
        markup.leaf("text", &[("class", "row"), ("x", "10"), ("y", "48")], &at);
        markup.element("g", &[("transform", &*format!("translate(0 {ABOVE})"))], |markup| {
            draw(markup, report, &picture, &Leads::ToLegend);
        });
        for (turn, (of, text)) in legend.iter().enumerate() {
            let y = (ABOVE + picture.height + 32 + LINE * turn as i32).to_string();
            let id = of.map(|index| format!("c-{}", index + 1));
            let mut attributes = vec![("class", "row"), ("x", "10"), ("y", &*y)];
            if let Some(id) = &id {
                attributes.push(("id", id));
            }
            markup.leaf("text", &attributes, text);
        }
    });
    markup.finish()
}

/// A line for each connection, and below it what is found of it.
fn legend(report: &Report) -> Vec<(Option<usize>, String)> {
    let mut lines = Vec::new();
    for (index, one) in report.connections.iter().enumerate() {
        lines.push((Some(index), format!("{:>3}  {}", index + 1, sentence(report, one))));
        for cause in one.causes().into_iter().filter_map(|cause| report.causes.get(cause)) {
            let hosts = report.groups.span_of(cause.hosts.iter().map(String::as_str));
            let text = format!("     {}: {hosts}: {}", cause.finding.code, cause.finding.message);
            lines.push((None, text));
        }
    }
    lines
}

/// A connection in a sentence.
pub(super) fn sentence(report: &Report, one: &GroupConnection) -> String {
    let name = |group: usize| report.groups.all[group].title();
    format!(
        "{} of {} → {} of {}: {}; {}",
        one.caller.label(),
        name(one.caller.group),
        one.callee.label(),
        name(one.callee.group),
        one.purpose,
        one.health().word()
    )
}

/// How a line of this health is drawn.
fn class(health: Health) -> &'static str {
    match health {
        Health::Holds => "holds",
        Health::Unasked => "unasked",
        Health::Unknown => "unknown",
        Health::Broken => "broken",
    }
}

/// The picture within the page.
pub(super) fn picture_of_page(markup: &mut Markup, report: &Report) {
    let picture = Picture::of(report);
    let view = format!("0 0 {} {}", picture.width, picture.height);
    let (width, height) = (picture.width.to_string(), picture.height.to_string());
    let attributes = [
        ("class", "picture"),
        ("viewBox", &*view),
        ("width", &*width),
        ("height", &*height),
        ("role", "group"),
        (
            "aria-label",
            "Who talks to whom, as lines between groups of hosts; the table below says the same",
        ),
    ];
    markup.element("svg", &attributes, |markup| {
        draw(markup, report, &picture, &Leads::ToFinding)
    });
}

fn draw(markup: &mut Markup, report: &Report, picture: &Picture, leads: &Leads) {
    // What holds is drawn first, so that nothing lies over what does not.
    let mut lines: Vec<_> = picture.lines.iter().collect();
    lines.sort_by_key(|line| line.health);
    for one in &picture.boxes {
        let group = &report.groups.all[one.group];
        let (x, y) = (one.x.to_string(), one.y.to_string());
        markup.shape(
            "rect",
            &[
                ("class", "box"),
                ("x", &x),
                ("y", &y),
                ("width", &BOX.to_string()),
                ("height", &one.height.to_string()),
                ("rx", "6"),
            ],
        );
        let text_at = (one.x + 12).to_string();
        let room = BOX as usize - 24;
        let title = fitted(&group.title(), room, WIDTH_OF_13);
        markup.leaf(
            "text",
            &[("class", "title"), ("x", &text_at), ("y", &(one.y + 20).to_string())],
            &title,
        );
        let roles = fitted(&group.roles.join(", "), room, WIDTH_OF_12);
        markup.leaf(
            "text",
            &[("class", "roles"), ("x", &text_at), ("y", &(one.y + 37).to_string())],
            &roles,
        );
        for row in &one.rows {
            let top = row.top.to_string();
            let right = (one.x + BOX).to_string();
            markup.shape(
                "line",
                &[
                    ("class", "rule"),
                    ("x1", &x),
                    ("x2", &right),
                    ("y1", &top),
                    ("y2", &top),
                ],
            );
            let label = fitted(&row.label, room, WIDTH_OF_12);
            markup.leaf(
                "text",
                &[("class", "row"), ("x", &text_at), ("y", &(row.y + 4).to_string())],
                &label,
            );
        }
        debug_assert!(one.rows.first().is_none_or(|row| row.top == one.y + HEAD));
    }
    for line in &lines {
        let one = &report.connections[line.connection];
        let ((x1, y1), (x2, y2)) = (line.from, line.to);
        let [(bx, by), (cx, cy)] = line.bends;
        let class = class(line.health);
        markup.element("g", &[("class", class)], |markup| {
            markup.leaf(
                "title",
                &[],
                &format!("{}. {}", line.connection + 1, sentence(report, one)),
            );
            let path = format!("M{x1} {y1}C{bx} {by} {cx} {cy} {x2} {y2}");
            markup.shape("path", &[("class", "line"), ("d", &path)]);
            // The end comes from the right where the last bend is there.
            let back = if cx > x2 { 8 } else { -8 };
            let head = format!("M{x2} {y2}l{back} -4v8z");
            markup.shape("path", &[("class", "head"), ("d", &head)]);
        });
    }
    for line in &lines {
        let one = &report.connections[line.connection];
        let number = (line.connection + 1).to_string();
        let target = match (leads, one.causes().first()) {
            (Leads::ToFinding, Some(cause)) if one.health() == Health::Broken => format!("#finding-{}", cause + 1),
            _ => format!("#c-{number}"),
        };
        let label = format!("{number}. {}", sentence(report, one));
        markup.element(
            "a",
            &[("class", class(line.health)), ("href", &target), ("aria-label", &label)],
            |markup| {
                let x = line.number.0.to_string();
                let half = 10 + i32::from(number.len() > 2) * 4;
                markup.shape(
                    "rect",
                    &[
                        ("class", "number"),
                        ("x", &(line.number.0 - half).to_string()),
                        ("y", &(line.number.1 - 9).to_string()),
                        ("width", &(2 * half).to_string()),
                        ("height", "18"),
                        ("rx", "9"),
                    ],
                );
                markup.leaf(
                    "text",
                    &[("class", "digits"), ("x", &x), ("y", &(line.number.1 + 4).to_string())],
                    &number,
                );
            },
        );
    }
}

/// As much of a text as there is room for, in pixels; a character is so many hundredths of one wide.
fn fitted(text: &str, room: usize, width: usize) -> String {
    // What is shown in the place of a character that is not counts too.
    let text = crate::found::printable(text);
    let most = room * 100 / width;
    match text.chars().count() <= most {
        true => text,
        false => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
    }
}
