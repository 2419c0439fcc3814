//! Templates that a user may write, right and wrong.
use super::*;
use crate::input::{GivenFiles, check};

fn any_facts() -> Facts {
    let cluster = "[pki]\nissued = \"2026-01-01T00:00:00Z\"\n[[hosts]]\nname = \"one\"\nip = \"192.0.2.1\"\n\
                   roles = [\"control-plane\", \"etcd\", \"worker\"]\n";
    let cluster = check(&GivenFiles::new(cluster)).expect("a cluster").cluster;
    crate::facts::facts(&cluster, &cluster.hosts[0])
}

fn found(template: &str) -> Vec<(String, String)> {
    problems(template, &any_facts())
        .into_iter()
        .map(|problem| (template[problem.span].to_owned(), problem.message))
        .collect()
}

fn undefined(names: &[&str]) -> Vec<(String, String)> {
    names
        .iter()
        .map(|name| ((*name).to_owned(), format!("`{name}` is undefined")))
        .collect()
}

#[test]
fn values_are_written_as_they_are() {
    let rendered = render("{{ host.name }}: <{{ host.ip }}> 'ä'\n", &any_facts());
    assert_eq!(rendered.unwrap(), "one: <192.0.2.1> 'ä'\n".as_bytes());
    assert_eq!(render("", &any_facts()).unwrap(), b"");
    assert_eq!(
        render("{% for h in api_servers %}{{ h.name }}{% endfor %}\n", &any_facts()).unwrap(),
        b"one\n"
    );
}

#[test]
fn every_unknown_name_is_found_where_it_stands() {
    assert_eq!(
        found(
            "{{ host.nam }} {{ hots }}\n{% if a.b.c %}x{% endif %}{{ host.name ~ host.x }} {{ z == 1 }} {{ y | upper }}"
        ),
        [
            undefined(&["host.nam", "hots"]),
            vec![("a.b.c".to_owned(), "`a` is undefined".to_owned())],
            undefined(&["host.x", "z", "y"]),
        ]
        .concat()
    );
    assert_eq!(
        found("é hots {% set q = hots %}\n{{ q }} {{ w }}"),
        undefined(&["q", "w"])
    );
    assert_eq!(found("{{ [nothing] }}")[0].1, "the value is none, or a part of it");
}

#[test]
fn other_mistakes_do_not_hide_what_comes_after_them() {
    let all = found(
        "{{ host.name | uper }} {{ nofunction() }} {{ host.name.foo() }} {{ host.name + 1 }} {{ filter }} {{ 1 is oddd }} {{ x }}",
    );
    let places: Vec<&str> = all.iter().map(|(place, _)| place.as_str()).collect();
    assert_eq!(
        places,
        ["uper", "nofunction()", ".foo()", "host.name + 1", "filter", "oddd", "x"],
        "{all:?}"
    );
}

#[test]
fn a_mistake_in_the_syntax_has_a_place() {
    let problem = syntax_problem("a\n{{ host.name }\n").expect("a problem");
    assert_eq!(problem.kind, ProblemKind::Syntax);
    assert!(problem.span.start >= 2, "{problem:?}");
    assert_eq!(syntax_problem("{% raw %}{{ a {% endraw %}"), None);
    for template in ["{% include 'x' %}", "{% extends 'x' %}", "{% import 'x' as y %}"] {
        assert_eq!(problems(template, &any_facts()).len(), 1, "{template}");
    }
}

