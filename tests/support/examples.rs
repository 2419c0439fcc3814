//! Examples of codes in texts: whether they stand there, and what is there with others in their place.

/// `text` with the lines `new` where `old` stand first; none if `old` don't stand there. Of `old`, the first may be the end of
/// a line and the last the beginning of one; how far lines are indented makes no difference.
pub fn exchanged(text: &str, old: &[&str], new: &[&str]) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let (first, last) = (old.first()?.trim(), old.last()?.trim());
    (0..lines.len()).find_map(|at| {
        let window = lines.get(at..at + old.len())?;
        let (before, after) = match window {
            [line] => line.split_once(first)?,
            [head, middle @ .., tail] => {
                let same = middle
                    .iter()
                    .zip(&old[1..])
                    .all(|(line, old)| line.trim() == old.trim());
                let around = (
                    head.trim_end().strip_suffix(first)?,
                    tail.trim_start().strip_prefix(last)?,
                );
                same.then_some(around)?
            }
            [] => return None,
        };
        let indent = &window[0][..window[0].len() - window[0].trim_start().len()];
        let indented: Vec<String> = new
            .iter()
            .enumerate()
            .map(|(index, line)| match index {
                0 => line.trim_start().to_owned(),
                _ => format!("{indent}{line}"),
            })
            .collect();
        let changed = format!("{before}{}{after}", indented.join("\n"));
        let rest = [&lines[..at], &[changed.as_str()], &lines[at + old.len()..]].concat();
        Some(rest.join("\n") + "\n")
    })
}
