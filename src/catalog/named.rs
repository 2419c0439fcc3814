//! Values that are chosen from a few by their names: each is said once, with its name beside it.

/// An enum whose values have names: all of them, the name of each, and the one that a name means.
macro_rules! named_values {
    ($(#[$of_all:meta])* pub enum $values:ident { $($(#[$of_one:meta])* $value:ident = $name:literal,)+ }) => {
        $(#[$of_all])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $values {
            $($(#[$of_one])* $value,)+
        }

        impl $values {
            /// All of them.
            pub const ALL: [$values; $values::NAMES.len()] = [$($values::$value),+];
            /// The names, in the order of the values.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// Its name.
            pub fn name(self) -> &'static str {
                match self {
                    $($values::$value => $name,)+
                }
            }

            /// The value of a name.
            pub fn named(name: &str) -> Option<$values> {
                match name {
                    $($name => Some($values::$value),)+
                    _ => None,
                }
            }
        }
    };
}

pub(crate) use named_values;
