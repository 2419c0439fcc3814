//! Where everything of the picture lies: who talks to whom, in layers from left to right, in whole numbers.
//!
//! A layer is a column of boxes, a box a group of hosts with a row for each of its programs. Every line begins and ends at a place of its
//! own on the edge of a box, and its number stands where no other can be: at that place in the left of the two columns.

use std::collections::BTreeMap;

use super::connections::{GroupActor, GroupConnection, Health};
use super::told::Report;

const LEFT: i32 = 8;
const TOP: i32 = 8;
/// How wide a box is, and how far the columns are apart.
pub(super) const BOX: i32 = 264;
const CHANNEL: i32 = 156;
/// Room for the lines that come back to their own column.
const LOOPS: i32 = 72;
pub(super) const HEAD: i32 = 46;
/// Between two lines at the edge of a row, and around all of them.
const PORT: i32 = 22;
const ROW_PADDING: i32 = 8;
const BETWEEN_BOXES: i32 = 26;
/// From the edge of a box to the middle of a number.
const NUMBER_AT: i32 = 20;

/// A group of hosts in a column.
#[derive(Debug)]
pub(super) struct PictureBox {
    pub x: i32,
    pub y: i32,
    pub height: i32,
    pub group: usize,
    pub rows: Vec<PictureRow>,
}

/// A program in a box.
#[derive(Debug)]
pub(super) struct PictureRow {
    pub label: String,
    /// Its middle.
    pub y: i32,
    /// Where it begins.
    pub top: i32,
}

/// A line from one row to another.
#[derive(Debug)]
pub(super) struct PictureLine {
    /// The place of the connection, from 0.
    pub connection: usize,
    pub health: Health,
    pub from: (i32, i32),
    pub to: (i32, i32),
    pub bends: [(i32, i32); 2],
    /// The middle of its number.
    pub number: (i32, i32),
}

#[derive(Debug)]
pub(super) struct Picture {
    pub width: i32,
    pub height: i32,
    pub boxes: Vec<PictureBox>,
    pub lines: Vec<PictureLine>,
}

/// Who is called stands to the right of who calls; etcd calls nobody else.
fn layer(actor: &GroupActor) -> usize {
    match actor.name.as_str() {
        "etcd" => 2,
        "kube-apiserver" => 1,
        _ => 0,
    }
}

/// An end of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Port {
    /// Lines that come back to their column are the last of a side.
    comes_back: bool,
    /// The place of the row at the other end.
    partner: usize,
    connection: usize,
    is_end: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Left,
    Right,
}

impl Picture {
    pub(super) fn of(report: &Report) -> Picture {
        let connections = &report.connections;
        let mut actors: Vec<&GroupActor> = connections.iter().flat_map(|one| [&one.caller, &one.callee]).collect();
        // Programs before kubeconfigs of people, in each group.
        actors.sort_by_key(|actor| (layer(actor), actor.group, actor.name.contains('/'), &actor.name));
        actors.dedup();
        let at = |actor: &GroupActor| actors.iter().position(|one| *one == actor).unwrap_or_default();
        let ports = ports(connections, &at);
        let columns = columns(&actors);
        let (boxes, middles, height) = boxes(&actors, &ports, &columns);
        let lines = connections.iter().enumerate().map(|(index, one)| {
            let ends = [at(&one.caller), at(&one.callee)];
            let sides = sides(one);
            let place = |end: usize| {
                let (row, side) = (ends[end], sides[end]);
                let of_side = &ports[&(row, side)];
                let is_it = |port: &Port| port.connection == index && port.is_end == (end == 1);
                let turn = of_side.iter().position(is_it).unwrap_or_default() as i32;
                let first = middles[row] - (of_side.len() as i32 - 1) * PORT / 2;
                let x = columns[&layer(actors[row])] + if side == Side::Right { BOX } else { 0 };
                (x, first + turn * PORT)
            };
            let (from, to) = (place(0), place(1));
            let reach = |side: Side| match side {
                _ if sides[0] == sides[1] => LOOPS - 14,
                Side::Right => CHANNEL / 2,
                Side::Left => -CHANNEL / 2,
            };
            let (left, _) = if from.0 <= to.0 { (from, to) } else { (to, from) };
            PictureLine {
                connection: index,
                health: one.health(),
                from,
                to,
                bends: [(from.0 + reach(sides[0]), from.1), (to.0 + reach(sides[1]), to.1)],
                number: (left.0 + NUMBER_AT, if sides[0] == sides[1] { from.1 } else { left.1 }),
            }
        });
        let right = columns.values().copied().max().unwrap_or(LEFT) + BOX + LOOPS;
        Picture {
            width: right,
            height,
            lines: lines.collect(),
            boxes,
        }
    }
}

