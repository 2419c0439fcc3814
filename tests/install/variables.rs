//! POSIX sh has no local variables: what a function sets, it sets for whoever called it, loop counters too.

use std::collections::{BTreeMap, BTreeSet};

const SCRIPT: &str = include_str!("../../src/templates/bundle/install.sh");

/// What a function sets and what it calls.
#[derive(Default)]
struct Function<'a> {
    sets: BTreeSet<&'a str>,
    calls: BTreeSet<&'a str>,
}

fn is_name(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The variable of `name=value`, if that is what a word is.
fn assigned(word: &str) -> Option<&str> {
    word.split_once('=').map(|(name, _)| name).filter(|name| is_name(name))
}

/// The variables that a line of a function sets: by `=`, by `for`, by `read`.
fn set_by(line: &str) -> Vec<&str> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut set: Vec<&str> = words.iter().copied().filter_map(assigned).collect();
    for (place, word) in words.iter().enumerate() {
        match *word {
            "for" => set.extend(words.get(place + 1)),
            "read" => set.extend(
                words[place + 1..]
                    .iter()
                    .skip_while(|name| !is_name(name))
                    .take_while(|name| is_name(name)),
            ),
            _ => {}
        }
    }
    set
}

/// The functions of a script, and the variables that are set outside of them.
fn read(script: &str) -> (BTreeMap<&str, Function<'_>>, BTreeSet<&str>) {
    let mut functions: BTreeMap<&str, Function> = BTreeMap::new();
    let mut shared = BTreeSet::new();
    let mut within = None;
    for line in script.lines() {
        if let Some(name) = line.strip_suffix("() {") {
            within = Some(name);
            functions.insert(name, Function::default());
        } else if line == "}" {
            within = None;
        } else if let Some(function) = within.and_then(|name| functions.get_mut(name)) {
            let line = line.trim_start();
            if !line.starts_with('#') {
                function.sets.extend(set_by(line));
                // Whatever is called is among the words.
                function
                    .calls
                    .extend(line.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_'));
            }
        } else if !line.starts_with(' ') {
            shared.extend(assigned(line));
        }
    }
    (functions, shared)
}

/// All that a function calls, and what those call.
fn called<'a>(functions: &BTreeMap<&'a str, Function<'a>>, by: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut next: Vec<&str> = vec![by];
    while let Some(name) = next.pop() {
        for call in &functions[name].calls {
            if functions.contains_key(call) && found.insert(*call) {
                next.push(call);
            }
        }
    }
    found
}

/// `CALLER and CALLED both set VARIABLE`, for each that is not shared.
fn overwritten(script: &str) -> Vec<String> {
    let (functions, shared) = read(script);
    let mut found = Vec::new();
    for (caller, function) in &functions {
        for callee in called(&functions, caller).iter().filter(|callee| *callee != caller) {
            let both = function.sets.intersection(&functions[callee].sets);
            found.extend(
                both.filter(|variable| !shared.contains(*variable))
                    .map(|variable| format!("{caller} and {callee} both set {variable}")),
            );
        }
    }
    found
}

#[test]
fn no_function_sets_a_variable_of_one_that_calls_it() {
    let (functions, _) = read(SCRIPT);
    assert!(functions["forget_run"].sets.contains("detail"), "read");
    assert!(functions["open_store"].sets.contains("holder"), "for");
    assert!(called(&functions, "uninstall").contains("find_place_to_keep"));
    assert_eq!(overwritten(SCRIPT), Vec::<String>::new());
    // A counter that the function called in the loop has as well.
    let faulty = SCRIPT.replace("place", "number");
    assert_eq!(
        overwritten(&faulty),
        ["uninstall and find_number_to_keep both set number"]
    );
}
