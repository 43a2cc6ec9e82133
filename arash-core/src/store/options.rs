/// placeholder until merged
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// a
    #[default]
    Full,
    /// b
    Process,
}
/// c
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SqlOptions {
    /// d
    pub durability: Durability,
}