/// On which side of their rows the two ends of a line are.
fn sides(connection: &GroupConnection) -> [Side; 2] {
    match layer(&connection.caller).cmp(&layer(&connection.callee)) {
        std::cmp::Ordering::Less => [Side::Right, Side::Left],
        std::cmp::Ordering::Equal => [Side::Right, Side::Right],
        std::cmp::Ordering::Greater => [Side::Left, Side::Right],
    }
}

/// The ends of lines on each side of each row, from above.
fn ports(connections: &[GroupConnection], at: &dyn Fn(&GroupActor) -> usize) -> BTreeMap<(usize, Side), Vec<Port>> {
    let mut ports: BTreeMap<(usize, Side), Vec<Port>> = BTreeMap::new();
    for (index, one) in connections.iter().enumerate() {
        let ends = [at(&one.caller), at(&one.callee)];
        let sides = sides(one);
        for end in [0, 1] {
            ports.entry((ends[end], sides[end])).or_default().push(Port {
                comes_back: sides[0] == sides[1],
                partner: ends[1 - end],
                connection: index,
                is_end: end == 1,
            });
        }
    }
    ports.values_mut().for_each(|of_side| of_side.sort());
    ports
}

/// Where each column that has anything in it begins.
fn columns(actors: &[&GroupActor]) -> BTreeMap<usize, i32> {
    let mut layers: Vec<usize> = actors.iter().map(|actor| layer(actor)).collect();
    layers.dedup();
    let places = (0..).map(|turn| LEFT + turn * (BOX + CHANNEL));
    layers.into_iter().zip(places).collect()
}

/// The boxes, the middle of each row, and how high it all is.
fn boxes(
    actors: &[&GroupActor],
    ports: &BTreeMap<(usize, Side), Vec<Port>>,
    columns: &BTreeMap<usize, i32>,
) -> (Vec<PictureBox>, Vec<i32>, i32) {
    let row_height = |row: usize| {
        let most = [Side::Left, Side::Right].map(|side| ports.get(&(row, side)).map_or(0, Vec::len));
        most.into_iter().max().unwrap_or(0).max(1) as i32 * PORT + ROW_PADDING
    };
    let mut boxes: Vec<(usize, PictureBox)> = Vec::new();
    let mut middles = Vec::new();
    let mut heights: BTreeMap<usize, i32> = BTreeMap::new();
    for (row, actor) in actors.iter().enumerate() {
        let column = layer(actor);
        let height = heights.entry(column).or_insert(TOP);
        let is_same = |(of, last): &(usize, PictureBox)| *of == column && last.group == actor.group;
        if !boxes.last().is_some_and(is_same) {
            if *height > TOP {
                *height += BETWEEN_BOXES;
            }
            boxes.push((
                column,
                PictureBox {
                    x: columns[&column],
                    y: *height,
                    height: HEAD,
                    group: actor.group,
                    rows: Vec::new(),
                },
            ));
            *height += HEAD;
        }
        let own = row_height(row);
        middles.push(*height + own / 2);
        if let Some((_, last)) = boxes.last_mut() {
            last.rows.push(PictureRow {
                label: actor.label().to_owned(),
                y: *height + own / 2,
                top: *height,
            });
            last.height += own;
        }
        *height += own;
    }
    let tallest = heights.values().copied().max().unwrap_or(TOP);
    // Columns are centred on each other.
    let down = |column: usize| (tallest - heights[&column]) / 2;
    for (column, one) in &mut boxes {
        let down = down(*column);
        one.y += down;
        for row in &mut one.rows {
            row.y += down;
            row.top += down;
        }
    }
    for (row, actor) in actors.iter().enumerate() {
        middles[row] += down(layer(actor));
    }
    (boxes.into_iter().map(|(_, one)| one).collect(), middles, tallest + TOP)
}
