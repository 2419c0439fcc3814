//! A text, or a list with one text for each address family: `"10.0.0.11"`, `["10.0.0.11", "fd00::11"]`.
use std::net::IpAddr;

use ipnet::IpNet;

use crate::cluster::Families;
use crate::diagnostic::{Reporter, codes};

use super::tree::{At, Fields, Value};

/// What is of one address family or the other.
pub trait OfFamily {
    fn is_ipv6(&self) -> bool;
}

impl OfFamily for IpAddr {
    fn is_ipv6(&self) -> bool {
        IpAddr::is_ipv6(self)
    }
}

impl OfFamily for IpNet {
    fn is_ipv6(&self) -> bool {
        matches!(self, IpNet::V6(_))
    }
}

/// The name of a family.
pub fn family_name(is_ipv6: bool) -> &'static str {
    if is_ipv6 { "IPv6" } else { "IPv4" }
}

/// The text `name`, or those of the list `name`, each of which is one by itself. None if it is absent or wrong; what is
/// wrong is reported.
fn texts(fields: &Fields<'_>, name: &str) -> Option<Vec<At<String>>> {
    let node = fields.get(name)?;
    let Value::List(list) = &node.value else {
        return Some(vec![fields.text(name)?]);
    };
    let read: Vec<_> = list.iter().map(|node| fields.doc.text(node)).collect();
    read.into_iter().collect()
}

/// The value `name` of one family, or one value of each, as `parse` reads them. None if it is absent or wrong; what is wrong
/// is reported.
pub fn read<T: OfFamily>(
    fields: &Fields<'_>,
    name: &str,
    parse: impl Fn(At<String>, &Reporter) -> Option<At<T>>,
) -> Option<Families<At<T>>> {
    let say = fields.doc.say;
    let texts = texts(fields, name)?;
    if texts.is_empty() {
        let message = format!("`{name}` is an empty list");
        say.at(fields.place(name), codes::ONE_PER_FAMILY, message);
        return None;
    }
    let count = texts.len();
    let read: Vec<At<T>> = texts.into_iter().filter_map(|text| parse(text, say)).collect();
    let sound = one_of_each(name, &read, say) && read.len() == count;
    Families::of(read).filter(|_| sound)
}

/// Reports every value of a family of which there is one already.
pub fn one_of_each<T: OfFamily>(name: &str, all: &[At<T>], say: &Reporter) -> bool {
    let mut sound = true;
    for (index, at) in all.iter().enumerate() {
        let is_ipv6 = at.value.is_ipv6();
        if all[..index].iter().any(|earlier| earlier.value.is_ipv6() == is_ipv6) {
            sound = false;
            let message = format!("`{name}` has more than one of the family {}", family_name(is_ipv6));
            say.at(&at.place, codes::ONE_PER_FAMILY, message);
        }
    }
    sound
}

/// What is asked of values that have places.
pub trait AtFamilies<T> {
    /// The values without their places.
    fn values(&self) -> Families<T>
    where
        T: Clone;

    /// The one of a family.
    fn of_family(&self, is_ipv6: bool) -> Option<&At<T>>
    where
        T: OfFamily;
}

impl<T> AtFamilies<T> for Families<At<T>> {
    fn values(&self) -> Families<T>
    where
        T: Clone,
    {
        self.map(|at| at.value.clone())
    }

    fn of_family(&self, is_ipv6: bool) -> Option<&At<T>>
    where
        T: OfFamily,
    {
        self.iter().find(|at| at.value.is_ipv6() == is_ipv6)
    }
}