#[test]
fn what_could_fill_the_engines_stack_is_not_shown_to_it() {
    let text = |length: usize| format!("{{{{ '{}' }}}}\n", "a".repeat(length));
    assert_eq!(problems(&text(LONGEST_TAG - 8), &any_facts()), []);
    let [problem] = &problems(&text(LONGEST_TAG), &any_facts())[..] else {
        panic!("one problem")
    };
    assert_eq!((problem.kind, problem.span.clone()), (ProblemKind::Syntax, 0..2));
    // Neither quotes nor a raw part hide where a tag ends.
    let hidden = format!("{{{{ '}}}}' ~ '{}' }}}}", "a".repeat(LONGEST_TAG));
    assert_eq!(problems(&hidden, &any_facts()).len(), 1);
    let raw = format!(
        "{{% raw %}}{{{{ {} {{% endraw %}}{{{{ 1 }}}}\n",
        "a".repeat(LONGEST_TAG)
    );
    assert_eq!(problems(&raw, &any_facts()), []);
    assert_eq!(
        problems(&format!("{{# {} #}}x", "a".repeat(LONGEST_TAG)), &any_facts()),
        []
    );

    let nested = |depth: usize| format!("{}x{}", "{% if true %}".repeat(depth), "{%- endif %}".repeat(depth));
    assert_eq!(problems(&nested(DEEPEST_BLOCK), &any_facts()), []);
    assert_eq!(problems(&nested(DEEPEST_BLOCK + 1), &any_facts()).len(), 1);
    let one_after_another = "{% if true %}x{% else %}y{% endif %}{% set a = 1 %}".repeat(DEEPEST_BLOCK * 2);
    assert_eq!(problems(&one_after_another, &any_facts()), []);

    let calls = "{% macro down(n) %}{% if n > 0 %}{{ down(n - 1) }}{% endif %}{% endmacro %}";
    assert_eq!(problems(&format!("{calls}{{{{ down(5) }}}}x"), &any_facts()), []);
    assert_eq!(problems(&format!("{calls}{{{{ down(400) }}}}x"), &any_facts()).len(), 1);

    assert_eq!(problems(&"a".repeat(LONGEST_TEMPLATE), &any_facts()), []);
    assert_eq!(problems(&"a".repeat(LONGEST_TEMPLATE + 1), &any_facts()).len(), 1);
}

#[test]
fn a_problem_of_any_length_is_patched() {
    let template = "a".repeat(70_000);
    let problem = Problem {
        kind: ProblemKind::Failed,
        message: String::new(),
        span: 0..template.len(),
        harmless: AN_EXPRESSION,
    };
    let patched = without(&template, &problem).expect("something harmless");
    assert_eq!((patched.len(), patched.trim_end()), (template.len(), "''"));
}

#[test]
fn what_no_file_can_hold_is_refused() {
    for template in [
        r#"{{ "a\nb" }}"#,
        r#"{{ ["a", "b"] | join("\n") }}"#,
        r#"{{ "\u0000" }}"#,
        "{{ none }}",
        "{{ debug() }}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in range(9999) %}{{ 'x' * 9999 }}{% endfor %}",
        "{% for a in range(9999) %}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
         xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
         xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
         xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
         {% endfor %}",
    ] {
        assert!(render(template, &any_facts()).is_err(), "{template}");
    }
    assert!(
        render("a\n\tb\n", &any_facts()).is_ok(),
        "but the template's own text is the user's"
    );
}

#[test]
fn nothing_secret_is_within_reach() {
    for template in [
        "{{ encryption.key }}",
        "{{ key }}",
        "{{ vault }}",
        "{{ flags }}",
        "{{ authority }}",
    ] {
        assert_eq!(found(template).len(), 1, "{template}");
    }
}

proptest::proptest! {
    /// Whatever it is given, it comes to an end and its places lie in the text.
    #[test]
    fn it_ends(template in "([a-zé{}%#|. ()'\"\\[\\]]|\\{\\{|\\}\\}|\\{%|%\\}|host|name|if|for|in|endif|endfor|set|=){0,24}") {
        let facts = facts_once();
        for problem in problems(&template, facts) {
            proptest::prop_assert!(template.get(problem.span.clone()).is_some(), "{:?}", problem);
        }
    }
}

fn facts_once() -> &'static Facts {
    static FACTS: std::sync::OnceLock<Facts> = std::sync::OnceLock::new();
    FACTS.get_or_init(any_facts)
}
