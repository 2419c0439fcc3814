pub struct Mistake { pub code: &'static str }
pub const MISTAKES: &[Mistake] = &[];
